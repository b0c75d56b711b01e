"""What was read at the vendor, against what was last told: messages only for what is new."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace
from platen_contracts import tracking
from platen_contracts.status import VendorStatus
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing
from platen_vendors.model import Shipment, Snapshot

from platen_tracking.decide import pace
from platen_tracking.decide.facts import OrderNotRead, OrderRead, VendorOrderFact
from platen_tracking.decide.forgetting import bare
from platen_tracking.model import Followed, Parcel, State, States, Told, Watch, watch_key, watch_of

ABSENCES = 5
"""Answers in a row that there is no such order, after which that is told: an order does not vanish in one."""

GONE = Told(raw="not found", status=VendorStatus.UNKNOWN)

_PARCELS_AT_ONCE = 100
_OURS = re.compile(r"[0-9a-f]{32}")


def on_order_read(states: States, fact: OrderRead, context: Context) -> Outcome[State]:
    key = watch_key(fact.vendor_id, fact.vendor_order_id)
    watch = watch_of(states, key)
    order = watch.order
    if (reason := _of_no_use(order, fact.read_at)) is not None or order is None:
        return Ignored(reason or "")
    if fact.snapshot.external_id not in (None, order.external_id):
        return _failed(key, watch, replace(order, failures=order.failures + 1), context.now)
    parcels = merged(order.parcels, fact.snapshot.shipments)
    seen = replace(
        order,
        read_at=fact.read_at,
        told=told_of(fact.snapshot),
        parcels=bare(parcels) if order.erased else parcels,
        failures=0,
        absences=0,
    )
    news = list(_news(order, seen, fact, context))
    seen = replace(seen, news_at=fact.read_at) if news else seen
    return Applied({key: _read(watch, seen, bool(news), states, fact)}, news)


def on_order_not_read(states: States, fact: OrderNotRead, context: Context) -> Outcome[State]:
    key = watch_key(fact.vendor_id, fact.vendor_order_id)
    watch = watch_of(states, key)
    order = watch.order
    if (reason := _of_no_use(order, fact.read_at)) is not None or order is None:
        return Ignored(reason or "")
    if fact.again_at is not None:
        return Applied({key: replace(watch, next_read_at=fact.again_at, leased_until=None)})
    absences = order.absences + 1 if fact.absent else 0
    failed = replace(order, failures=order.failures + 1, absences=absences)
    if absences >= ABSENCES and order.told != GONE:
        failed = replace(failed, told=GONE, read_at=fact.read_at)
    return _failed(key, watch, failed, context.now, list(_news(order, failed, fact, context)))


def told_of(snapshot: Snapshot) -> Told:
    return Told(snapshot.status_raw, snapshot.status.value, _ours(snapshot.cancelled_units), snapshot.ended)


def merged(held: Mapping[str, Parcel], shipments: tuple[Shipment, ...]) -> dict[str, Parcel]:
    """A set by shipment id: a parcel is never lost, and never loses what was once known of it."""
    parcels = dict(held)
    for shipment in shipments:
        parcels[shipment.shipment_id] = _parcel(parcels.get(shipment.shipment_id) or Parcel({}), shipment)
    return parcels


def _parcel(known: Parcel, seen: Shipment) -> Parcel:
    return Parcel(
        units=_ours(seen.units) or known.units,
        carrier=seen.carrier or known.carrier,
        service=seen.service or known.service,
        tracking_number=seen.tracking_number or known.tracking_number,
        tracking_url=seen.tracking_url or known.tracking_url,
        shipped_at=seen.shipped_at or known.shipped_at,
        reshipment=seen.reshipment or known.reshipment,
    )


def _ours(units: Mapping[str, int]) -> dict[str, int]:
    """Without lines that somebody added at the vendor under an id of their own."""
    return {item: count for item, count in units.items() if _OURS.fullmatch(item)}


def _of_no_use(order: Followed | None, read_at: datetime) -> str | None:
    if order is None:
        return "it is followed no longer"
    return "an older look at the vendor" if order.read_at is not None and read_at <= order.read_at else None


def _read(watch: Watch, order: Followed, is_news: bool, states: States, fact: OrderRead) -> Watch:
    """The row after a reading: a webhook that came after the question left wants another one."""
    if is_news:
        order = replace(order, idle_hints=0)
    if watch.hinted_at is not None and watch.hinted_at > fact.read_at:
        return Watch(order, pace.after_hint(order, watch.hinted_at), watch.hinted_at)
    if watch.hinted_at is not None and not is_news:
        order = replace(order, idle_hints=order.idle_hints + 1)
    next_read_at = pace.next_reading(order, pace.poll_every(states, fact.vendor_id), fact.read_at)
    return Watch() if next_read_at is None else Watch(order, next_read_at)


def _failed(key: str, watch: Watch, order: Followed, now: datetime, news: list[Outgoing] | None = None) -> Outcome[State]:
    """Again later, until nothing was heard of it for too long."""
    gone = order.told == GONE
    if now - order.news_at >= (pace.SETTLED_FOR if gone else pace.GIVE_UP):
        return Applied({key: Watch()}, news or ())
    if watch.hinted_at is not None:
        order = replace(order, idle_hints=order.idle_hints + 1)
    next_read_at = now + pace.SETTLED_EVERY if gone else pace.retry(order.failures, now)
    return Applied({key: Watch(order, next_read_at, watch.hinted_at)}, news or ())


def _news(before: Followed, after: Followed, fact: VendorOrderFact, context: Context) -> Iterator[Outgoing]:
    """Parcels first: whoever hears that the vendor ended an order has then heard of all that was shipped."""
    about = {
        "order_id": after.order_id,
        "vendor_id": fact.vendor_id,
        "vendor_order_id": fact.vendor_order_id,
        "external_id": after.external_id,
        "generation": after.generation,
        "read_at": after.read_at,
    }
    if after.parcels != before.parcels:
        parcels = [(key, _told(parcel)) for key, parcel in after.parcels.items()]
        for start in range(0, len(parcels), _PARCELS_AT_ONCE):
            some = dict(parcels[start : start + _PARCELS_AT_ONCE])
            yield _out(tracking.ShipmentUpdated(**about, parcels=some), after, context.id("parcels", start))
    if after.told is not None and after.told != before.told:
        told = after.told
        changed = tracking.VendorOrderChanged(
            **about, raw=told.raw, status=told.status, cancelled_units=told.cancelled, ended=told.ended
        )
        yield _out(changed, after, context.id("changed"))


def _told(parcel: Parcel) -> tracking.Parcel:
    return tracking.Parcel(
        carrier=parcel.carrier,
        service=parcel.service,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        shipped_at=parcel.shipped_at,
        units=parcel.units,
        reshipment=parcel.reshipment,
    )


def _out(message: tracking.ShipmentUpdated | tracking.VendorOrderChanged, order: Followed, message_id: str) -> Outgoing:
    return Outgoing("tracking.updates", order.order_id, message, message_id)
