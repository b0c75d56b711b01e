"""What other services report. A fact is applied in any status and any order of arrival, or ignored as known or older."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeVar

from platen_contracts import dispatch, sync, tracking
from platen_contracts.envelope import rfc3339
from platen_contracts.message import Message
from platen_contracts.status import OrderStatus
from platen_messaging.outcome import Context, Ignored, Outcome, Outgoing, Unusable

from platen_orders.decide import change
from platen_orders.decide.attention import REFUSED, with_attention
from platen_orders.decide.change import SYSTEM, Edit
from platen_orders.model import (
    Entry,
    Failure,
    Held,
    Order,
    Parcel,
    Posting,
    Refusal,
    Sending,
    VendorOrder,
    replace,
)
from platen_orders.transitions import dead, derive

M = TypeVar("M", bound=Message)
Rule = Callable[[Order, M, Context], Edit | str]
"""The edit that the fact makes, or why it is ignored."""

_STRENGTH = {"requested": 0, "started": 1, "delayed": 2, "in_doubt": 3, "withdrawn": 4, "refused": 5, "accepted": 6}
_WEAK = frozenset({"requested", "started", "delayed", "in_doubt"})
"""Among these the higher attempt wins."""


def decide(order_id: Callable[[M], str], rule: Rule[M]) -> Callable[[Mapping[str, Entry], M, Context], Outcome[Entry]]:
    """A fact's decision: applied as its `rule` says, ignored where nothing is new, unusable on an order nobody made."""

    def decided(states: Mapping[str, Entry], fact: M, context: Context) -> Outcome[Entry]:
        held = states.get(order_id(fact))
        if not isinstance(held, Held):
            return Unusable(f"order {order_id(fact)} was never made")
        answer = rule(held.order, fact, context)
        if isinstance(answer, str):
            return Ignored(answer)
        return change.apply(held, answer, context) or Ignored("known already")

    return decided


def on_dispatch_started(order: Order, fact: dispatch.DispatchStarted, context: Context) -> Edit | str:
    return _progress(order, fact, "started", context, attempt=fact.attempt)


def on_dispatch_delayed(order: Order, fact: dispatch.DispatchDelayed, context: Context) -> Edit | str:
    return _progress(
        order, fact, "delayed", context, attempt=fact.attempt, next_try=rfc3339(fact.next_try), reason=fact.code
    )  # fmt: skip


def on_dispatch_in_doubt(order: Order, fact: dispatch.DispatchInDoubt, context: Context) -> Edit | str:
    next_look = None if fact.next_look is None else rfc3339(fact.next_look)
    return _progress(order, fact, "in_doubt", context, attempt=fact.attempt, next_try=next_look, reason=fact.reason)


def on_dispatch_withdrawn(order: Order, fact: dispatch.DispatchWithdrawn, context: Context) -> Edit | str:
    return _progress(order, fact, "withdrawn", context)


def on_dispatch_refused(order: Order, fact: dispatch.DispatchRefused, context: Context) -> Edit | str:
    """One that comes after the withdrawal of the same generation fails the order too, unless it was taken back to New since."""
    edit = _progress(order, fact, "refused", context)
    if isinstance(edit, str):
        return edit
    failure = Failure(code=fact.code, remedy=fact.remedy, field=fact.field)
    told = replace(edit.order, vendor_words=fact.vendor_words)
    if not order.in_flight and derive(order) == OrderStatus.NEW:
        remedy = f"What was withdrawn, the vendor would have refused ({fact.code}): {fact.remedy}"
        told = with_attention(told, REFUSED, remedy, rfc3339(context.now))
    else:
        told = _judged(replace(told, refusal=Refusal(generation=fact.generation, failure=failure)))
    return dataclasses.replace(edit, order=told, personal_changed=["vendor_words"])


