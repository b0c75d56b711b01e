"""What lasts too long asks for attention: print files, sendings, doubts, and a status for as long as the shop's policy says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from platen_contracts.catalog import LateAfter
from platen_contracts.envelope import rfc3339
from platen_contracts.status import ActivityKind, OrderStatus

from platen_orders.decide.attention import LATE, key_of, with_attention
from platen_orders.model import Order

DEFAULT = LateAfter()
"""While the order's shop is not known."""


class _Deadline(NamedTuple):
    about: str
    due: str
    remedy: str


def next_look(order: Order, late_after: LateAfter) -> str | None:
    """When the order is to be looked at though nothing happens: the next deadline, or its sending by itself."""
    if order.archived_from is not None:
        return None
    dues = [it.due for it in _running(order, late_after) if key_of(LATE, it.about) not in order.attention]
    if order.scheduled is not None:
        dues.append(order.scheduled.due)
    return min(dues, default=None)


def with_late(order: Order, late_after: LateAfter, now: str) -> Order:
    """The order with an attention for each deadline that has passed."""
    if order.archived_from is None:
        for deadline in _running(order, late_after):
            if deadline.due <= now:
                order = with_attention(order, LATE, deadline.remedy, now, deadline.about)
    return order


@lru_cache(maxsize=4096)
def after(moment: str, seconds: float) -> str:
    return rfc3339(datetime.fromisoformat(moment) + timedelta(seconds=seconds))


def _running(order: Order, late_after: LateAfter) -> Iterator[_Deadline]:
    yield from _of_status(order, late_after)
    yield from _of_sending(order, late_after)
    if late_after.rendering_s:
        for item_id, item in order.items.items():
            if item.ignored:
                continue
            asked = [side.requested_at for side in item.sides.values() if side.request_id is not None and side.asked]
            if asked and (since := min(filter(None, asked), default=None)) is not None:
                remedy = (
                    "A print file does not come: see that render is ready and redrive its dead letters, or render the item again."
                )
                yield _Deadline(item_id, after(since, late_after.rendering_s), remedy)


def _of_status(order: Order, late_after: LateAfter) -> Iterator[_Deadline]:
    match order.status:
        case OrderStatus.NEW:
            allowed = late_after.new_s
        case OrderStatus.READY:
            allowed = late_after.ready_s
        case OrderStatus.SENT:
            allowed = late_after.sent_s
        case OrderStatus.FAILED:
            allowed = late_after.failed_s
        case OrderStatus.FULFILLED | OrderStatus.ARCHIVED:
            allowed = 0
    if allowed:
        remedy = f"It is {order.status.value} for longer than the shop's policy allows: see what it waits for."
        yield _Deadline(order.status.value, after(order.status_since, allowed), remedy)


def _of_sending(order: Order, late_after: LateAfter) -> Iterator[_Deadline]:
    sending = order.sending
    if sending is None or not order.in_flight:
        return
    if order.activity == ActivityKind.IN_DOUBT:
        if late_after.in_doubt_s:
            remedy = "The vendor does not say whether it has the order: look at the vendor's site, then settle it."
            yield _Deadline(ActivityKind.IN_DOUBT.value, after(sending.since, late_after.in_doubt_s), remedy)
    elif late_after.sending_s:
        remedy = "It is not sent yet: see that dispatch is ready and what the next try waits for, or stop sending."
        since = sending.asked_at or sending.since
        yield _Deadline(ActivityKind.SENDING.value, after(since, late_after.sending_s), remedy)
