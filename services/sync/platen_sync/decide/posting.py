"""Tracking posted back to the shop, once per parcel and number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platen_contracts.orders import OrderPrivate, OrderSnapshot
from platen_contracts.sync import TrackingNotPosted, TrackingPosted

from platen_sync.decide.facts import PostingBegun, PostingDone, PostingFailed
from platen_sync.model import Parcel, PlatenOrder, Posting, PostingState, Tracking

SETTLE = timedelta(seconds=60)
"""A post of unknown outcome, or of a process that died, has landed or never will after this; only then the shop is read again."""

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Posted:
    """An order after a step of one of its postings, and what to tell of it."""

    order: PlatenOrder
    told: TrackingPosted | TrackingNotPosted | None = None


def status_came(order: PlatenOrder, snapshot: OrderSnapshot, now: datetime) -> PlatenOrder | None:
    """None when it is not news."""
    if snapshot.version <= order.version:
        return None
    parcels = {
        key: Parcel(carrier=parcel.carrier, shipped_at=parcel.shipped_at, posted=parcel.posted)
        for key, parcel in snapshot.parcels.items()
    }
    known = replace(
        order,
        shop_id=snapshot.shop_id,
        shop_order_id=snapshot.shop_order_id,
        status=snapshot.status,
        version=snapshot.version,
        parcels=parcels,
    )
    return _wanted(known, now)


def private_came(order: PlatenOrder, private: OrderPrivate, now: datetime) -> PlatenOrder | None:
    """None when it is not news."""
    if private.version <= order.private_version:
        return None
    tracking = {
        key: Tracking(tracking_number=one.tracking_number, tracking_url=one.tracking_url) for key, one in private.tracking.items()
    }
    known = replace(
        order,
        shop_id=private.shop_id,
        shop_order_id=private.shop_order_id,
        private_version=private.version,
        tracking=tracking,
    )
    return _wanted(known, now)


def forget(order: PlatenOrder) -> PlatenOrder:
    """Erased or purged: numbers go, and with them what was still to be posted."""
    blank = {"tracking_number": "", "tracking_url": None, "due_at": None}
    postings = {
        key: one.model_copy(update=blank | ({"state": PostingState.REFUSED} if one.state is PostingState.WANTED else {}))
        for key, one in order.postings.items()
    }
    return replace(order, tracking={}, postings=postings)


def begin(order: PlatenOrder, fact: PostingBegun, now: datetime) -> PlatenOrder | None:
    """The intent: from here on the tracking may be in the shop.

    None when another process is, or was, at it, or the number has changed.
    """
    posting = _open(order, fact.parcel)
    if posting is None or posting.tracking_number != fact.tracking_number:
        return None
    if posting.started_at is not None and fact.read_at < posting.started_at + SETTLE:
        return None
    changes = {"started_at": now, "due_at": now + SETTLE, "tries": posting.tries + 1}
    return _with(order, fact.parcel, posting.model_copy(update=changes))


def done(order: PlatenOrder, fact: PostingDone, now: datetime) -> Posted | None:
    posting = _open(order, fact.parcel)
    if posting is None or posting.tracking_number != fact.tracking_number:
        return None
    after = _with(order, fact.parcel, posting.model_copy(update={"state": PostingState.POSTED, "due_at": None}))
    return Posted(_wanted(after, now), TrackingPosted(order_id=order.order_id, parcel=fact.parcel, at=now))


def failed(order: PlatenOrder, fact: PostingFailed, now: datetime) -> Posted | None:
    """Tried again later unless that cannot help; the same trouble is told of once."""
    posting = _open(order, fact.parcel)
    if posting is None:
        return None
    wait = min(FIRST_WAIT * 2 ** min(posting.tries, 10), LONGEST_WAIT)
    changes: dict[str, object] = {"tries": posting.tries + 1, "due_at": now + (max(wait, SETTLE) if fact.maybe_done else wait)}
    if not fact.maybe_done:
        changes["started_at"] = None
    if fact.for_good:
        changes |= {"state": PostingState.REFUSED, "due_at": None}
    told = None
    if fact.tell and posting.told != fact.code:
        changes["told"] = fact.code
        told = TrackingNotPosted(order_id=order.order_id, parcel=fact.parcel, code=fact.code, remedy=fact.remedy)
    return Posted(_wanted(_with(order, fact.parcel, posting.model_copy(update=changes)), now), told)


def _wanted(order: PlatenOrder, now: datetime) -> PlatenOrder:
    """Every parcel with a tracking number that is not yet in the shop is to be posted, also one whose number changed since."""
    postings = dict(order.postings)
    for key, parcel in order.parcels.items():
        tracking, held = order.tracking.get(key), postings.get(key)
        if tracking is None or not tracking.tracking_number:
            continue
        if parcel.posted if held is None else _stands(held, tracking.tracking_number):
            continue
        postings[key] = Posting(tracking_number=tracking.tracking_number, tracking_url=tracking.tracking_url, due_at=now)
    return replace(order, postings=postings)


def _stands(held: Posting, tracking_number: str) -> bool:
    """Nothing else is to be posted: it is that number, it was forgotten, or one that may be on its way is to be settled first."""
    if held.state is PostingState.WANTED and held.started_at is not None:
        return True
    return held.tracking_number in ("", tracking_number)


def _open(order: PlatenOrder, parcel: str) -> Posting | None:
    posting = order.postings.get(parcel)
    return posting if posting is not None and posting.state is PostingState.WANTED else None


def _with(order: PlatenOrder, parcel: str, posting: Posting) -> PlatenOrder:
    return replace(order, postings={**order.postings, parcel: posting})
