"""Shop orders become orders: one per vendor, each shop line taken in exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork, Policies, Shop
from platen_contracts.envelope import rfc3339
from platen_contracts.ids import derived_id, order_id
from platen_contracts.status import OrderStatus
from platen_contracts.sync import Link, ShopLine, ShopOrderObserved
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing

from platen_orders.decide import change, erasure, files, merge
from platen_orders.decide.attention import REINSTATED, with_attention
from platen_orders.decide.change import SHOP, Edit
from platen_orders.model import (
    Entry,
    Held,
    Item,
    Json,
    Order,
    ShopOrder,
    artwork_key,
    replace,
    shop_key,
    shop_order_key,
    waiting_key,
)


def observed_touches(message: ShopOrderObserved) -> Iterable[str]:
    yield shop_order_key(message.shop_id, message.shop_order_id)
    yield shop_key(message.shop_id)
    for line in message.lines:
        if line.link is not None and line.link.artwork is not None:
            yield artwork_key(_ref(line.link))


def on_shop_order_observed(states: Mapping[str, Entry], message: ShopOrderObserved, context: Context) -> Outcome[Entry]:
    """New linked lines become orders; what changed of lines already taken in is merged with what operators edited."""
    key = shop_order_key(message.shop_id, message.shop_order_id)
    shop_order = _shop_order(states, key)
    revision = (rfc3339(message.modified_at), rfc3339(message.read_at))
    if revision < (shop_order.modified_at, shop_order.read_at):
        return Ignored("an older look at the shop order")
    held_orders = [held.order for held in _orders_of(states, shop_order)]
    told = message.model_dump(mode="json", exclude_none=True)
    seen = erasure.shop_copy(merge.carried(shop_order.last, told), held_orders)
    states_out: dict[str, Entry] = {}
    messages: list[Outgoing] = []
    for held in _orders_of(states, shop_order):
        outcome = change.apply(held, _shop_change(states, held.order, shop_order.last, seen, context), context)
        if outcome is not None:
            states_out |= outcome.states
            messages += outcome.messages
    lines, made = dict(shop_order.lines), shop_order.orders_made
    for vendor_lines in [] if message.cancelled else _new_lines_by_vendor(message, lines):
        order = _new_order(states, message, vendor_lines, made, context)
        order = replace(order, erased=erasure.all_erased(held_orders))
        outcome = change.apply(None, Edit(order, SHOP, edited=True), context)
        if outcome is not None:
            states_out |= outcome.states
            messages += outcome.messages
        made += 1
        lines |= {line.line_id: order.id for line, _ in vendor_lines}
    states_out[key] = replace(shop_order, modified_at=revision[0], read_at=revision[1], orders_made=made, lines=lines, last=seen)
    return Applied(states_out, messages)


def artwork_touches(message: Artwork | artwork_v1.Artwork) -> Iterable[str]:
    ref = f"{message.artwork_id}/{message.version}"
    return (artwork_key(ref), waiting_key(ref))


def on_artwork(states: Mapping[str, Entry], message: Artwork | artwork_v1.Artwork, context: Context) -> Outcome[Entry]:
    """An artwork version is published once; orders that waited for it are derived again."""
    ref = f"{message.artwork_id}/{message.version}"
    if artwork_key(ref) in states:
        return Ignored("an artwork version is immutable, and this one is known")
    artwork = artwork_v1.of_today(message)
    states_out: dict[str, Entry] = {artwork_key(ref): artwork}
    messages: list[Outgoing] = []
    for held in states.values():
        if isinstance(held, Held):
            items = {
                item_id: files.with_wanted(item, artwork) if item.artwork_ref == ref else item
                for item_id, item in held.order.items.items()
            }
            outcome = change.apply(held, Edit(replace(held.order, items=items)), context)
            if outcome is not None:
                states_out |= outcome.states
                messages += outcome.messages
    return Applied(states_out, messages)


def shop_touches(message: Shop) -> Iterable[str]:
    yield shop_key(message.shop_id)


def on_shop(states: Mapping[str, Entry], message: Shop, context: Context) -> Outcome[Entry]:
    """Policies hold from now on. Orders that were made before their shop was known are looked at again by `poll`."""
    key = shop_key(message.shop_id)
    return Ignored("nothing changed") if states.get(key) == message else Applied({key: message})


def gone_touches(gone: Tombstone) -> Iterable[str]:
    if gone.topic == "catalog.shops":
        yield shop_key(gone.key)


def on_gone(states: Mapping[str, Entry], gone: Tombstone, _: Context) -> Outcome[Entry]:
    """A shop that is taken out of the catalog has no wishes any more: the default policies hold for the orders it has left."""
    shop = states.get(shop_key(gone.key)) if gone.topic == "catalog.shops" else None
    if not isinstance(shop, Shop) or shop.policies == Policies():
        return Ignored("nothing of it is kept, or as little as can be")
    return Applied({shop_key(gone.key): shop.model_copy(update={"policies": Policies()})})


def _shop_order(states: Mapping[str, Entry], key: str) -> ShopOrder:
    held = states.get(key)
    return held if isinstance(held, ShopOrder) else ShopOrder()


def _orders_of(states: Mapping[str, Entry], shop_order: ShopOrder) -> Iterable[Held]:
    for order in shop_order.orders:
        held = states.get(order)
        if isinstance(held, Held):
            yield held


def _new_lines_by_vendor(message: ShopOrderObserved, taken: Mapping[str, str]) -> list[list[tuple[ShopLine, Link]]]:
    by_vendor: dict[str, list[tuple[ShopLine, Link]]] = {}
    for line in message.lines:
        if line.link is not None and line.line_id not in taken:
            by_vendor.setdefault(line.link.vendor_id, []).append((line, line.link))
    return list(by_vendor.values())


def _new_order(
    states: Mapping[str, Entry], message: ShopOrderObserved, lines: list[tuple[ShopLine, Link]], made: int, context: Context
) -> Order:
    now = rfc3339(context.now)
    items = {_item_id(message, line): _item(line, link, states) for line, link in lines}
    return Order(
        id=order_id(message.shop_id, message.shop_order_id, lines[0][0].line_id),
        number=f"#{message.number}" if made == 0 else f"#{message.number}-{made + 1}",
        shop_id=message.shop_id,
        shop_order_id=message.shop_order_id,
        vendor_id=lines[0][1].vendor_id,
        custom=lines[0][1].custom,
        currency=message.currency,
        created_at=now,
        placed_at=rfc3339(message.placed_at),
        status=OrderStatus.NEW,
        status_since=now,
        items=items,
        recipient=None if message.recipient is None else message.recipient.model_dump(mode="json", exclude_none=True),
        buyer_note=message.buyer_note,
    )


def _item_id(message: ShopOrderObserved, line: ShopLine) -> str:
    return derived_id("item", message.shop_id, message.shop_order_id, line.line_id)


def _item(line: ShopLine, link: Link, states: Mapping[str, Entry]) -> Item:
    artwork = states.get(artwork_key(_ref(link))) if link.artwork is not None else None
    item = Item(
        line_id=line.line_id,
        listing_id=link.listing_id,
        title=line.title,
        variant=line.variant,
        quantity=line.quantity,
        product=link.product.model_dump(mode="json"),
        profile=link.profile.model_dump(mode="json"),
        artwork=None if link.artwork is None else link.artwork.model_dump(mode="json"),
        price=None if line.price is None else line.price.model_dump(mode="json"),
        answers=files.plain(link.answers),
    )
    return files.with_wanted(item, artwork if isinstance(artwork, Artwork) else None)


def _ref(link: Link) -> str:
    return "" if link.artwork is None else f"{link.artwork.artwork_id}/{link.artwork.version}"


def _shop_change(states: Mapping[str, Entry], order: Order, last: Json | None, seen: Json, context: Context) -> Edit:
    """What a look at the shop makes of an order: changed fields merged, then cancelled or reinstated."""
    if last is None:
        return Edit(order)
    merged = merge.observed(order, last, seen, states)
    edited = merge.edited(order, merged)
    personal = merge.personal_of(order, merged)
    if seen["cancelled"] and not last["cancelled"]:
        return Edit(replace(merged, cancelled_in_shop=True), SHOP, edited=True, personal_changed=personal)
    if last["cancelled"] and not seen["cancelled"]:
        if merged.archived_from is not None and merged.cancelled_in_shop:
            remedy = "Cancelled in the shop, and now no more: unarchive it, to go on."
            merged = with_attention(merged, REINSTATED, remedy, rfc3339(context.now))
        merged = replace(merged, cancelled_in_shop=False, kept=False)
    return Edit(merged, SHOP, edited=edited, personal_changed=personal)
