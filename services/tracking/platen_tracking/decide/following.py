"""Which vendor orders are followed, and what a webhook does: bring the next reading forward."""

from __future__ import annotations

from msgspec.structs import replace
from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchAccepted
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_tracking.decide import pace
from platen_tracking.decide.facts import Hinted
from platen_tracking.model import Account, Followed, State, States, account_key, erased_key, watch_key, watch_of


def on_dispatch_accepted(states: States, fact: DispatchAccepted, context: Context) -> Outcome[State]:
    """An order of ours. A newer generation of the same vendor order is news: whatever is read next is told again."""
    key = watch_key(fact.vendor_id, fact.vendor_order_id)
    watch = watch_of(states, key)
    known = watch.order
    if known is not None and known.generation >= fact.generation:
        return Ignored("it is followed already")
    now = context.now
    order = Followed(
        order_id=fact.order_id,
        generation=fact.generation,
        external_id=fact.external_id,
        items=dict(fact.items),
        cause_id=context.meta.id,
        correlation_id=context.meta.correlation_id or context.meta.id,
        news_at=now,
        read_at=None if known is None else now,
        parcels={} if known is None else known.parcels,
        erased=erased_key(fact.order_id) in states,
    )
    hinted_at = watch.hinted_at
    if hinted_at is not None and now - hinted_at > pace.HINT_KEPT:
        hinted_at = None
    next_read_at = now if hinted_at is not None else pace.first_reading(states, fact.vendor_id, now)
    return Applied({key: replace(watch, order=order, next_read_at=next_read_at, hinted_at=hinted_at)})


def on_hinted(states: States, hint: Hinted, context: Context) -> Outcome[State]:
    key = watch_key(hint.vendor_id, hint.vendor_order_id)
    watch, now = watch_of(states, key), context.now
    if watch.order is None:
        return Applied({key: replace(watch, hinted_at=now)})
    at = pace.after_hint(watch.order, now)
    being_read = watch.leased_until is not None
    soon = watch.next_read_at is not None and watch.next_read_at <= at
    if watch.hinted_at is not None and soon and not being_read:
        return Ignored("it is about to be read")
    next_read_at = watch.next_read_at if soon else at
    return Applied({key: replace(watch, hinted_at=now, next_read_at=next_read_at)})


def on_vendor(_: States, vendor: Vendor, __: Context) -> Outcome[State]:
    return Applied({account_key(vendor.vendor_id): Account(vendor)})


def on_vendor_gone(_: States, tombstone: Tombstone, __: Context) -> Outcome[State]:
    """Its orders stay and wait: an account may come back."""
    return Applied({account_key(tombstone.key): Account(None)})