def on_dispatch_accepted(order: Order, fact: dispatch.DispatchAccepted, context: Context) -> Edit | str:
    """Of any generation: it proves acceptance. A newer generation in flight is asked to withdraw in the same transaction."""
    at = rfc3339(context.meta.time)
    held = order.vendor_orders.get(fact.vendor_order_id)
    if held is not None and held.generation > fact.generation:
        return "a newer acceptance of the same vendor order is known"
    kept = VendorOrder(generation=fact.generation, taken_at=at) if held is None else held
    # Told again of one generation, it was taken when that was told first: an ending that was read since then still stands.
    taken_at = min(at, kept.taken_at) if kept.generation == fact.generation else max(at, kept.taken_at)
    vendor_order = replace(kept, generation=fact.generation, taken_at=taken_at, differs=tuple(sorted(fact.differs)))
    accepted, messages = _taken(order, fact.vendor_order_id, vendor_order, context)
    return Edit(accepted, messages=messages)


def on_shipment_updated(order: Order, fact: tracking.ShipmentUpdated, context: Context) -> Edit | str:
    """Parcels are merged by key, never replaced; and a shipment proves acceptance."""
    parcels, read_at = dict(order.parcels), rfc3339(fact.read_at)
    for key, parcel in fact.parcels.items():
        parcels[key] = _posted(_merged(parcels.get(key), parcel, read_at), order.postings.get(key))
    shipped = replace(order, parcels=parcels)
    held = order.vendor_orders.get(fact.vendor_order_id)
    messages: list[Outgoing] = []
    if held is None:
        taken = VendorOrder(generation=fact.generation, taken_at=read_at)
        shipped, messages = _taken(shipped, fact.vendor_order_id, taken, context)
    personal = ["tracking"] if parcels != order.parcels else []
    return Edit(_judged(shipped), messages=messages, personal_changed=personal)


def on_vendor_order_changed(order: Order, fact: tracking.VendorOrderChanged, context: Context) -> Edit | str:
    """Tracking follows only what dispatch saw accepted, so this proves acceptance too, whichever of the two comes first."""
    held = order.vendor_orders.get(fact.vendor_order_id)
    read_at = rfc3339(fact.read_at)
    messages: list[Outgoing] = []
    if held is None:
        held = VendorOrder(generation=fact.generation, taken_at=read_at)
        order, messages = _taken(order, fact.vendor_order_id, held, context)
    if held.read_at is not None and held.read_at >= read_at:
        return "an older look at the vendor"
    seen = replace(
        held, status=fact.status, raw=fact.raw, read_at=read_at, ended=fact.ended, cancelled=dict(fact.cancelled_units)
    )  # fmt: skip
    changed = replace(order, vendor_orders={**order.vendor_orders, fact.vendor_order_id: seen})
    return Edit(_judged(changed), messages=messages)


def on_tracking_posted(order: Order, fact: sync.TrackingPosted, context: Context) -> Edit | str:
    return _with_posting(order, fact.parcel, Posting(at=rfc3339(context.meta.time)))


def on_tracking_not_posted(order: Order, fact: sync.TrackingNotPosted, context: Context) -> Edit | str:
    return _with_posting(order, fact.parcel, Posting(at=rfc3339(context.meta.time), remedy=fact.remedy))


def _with_posting(order: Order, key: str, posting: Posting) -> Edit | str:
    """Remembered also of a parcel that tracking's word has not come of yet."""
    held = order.postings.get(key)
    if held is not None and (held.at > posting.at or held.remedy == posting.remedy):
        return "known, or older"
    parcels = dict(order.parcels)
    if key in parcels:
        parcels[key] = _posted(parcels[key], posting)
    return Edit(replace(order, parcels=parcels, postings={**order.postings, key: posting}))


def _posted(parcel: Parcel, posting: Posting | None) -> Parcel:
    """The shop has the tracking, unless the vendor changed the number after it was posted."""
    posted = (
        posting is not None and posting.remedy is None and (not parcel.renumbered or posting.at >= (parcel.numbered_at or ""))
    )
    return parcel if parcel.posted == posted else replace(parcel, posted=posted)


