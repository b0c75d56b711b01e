"""The table of sync: message → what it touches, what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from platen_contracts.catalog import Listing, Shop, Vendor
from platen_contracts.common import Actor
from platen_contracts.message import Message
from platen_contracts.orders import OrderPrivate, OrderSnapshot
from platen_contracts.sync import CancelSync, ReconcileShop, ShopOrderObserved, SyncProgressed, SyncShop
from platen_messaging.handlers import Handlers, On, OnTombstone, Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Key, Outcome, Outgoing

from platen_sync.decide import observing, posting, runs
from platen_sync.decide.facts import (
    Hinted,
    LinkCame,
    OrderNotRead,
    OrderRead,
    OrdersReread,
    PageRead,
    PollDue,
    PostingBegun,
    PostingDone,
    PostingFailed,
    RunFailed,
)
from platen_sync.decide.hints import hinted, not_read
from platen_sync.model import (
    Account,
    Listed,
    PlatenOrder,
    Run,
    RunKind,
    SeenOrder,
    ShopOrder,
    State,
    VendorKept,
    listing_key,
    order_key,
    shop_key,
    shop_order_key,
    vendor_key,
)

States = Mapping[Key, State]


def _account(states: States, shop_id: str) -> Account:
    return cast("Account", states.get(shop_key(shop_id)) or Account(shop_id))


def _shop_order(states: States, shop_id: str, shop_order_id: str) -> ShopOrder:
    return cast("ShopOrder", states.get(shop_order_key(shop_id, shop_order_id)) or ShopOrder(shop_id, shop_order_id))


def _order(states: States, order_id: str) -> PlatenOrder:
    return cast("PlatenOrder", states.get(order_key(order_id)) or PlatenOrder(order_id))


def _catalog(states: States, shop_id: str) -> observing.Catalog:
    return lambda listing_id: cast("Listed | None", states.get(listing_key(shop_id, listing_id)))


def _sent(message: Message, context: Context) -> Outgoing:
    """Where each kind of message goes, under which key."""
    match message:
        case ShopOrderObserved():
            topic, key = "sync.orders", f"{message.shop_id}/{message.shop_order_id}"
        case SyncProgressed():
            topic, key = "sync.progress", message.shop_id
        case _:
            topic, key = "sync.results", cast("str", getattr(message, "order_id"))  # noqa: B009
    distinct = message.run_id if isinstance(message, SyncProgressed) else key
    return Outgoing(topic, key, message, context.id(message.TYPE, distinct))


def _applied(step: runs.Step, context: Context) -> Applied[State]:
    states: dict[Key, State] = {shop_key(step.account.shop_id): step.account}
    states.update({shop_order_key(order.shop_id, order.shop_order_id): order for order in step.orders})
    return Applied(states, [_sent(message, context) for message in step.messages])


# --- the catalog


def _shop_came(states: States, shop: Shop, context: Context) -> Outcome[State]:
    return Applied({shop_key(shop.shop_id): runs.shop_came(_account(states, shop.shop_id), shop, context.now)})


def _listing_came(states: States, listing: Listing, context: Context) -> Outcome[State]:
    key = listing_key(listing.shop_id, listing.listing_id)
    held = cast("Listed", states.get(key) or Listed(listing.shop_id, listing.listing_id))
    return Applied({key: replace(held, listing=listing)})


def _vendor_came(states: States, vendor: Vendor, context: Context) -> Outcome[State]:
    return Applied({vendor_key(vendor.vendor_id): VendorKept(vendor.vendor_id, vendor)})


def _tombstone_touches(stone: Tombstone) -> Iterable[Key]:
    match stone.topic:
        case "catalog.shops":
            return (shop_key(stone.key),)
        case "catalog.listings":
            return (f"listing/{stone.key}",)
        case "catalog.vendors":
            return (vendor_key(stone.key),)
        case "orders.status" | "orders.private":
            return (order_key(stone.key),)
        case _:
            return ()


def _tombstone(states: States, stone: Tombstone, context: Context) -> Outcome[State]:
    match stone.topic:
        case "catalog.shops":
            return _applied(runs.shop_gone(_account(states, stone.key)), context)
        case "catalog.listings" if isinstance(held := states.get(f"listing/{stone.key}"), Listed):
            return Applied({f"listing/{stone.key}": replace(held, listing=None)})
        case "catalog.vendors":
            return Applied({vendor_key(stone.key): VendorKept(stone.key)})
        case "orders.status" | "orders.private":
            return Applied({order_key(stone.key): posting.forget(_order(states, stone.key))})
        case _:
            return Ignored("nothing is held under this key")


# --- runs


def _sync(states: States, command: SyncShop, context: Context) -> Outcome[State]:
    run = _run(RunKind.ASKED, command.actor, context).model_copy(update={"since": command.since})
    return _begun(runs.start(_account(states, command.shop_id), run), context)


def _reconcile(states: States, command: ReconcileShop, context: Context) -> Outcome[State]:
    return _begun(runs.start(_account(states, command.shop_id), _run(RunKind.RECONCILE, command.actor, context)), context)


def _poll_due(states: States, fact: PollDue, context: Context) -> Outcome[State]:
    account = _account(states, fact.shop_id)
    if account.shop is None or account.runs or account.poll_at is None or account.poll_at > context.now:
        return Ignored("not due")
    return _begun(runs.start(account, _run(RunKind.POLL, runs.POLLER, context)), context)


def _run(kind: RunKind, actor: Actor, context: Context) -> Run:
    return Run(run_id=context.id("run"), kind=kind, actor=actor, began_at=context.now)


def _begun(step: runs.Step | str, context: Context) -> Outcome[State]:
    return Ignored(step) if isinstance(step, str) else _applied(step, context)


def _cancel(states: States, command: CancelSync, context: Context) -> Outcome[State]:
    account = _account(states, command.shop_id)
    return _applied(runs.cancel(account), context) if account.runs else Ignored("no run is under way")


def _run_failed(states: States, fact: RunFailed, context: Context) -> Outcome[State]:
    account = _account(states, fact.shop_id)
    run = runs.find(account, fact.run_id)
    return _applied(runs.fail(account, run, fact.problem, context.now), context) if run else Ignored("the run is over")


def _page_read(states: States, fact: PageRead, context: Context) -> Outcome[State]:
    account = _account(states, fact.shop_id)
    run = runs.find(account, fact.run_id)
    if run is None or account.shop is None:
        return Ignored("the run is over")
    if run.asked != fact.asked:
        return Ignored("the page was taken already")
    count = _counted(states, fact, account.shop)
    return _applied(runs.page_taken(account, run, fact.modified, fact.per_page, count, context.now), context)


def _reread(states: States, fact: OrdersReread, context: Context) -> Outcome[State]:
    account = _account(states, fact.shop_id)
    run = runs.find(account, fact.run_id)
    if run is None or account.shop is None:
        return Ignored("the run is over")
    if run.passed != fact.passed:
        return Ignored("the step was taken already")
    count = _counted(states, fact, account.shop)
    return _applied(runs.reread(account, run, fact.until, count, context.now), context)


def _counted(states: States, fact: PageRead | OrdersReread, shop: Shop) -> runs.Count:
    catalog, count = _catalog(states, shop.shop_id), runs.Count(fact.run_id)
    for seen in fact.orders:
        held = _shop_order(states, shop.shop_id, seen.shop_order_id)
        count.take(observing.observe(held, seen, fact.read_at, catalog, sync_from=shop.sync_from))
    count.take_unreadable(fact.unreadable)
    return count


# --- single shop orders


def _hinted(states: States, fact: Hinted, context: Context) -> Outcome[State]:
    order = _shop_order(states, fact.shop_id, fact.shop_order_id)
    return Applied({shop_order_key(fact.shop_id, fact.shop_order_id): hinted(order, context.now)})


def _order_read(states: States, fact: OrderRead, context: Context) -> Outcome[State]:
    account, held = _account(states, fact.shop_id), _shop_order(states, fact.shop_id, fact.seen.shop_order_id)
    if account.shop is None:
        return Ignored("the shop is not in the catalog")
    catalog = _catalog(states, fact.shop_id)
    return _observed(observing.observe(held, fact.seen, fact.read_at, catalog, sync_from=account.shop.sync_from), context)


def _order_not_read(states: States, fact: OrderNotRead, context: Context) -> Outcome[State]:
    held = _shop_order(states, fact.shop_id, fact.shop_order_id)
    state = not_read(held, fact.read_at, context.now, for_good=fact.for_good)
    return Applied({shop_order_key(fact.shop_id, fact.shop_order_id): state})


def _link_came(states: States, fact: LinkCame, context: Context) -> Outcome[State]:
    account, held = _account(states, fact.shop_id), _shop_order(states, fact.shop_id, fact.shop_order_id)
    if account.shop is None:
        return Ignored("the shop is not in the catalog")
    catalog = _catalog(states, fact.shop_id)
    return _observed(observing.relink(held, catalog, sync_from=account.shop.sync_from), context)


def _observed(outcome: observing.Reported | observing.Known | observing.Skipped, context: Context) -> Outcome[State]:
    state = outcome.state
    messages = [_sent(outcome.observed, context)] if isinstance(outcome, observing.Reported) else []
    return Applied({shop_order_key(state.shop_id, state.shop_order_id): state}, messages)


# --- tracking back


def _status_came(states: States, snapshot: OrderSnapshot, context: Context) -> Outcome[State]:
    order = posting.status_came(_order(states, snapshot.order_id), snapshot, context.now)
    return Applied({order_key(snapshot.order_id): order}) if order else Ignored("an older version")


def _private_came(states: States, private: OrderPrivate, context: Context) -> Outcome[State]:
    order = posting.private_came(_order(states, private.order_id), private, context.now)
    return Applied({order_key(private.order_id): order}) if order else Ignored("an older version")


def _posting_begun(states: States, fact: PostingBegun, context: Context) -> Outcome[State]:
    order = posting.begin(_order(states, fact.order_id), fact.parcel, fact.read_at, context.now)
    return Applied({order_key(fact.order_id): order}) if order else Ignored("another process is at it")


def _posting_done(states: States, fact: PostingDone, context: Context) -> Outcome[State]:
    return _posted(posting.done(_order(states, fact.order_id), fact.parcel, context.now), context)


def _posting_failed(states: States, fact: PostingFailed, context: Context) -> Outcome[State]:
    return _posted(posting.failed(_order(states, fact.order_id), fact, context.now), context)


def _posted(step: posting.Posted | None, context: Context) -> Outcome[State]:
    if step is None:
        return Ignored("the posting is settled")
    return Applied({order_key(step.order.order_id): step.order}, [_sent(step.told, context)] if step.told else [])


# --- touches


def _shop_of(message: SyncShop | ReconcileShop | CancelSync | PollDue | RunFailed | Shop) -> Iterable[Key]:
    return (shop_key(message.shop_id),)


def _orders_of(fact: PageRead | OrdersReread) -> Iterable[Key]:
    yield shop_key(fact.shop_id)
    for seen in fact.orders:
        yield from _seen_keys(fact.shop_id, seen)


def _seen_keys(shop_id: str, seen: SeenOrder) -> Iterable[Key]:
    yield shop_order_key(shop_id, seen.shop_order_id)
    for line in seen.lines:
        yield from (listing_key(shop_id, one) for one in line.listing_ids)


def _read_keys(fact: OrderRead) -> Iterable[Key]:
    yield shop_key(fact.shop_id)
    yield from _seen_keys(fact.shop_id, fact.seen)


def _link_keys(fact: LinkCame) -> Iterable[Key]:
    yield shop_key(fact.shop_id)
    yield shop_order_key(fact.shop_id, fact.shop_order_id)
    yield from (listing_key(fact.shop_id, one) for one in fact.listing_ids)


def _shop_order_of(fact: Hinted | OrderNotRead) -> Iterable[Key]:
    return (shop_order_key(fact.shop_id, fact.shop_order_id),)


def _order_of(message: OrderSnapshot | OrderPrivate | PostingBegun | PostingDone | PostingFailed) -> Iterable[Key]:
    return (order_key(message.order_id),)


HANDLERS: Handlers[State] = Handlers(
    On(Shop, _shop_of, _shop_came),
    On(Listing, lambda listing: (listing_key(listing.shop_id, listing.listing_id),), _listing_came),
    On(Vendor, lambda vendor: (vendor_key(vendor.vendor_id),), _vendor_came),
    On(SyncShop, _shop_of, _sync),
    On(ReconcileShop, _shop_of, _reconcile),
    On(CancelSync, _shop_of, _cancel),
    On(PollDue, _shop_of, _poll_due),
    On(RunFailed, _shop_of, _run_failed),
    On(PageRead, _orders_of, _page_read),
    On(OrdersReread, _orders_of, _reread),
    On(Hinted, _shop_order_of, _hinted),
    On(OrderRead, _read_keys, _order_read),
    On(OrderNotRead, _shop_order_of, _order_not_read),
    On(LinkCame, _link_keys, _link_came),
    On(OrderSnapshot, _order_of, _status_came),
    On(OrderPrivate, _order_of, _private_came),
    On(PostingBegun, _order_of, _posting_begun),
    On(PostingDone, _order_of, _posting_done),
    On(PostingFailed, _order_of, _posting_failed),
    tombstone=OnTombstone(_tombstone_touches, _tombstone),
)
