"""What a person should look at. Most of it follows from the order as it stands, and so ends by itself when its cause is over."""

from __future__ import annotations

from collections.abc import Iterator

from platen_contracts.status import ActivityKind, OrderStatus, VendorStatus

from platen_orders.model import MOST_PARCELS, PREPARING, Attention, Order, replace
from platen_orders.transitions import derive

LATE, NOT_SENT, REFUSED, REINSTATED = "late", "not_sent", "refused", "reinstated_in_shop"
"""Codes that are set when something happens, and end by the rules of `_stands`."""

_TROUBLE = frozenset({VendorStatus.ON_HOLD, VendorStatus.ACTION_REQUIRED, VendorStatus.FAILED, VendorStatus.RETURNED})


def key_of(code: str, about: str | None = None) -> str:
    """The name in the snapshot."""
    return code if about is None else f"{code}:{about}"


def with_attention(order: Order, code: str, remedy: str, now: str, about: str | None = None) -> Order:
    """The order with one more thing to look at; since when, if it stands already, is kept."""
    key = key_of(code, about)
    held = order.attention.get(key)
    if held is not None and held.remedy == remedy:
        return order
    attention = Attention(since=now if held is None else held.since, remedy=remedy, about=about)
    return replace(order, attention={**order.attention, key: attention})


def settled(order: Order, status: OrderStatus, now: str) -> Order:
    """The order with all that follows from it, and without what is over. `status` is the one it comes to, archive included."""
    kept = {key: it for key, it in order.attention.items() if _stands(order, status, key)}
    for key, about, remedy in _causes(order, status):
        held = order.attention.get(key)
        if held is None or held.remedy != remedy:
            kept[key] = Attention(since=now if held is None else held.since, remedy=remedy, about=about)
        else:
            kept[key] = held
    return order if kept == order.attention else replace(order, attention=kept)


def _stands(order: Order, status: OrderStatus, key: str) -> bool:
    """Whether something that was set when it happened still matters."""
    code, _, about = key.partition(":")
    match code:
        case "late":
            return about in still(order, status)
        case "not_sent":
            return status == OrderStatus.READY and not order.in_flight
        case "refused":
            return order.sending is not None and order.sending.outcome == "refused" and status in PREPARING
        case "reinstated_in_shop":
            return status == OrderStatus.ARCHIVED
        case _:
            return False


def still(order: Order, status: OrderStatus) -> Iterator[str]:
    """What can last too long, and is so now: the items being drawn, the activity, the status."""
    yield status.value
    if order.in_flight:
        yield ActivityKind.IN_DOUBT.value if order.activity == ActivityKind.IN_DOUBT else ActivityKind.SENDING.value
    yield from (item_id for item_id, item in order.live_items.items() if any(side.asked for side in item.sides.values()))


def _causes(order: Order, status: OrderStatus) -> Iterator[tuple[str, str | None, str]]:
    """Key, what it is about, remedy."""
    yield from _of_the_vendor(order)
    yield from _of_the_shop(order, status)
    for parcel, posting in order.postings.items():
        if posting.remedy is not None:
            yield key_of("tracking_not_posted", parcel), parcel, posting.remedy


def _of_the_vendor(order: Order) -> Iterator[tuple[str, str | None, str]]:
    latest = order.latest_vendor_order
    if latest is None:
        return
    taken = order.vendor_orders[latest]
    if taken.status in _TROUBLE:
        remedy = f"The vendor says “{taken.raw}”: look at the order on the vendor's site and do what it asks."
        yield "vendor_problem", None, remedy
    if taken.differs and not taken.ended:
        remedy = f"The vendor holds an earlier version; it differs in {', '.join(taken.differs)}. Settle it with the vendor."
        yield "sent_differently", None, remedy
    if len(order.vendor_orders) > 1 and sum(not it.ended for it in order.vendor_orders.values()) > 1:
        yield "sent_twice", None, "The vendor holds this order twice; cancel one of them there."
    if (left_out := len(order.parcels) - MOST_PARCELS) > 0:
        remedy = f"The vendor shipped {len(order.parcels)} parcels: {left_out} are only counted. Tell the buyer of those."
        yield "parcels_left_out", None, remedy


def _of_the_shop(order: Order, status: OrderStatus) -> Iterator[tuple[str, str | None, str]]:
    preparing = (status if order.archived_from is None else derive(order)) in PREPARING
    if order.kept and status in PREPARING:
        yield "cancelled_in_shop", None, "Cancelled in the shop and taken out of the archive: archive it again, or send it."
    elif order.cancelled_in_shop and not preparing:
        yield "cancelled_in_shop", None, "Cancelled in the shop after it was sent: ask the vendor to cancel, or refund."
    if order.shop_differs and not order.in_flight:
        fields = ", ".join(sorted(order.shop_differs))
        remedy = "its values stand beside yours; edit here what should follow." if preparing else "ask the vendor, or refund."
        yield "shop_changed", None, f"The shop changed {fields} {'as well' if preparing else 'after it was sent'}: {remedy}"
