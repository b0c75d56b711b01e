"""What other services report. A fact is applied in any status and any order of arrival, or ignored as known or older."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeVar

from platen_contracts import dispatch, render, sync, tracking
from platen_contracts.envelope import rfc3339
from platen_contracts.message import Message
from platen_contracts.status import ActivityKind, OrderStatus, VendorStatus
from platen_messaging.outcome import Context, Ignored, Outcome, Outgoing, Unusable

from platen_orders.decide import change
from platen_orders.decide.change import SYSTEM, Edit, with_attention, without_attention
from platen_orders.model import Entry, Failure, Held, Order, Parcel, Sending, SideFile, VendorOrder, replace
from platen_orders.transitions import derive

M = TypeVar("M", bound=Message)
Rule = Callable[[Order, M, Context], Edit | str]
"""The edit that the fact makes, or why it is ignored."""

_STRENGTH = {"requested": 0, "started": 1, "delayed": 2, "in_doubt": 3, "withdrawn": 4, "refused": 5, "accepted": 6}
_WEAK = frozenset({"requested", "started", "delayed", "in_doubt"})
"""Among these the higher attempt wins."""

_TROUBLE = frozenset({VendorStatus.ON_HOLD, VendorStatus.ACTION_REQUIRED, VendorStatus.FAILED, VendorStatus.RETURNED})


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


def on_render_finished(order: Order, fact: render.RenderFinished, _: Context) -> Edit | str:
    side = _side(order, fact)
    if side is None:
        return "the item has no such side any more"
    closed = _closed(side, fact)
    if side.current and fact.input_hash != side.wanted:
        return _with_side(order, fact, closed)
    made = replace(closed, file=fact.file.model_dump(mode="json"), file_hash=fact.input_hash, link=fact.link)
    if fact.input_hash == side.wanted:
        made = replace(made, failure=None, failed_hash=None)
    edit = _with_side(order, fact, made)
    changed = made.file != side.file  # a new link to the file that was looked at changes nothing of what is sent
    return dataclasses.replace(edit, files_changed=changed, personal_changed=[f"items.{fact.item_id}.files"])


def on_render_failed(order: Order, fact: render.RenderFailed, _: Context) -> Edit | str:
    side = _side(order, fact)
    if side is None or (side.current and side.file_hash == fact.input_hash and side.request_id != fact.request_id):
        return "the side has what this one failed to draw"
    failure = Failure(code=fact.code, remedy=fact.remedy, field=fact.field)
    return _with_side(order, fact, replace(_closed(side, fact), failed_hash=fact.input_hash, failure=failure))


def on_render_skipped(order: Order, fact: render.RenderSkipped, _: Context) -> Edit | str:
    side = _side(order, fact)
    return "the item has no such side any more" if side is None else _with_side(order, fact, _closed(side, fact))


def on_file_collected(order: Order, fact: render.FileCollected, _: Context) -> Edit | str:
    item = order.items.get(fact.item_id)
    side = item.sides.get(fact.side) if item is not None else None
    if item is None or side is None or side.file is None or side.file["sha256"] != fact.sha256:
        return "the side uses another file"
    bare = replace(side, file=None, file_hash=None, link=None)
    items = {**order.items, fact.item_id: replace(item, sides={**item.sides, fact.side: bare})}
    return Edit(replace(order, items=items), files_changed=True, personal_changed=[f"items.{fact.item_id}.files"])


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
    edit = _progress(order, fact, "refused", context)
    if isinstance(edit, str):
        return edit
    failure = Failure(code=fact.code, remedy=fact.remedy, field=fact.field)
    failed = replace(edit.order, failure=failure, vendor_words=fact.vendor_words)
    return dataclasses.replace(edit, order=failed, personal_changed=["vendor_words"])


def on_dispatch_accepted(order: Order, fact: dispatch.DispatchAccepted, context: Context) -> Edit | str:
    """Of any generation: it proves acceptance. A newer generation in flight is asked to withdraw in the same transaction."""
    taken_at = rfc3339(context.meta.time)
    held = order.vendor_orders.get(fact.vendor_order_id)
    if held is not None and held.generation > fact.generation:
        return "a newer acceptance of the same vendor order is known"
    kept = VendorOrder(generation=fact.generation, taken_at=taken_at) if held is None else held
    vendor_order = replace(kept, generation=fact.generation, taken_at=max(taken_at, kept.taken_at))
    accepted, messages = _taken(order, fact.vendor_order_id, vendor_order, context)
    if fact.differs:
        remedy = f"The vendor holds an earlier version; it differs in {', '.join(fact.differs)}. Settle it with the vendor."
        accepted = with_attention(accepted, "sent_differently", remedy, rfc3339(context.now))
    return Edit(accepted, messages=messages)


def on_shipment_updated(order: Order, fact: tracking.ShipmentUpdated, context: Context) -> Edit | str:
    """Parcels are merged by key, never replaced; and a shipment proves acceptance."""
    parcels = dict(order.parcels)
    for key, parcel in fact.parcels.items():
        parcels[key] = _merged(parcels.get(key), parcel)
    shipped = replace(order, parcels=parcels)
    held = order.vendor_orders.get(fact.vendor_order_id)
    messages: list[Outgoing] = []
    if held is None:
        taken = VendorOrder(generation=fact.generation, taken_at=rfc3339(fact.read_at))
        shipped, messages = _taken(shipped, fact.vendor_order_id, taken, context)
    personal = ["tracking"] if parcels != order.parcels else []
    return Edit(shipped, messages=messages, personal_changed=personal)


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
    if fact.vendor_order_id != changed.latest_vendor_order:
        return Edit(changed, messages=messages)  # a retry put another in its place: its troubles are nobody's any more
    now = rfc3339(context.now)
    if fact.status in _TROUBLE:
        remedy = f"The vendor says “{fact.raw}”: look at the order on the vendor's site and do what it asks."
        changed = with_attention(changed, "vendor_problem", remedy, now)
    else:
        changed = without_attention(changed, "vendor_problem")
    if fact.ended and fact.status in (VendorStatus.CANCELLED, VendorStatus.FAILED):
        remedy = f"The vendor ended the order (“{fact.raw}”) before anything shipped. Mend what it names, then retry."
        changed = replace(changed, failure=Failure(code=f"vendor_{fact.status}", remedy=remedy))
    return Edit(changed, messages=messages)


def on_tracking_posted(order: Order, fact: sync.TrackingPosted, _: Context) -> Edit | str:
    parcel = order.parcels.get(fact.parcel)
    if parcel is None:
        return "the order has no such parcel"
    parcels = {**order.parcels, fact.parcel: replace(parcel, posted=True)}
    return Edit(without_attention(replace(order, parcels=parcels), "tracking_not_posted"))


def on_tracking_not_posted(order: Order, fact: sync.TrackingNotPosted, context: Context) -> Edit | str:
    return Edit(with_attention(order, "tracking_not_posted", fact.remedy, rfc3339(context.now)))


def _side(order: Order, fact: render.RenderAnswer) -> SideFile | None:
    item = order.items.get(fact.item_id)
    return item.sides.get(fact.side) if item is not None else None


def _closed(side: SideFile, fact: render.RenderAnswer) -> SideFile:
    return replace(side, request_id=None, requested=None) if side.request_id == fact.request_id else side


def _with_side(order: Order, fact: render.RenderAnswer, side: SideFile) -> Edit:
    item = order.items[fact.item_id]
    items = {**order.items, fact.item_id: replace(item, sides={**item.sides, fact.side: side})}
    return Edit(replace(order, items=items))


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
    if goes_on:
        stronger = reason != sending.reason  # a look that found nothing new is no news
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
    )
    return Edit(replace(order, sending=said), SYSTEM)


def _taken(order: Order, vendor_order_id: str, taken: VendorOrder, context: Context) -> tuple[Order, list[Outgoing]]:
    """The order as taken by the vendor; the generation in flight ends, or is withdrawn where an older one was taken."""
    now = rfc3339(context.now)
    messages: list[Outgoing] = []
    sending = order.sending
    if sending is not None and taken.generation >= sending.generation:
        sending = Sending(generation=sending.generation, outcome="accepted", since=now)
    elif sending is not None and order.activity != ActivityKind.NONE and not sending.withdraw_asked:
        messages.append(change.withdrawal(order, sending.generation, SYSTEM, context))
        sending = replace(sending, withdraw_asked=True)
    vendor_orders = {**order.vendor_orders, vendor_order_id: taken}
    accepted = replace(order, sending=sending, vendor_orders=vendor_orders, failure=None)
    if derive(accepted) == OrderStatus.FAILED:  # the vendor ended it, and that was told before the acceptance
        accepted = replace(accepted, failure=order.failure)
    if len([it for it in vendor_orders.values() if not it.ended]) > 1:
        remedy = "The vendor holds this order twice; cancel one of them there."
        accepted = with_attention(accepted, "sent_twice", remedy, now)
    return accepted, messages


def _merged(held: Parcel | None, parcel: tracking.Parcel) -> Parcel:
    seen = Parcel(
        units=dict(parcel.units),
        carrier=parcel.carrier,
        service=parcel.service,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        shipped_at=None if parcel.shipped_at is None else rfc3339(parcel.shipped_at),
        reshipment=parcel.reshipment,
    )
    if held is None:
        return seen
    return Parcel(
        units=seen.units or held.units,
        carrier=seen.carrier or held.carrier,
        service=seen.service or held.service,
        tracking_number=seen.tracking_number or held.tracking_number,
        tracking_url=seen.tracking_url or held.tracking_url,
        shipped_at=seen.shipped_at or held.shipped_at,
        reshipment=seen.reshipment or held.reshipment,
        posted=held.posted and held.tracking_number == (seen.tracking_number or held.tracking_number),
    )