def _judged(order: Order) -> Order:
    """The order with the reason why its last generation failed, if it did: by all that is known, in whatever order it came."""
    failure = order.refusal.failure if order.refusal is not None else None
    latest = order.latest_vendor_order
    if latest is not None:
        taken = order.vendor_orders[latest]
        if order.shipped() or not all(dead(order, it) for it in order.vendor_orders.values()):
            failure = None
        elif order.refusal is None or order.refusal.generation <= taken.generation:
            remedy = f"The vendor ended the order (“{taken.raw}”) before anything shipped. Mend what it names, then retry."
            failure = Failure(code=f"vendor_{taken.status}", remedy=remedy)
    return order if failure == order.failure else replace(order, failure=failure)


def _progress(
    order: Order,
    fact: dispatch.DispatchResult,
    outcome: str,
    context: Context,
    *,
    attempt: int | None = None,
    next_try: str | None = None,
    reason: str | None = None,
) -> Edit | str:
    """Outcomes of one generation count by strength, not by arrival."""
    sending = order.sending
    if sending is None or fact.generation < sending.generation:
        return "an older generation"
    if fact.generation > sending.generation:
        return "a generation that orders never made"
    goes_on = outcome == sending.outcome == "in_doubt" and attempt == sending.attempt
    told_at = rfc3339(context.meta.time)
    if goes_on:  # a look that found nothing new is no news
        stronger = reason != sending.reason and told_at >= (sending.told_at or "")
    elif outcome in _WEAK and sending.outcome in _WEAK:
        stronger = (attempt or 0, _STRENGTH[outcome]) > (sending.attempt or 0, _STRENGTH[sending.outcome])
    else:
        stronger = _STRENGTH[outcome] > _STRENGTH[sending.outcome]
    if not stronger:
        return "a stronger word is known"
    said = Sending(
        generation=sending.generation,
        outcome=outcome,
        since=sending.since if goes_on else rfc3339(context.now),
        attempt=attempt,
        next_try=next_try,
        reason=reason,
        withdraw_asked=sending.withdraw_asked,
        asked_at=sending.asked_at or sending.since,
        told_at=told_at,
    )
    return Edit(replace(order, sending=said), SYSTEM)


def _taken(order: Order, vendor_order_id: str, taken: VendorOrder, context: Context) -> tuple[Order, list[Outgoing]]:
    """The order as taken by the vendor; the generation in flight ends, or is withdrawn where an older one was taken."""
    now = rfc3339(context.now)
    messages: list[Outgoing] = []
    sending = order.sending
    if sending is not None and taken.generation >= sending.generation and sending.outcome != "accepted":
        sending = Sending(generation=sending.generation, outcome="accepted", since=now)
    elif sending is not None and order.in_flight and not sending.withdraw_asked:
        messages.append(change.withdrawal(order, sending.generation, SYSTEM, context))
        sending = replace(sending, withdraw_asked=True)
    vendor_orders = {**order.vendor_orders, vendor_order_id: taken}
    return _judged(replace(order, sending=sending, vendor_orders=vendor_orders)), messages


def _merged(held: Parcel | None, parcel: tracking.Parcel, read_at: str) -> Parcel:
    """What the later look says; where it says nothing, what the earlier one did."""
    seen = Parcel(
        units=dict(parcel.units),
        carrier=parcel.carrier,
        service=parcel.service,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        shipped_at=None if parcel.shipped_at is None else rfc3339(parcel.shipped_at),
        reshipment=parcel.reshipment,
        read_at=read_at,
        numbered_at=None if parcel.tracking_number is None else read_at,
    )
    if held is None:
        return seen
    new, old = (seen, held) if read_at >= (held.read_at or "") else (held, seen)
    other = None not in (new.tracking_number, old.tracking_number) and new.tracking_number != old.tracking_number
    return Parcel(
        units=new.units or old.units,
        carrier=new.carrier or old.carrier,
        service=new.service or old.service,
        tracking_number=new.tracking_number or old.tracking_number,
        tracking_url=new.tracking_url or old.tracking_url,
        shipped_at=new.shipped_at or old.shipped_at,
        reshipment=new.reshipment or old.reshipment,
        read_at=new.read_at,
        numbered_at=new.numbered_at if other else min(filter(None, (new.numbered_at, old.numbered_at)), default=None),
        renumbered=held.renumbered or other,
    )
