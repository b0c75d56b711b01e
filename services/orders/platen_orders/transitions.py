"""THE table: what can happen to an order. Data first; two pure functions read it.

Status is derived from what is known of the order; the table is the law that the results are held to. Nothing else in the
repository decides a status.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from platen_contracts.status import ActivityKind, OrderStatus

from platen_orders.model import Order, VendorOrder

NEW, READY, SENT = OrderStatus.NEW, OrderStatus.READY, OrderStatus.SENT
FULFILLED, FAILED, ARCHIVED = OrderStatus.FULFILLED, OrderStatus.FAILED, OrderStatus.ARCHIVED

EDGES: Mapping[OrderStatus, Mapping[OrderStatus, str]] = {
    NEW: {
        SENT: "the vendor took it, or turns out to have taken it",
        READY: "every live item has a current print file for every side",
        ARCHIVED: "archived",
    },
    READY: {
        NEW: "a print file is no longer current",
        SENT: "the vendor took it",
        FAILED: "the vendor refused it, or patience ran out",
        ARCHIVED: "archived",
    },
    SENT: {
        FULFILLED: "every unit shipped or cancelled by the vendor, at least one shipped",
        FAILED: "the vendor itself ended it before anything shipped",
    },
    FAILED: {
        SENT: "the vendor took it, or turns out to have taken it",
        ARCHIVED: "archived",
    },
    FULFILLED: {},
    ARCHIVED: {
        NEW: "unarchived",
        READY: "unarchived",
        FAILED: "unarchived",
    },
}
"""From, to, and when."""

ANY = frozenset(OrderStatus)
PREPARING = frozenset({NEW, READY, FAILED})

ACTIONS: Mapping[str, frozenset[OrderStatus]] = {
    "split_line": frozenset({NEW, READY}),
    "split_off": frozenset({NEW, READY}),
    "personalise": PREPARING,
    "set_artwork": PREPARING,
    "ignore_item": PREPARING,
    "restore_item": PREPARING,
    "render": PREPARING,
    "edit_shipping": PREPARING,
    "view_print_file": ANY - {ARCHIVED},
    "send": frozenset({READY}),
    "retry": frozenset({FAILED}),
    "see_detail": frozenset({FAILED}),
    "record_hand_over": frozenset({NEW, READY}),
    "record_parcel": frozenset({NEW, READY}),
    "archive": PREPARING,
    "unarchive": frozenset({ARCHIVED}),
    "stop_sending": ANY,
    "settle": ANY,
    "erase": ANY,
}
"""The statuses in which each action is offered. Anything else is refused with a reason."""

WHILE_SENDING = frozenset({"view_print_file", "see_detail", "stop_sending", "settle", "erase"})
"""All that is offered while something is under way with the vendor."""

WITHOUT_PERSONAL_DATA = frozenset(
    {
        "view_print_file",
        "see_detail",
        "record_hand_over",
        "record_parcel",
        "archive",
        "unarchive",
        "stop_sending",
        "settle",
        "erase",
    }
)
"""All that is offered of an erased order: the rest would need personal data, or bring it back."""

INTEGRATED_ONLY = frozenset({"edit_shipping", "send", "retry", "stop_sending", "settle"})
CUSTOM_ONLY = frozenset({"record_hand_over", "record_parcel"})


def derive(order: Order) -> OrderStatus:
    """The status that the facts speak for, archive left aside. A custom vendor's order is never sent."""
    if order.custom:
        return READY if _files_current(order) else NEW
    shipped = order.shipped()
    if shipped or any(not dead(order, taken) for taken in order.vendor_orders.values()):
        return FULFILLED if shipped and _all_accounted_for(order, shipped) else SENT
    if order.failure is not None or order.vendor_orders:
        return FAILED
    if order.in_flight:
        return READY
    return READY if _files_current(order) else NEW


def underneath(order: Order) -> OrderStatus:
    """The status that it has, or would have if it were not archived."""
    return order.status if order.archived_from is None else derive(order)


def path(start: OrderStatus, end: OrderStatus, *, taken: bool = False) -> tuple[OrderStatus, ...]:
    """The statuses to pass through from `start`, `end` last; empty where the table knows no way (the order stays as it is).

    `taken`: the vendor took it once, so that it failed by the vendor's ending what was sent, not by a refusal.
    """
    if taken and (start, end) == (READY, FAILED):
        return (SENT, FAILED)
    return _PATHS.get((start, end), ())


class Situation(NamedTuple):
    """All that decides which actions are offered."""

    status: OrderStatus
    activity: ActivityKind
    custom: bool
    files_current: bool
    """Every live item has a current print file for every side."""
    has_file: bool
    erased: bool


def situation(order: Order) -> Situation:
    return Situation(
        status=order.status,
        activity=order.activity,
        custom=order.custom,
        files_current=_files_current(order),
        has_file=any(item.has_file for item in order.items.values()),
        erased=order.erased,
    )


def refusal(now: Situation, action: str) -> str | None:
    """The reason code why `action` is not allowed; None where it is."""
    if now.status not in ACTIONS[action]:
        return "archived" if now.status == ARCHIVED else "wrong_status"
    if now.erased and action not in WITHOUT_PERSONAL_DATA:
        return "erased"
    if action in INTEGRATED_ONLY and now.custom:
        return "custom_vendor"
    if action in CUSTOM_ONLY and not now.custom:
        return "integrated_vendor"
    if now.activity != ActivityKind.NONE and action not in WHILE_SENDING:
        return "sending"
    if action == "stop_sending" and now.activity == ActivityKind.NONE:
        return "not_sending"
    if action == "settle" and now.activity != ActivityKind.IN_DOUBT:
        return "not_in_doubt"
    if action == "retry" and not now.files_current:
        return "files_not_current"
    if action == "view_print_file" and not now.has_file:
        return "no_file"
    return None


@lru_cache(maxsize=1024)
def offered(now: Situation, of_item: bool = False) -> dict[str, str]:
    """`allowed` or the reason code for each action of an order, or of one of its items. Shared: not to be changed."""
    names = ITEM_ACTIONS if of_item else [action for action in ACTIONS if action not in ITEM_ONLY]
    return {action: refusal(now, action) or "allowed" for action in names}


ITEM_ONLY = ("personalise", "set_artwork", "split_line", "ignore_item", "restore_item")
ITEM_ACTIONS = (*ITEM_ONLY, "render", "view_print_file")


def _files_current(order: Order) -> bool:
    """At least one live item, and each of them with a current file for every side. Asked of every fact: it makes no copies."""
    found = False
    for item in order.items.values():
        if not item.ignored:
            if not item.current:
                return False
            found = True
    return found


def dead(order: Order, taken: VendorOrder) -> bool:
    """The last word on it is that the vendor ended it; to be asked only while nothing has shipped."""
    if taken.read_at is None or taken.read_at < taken.taken_at:
        return False
    live = order.live_items
    return taken.ended or (bool(live) and all(taken.cancelled.get(item_id, 0) >= it.quantity for item_id, it in live.items()))


def _all_accounted_for(order: Order, shipped: Mapping[str, int]) -> bool:
    cancelled = order.cancelled(shipped)
    return all(shipped.get(item_id, 0) + cancelled.get(item_id, 0) >= item.quantity for item_id, item in order.live_items.items())


def _paths() -> dict[tuple[OrderStatus, OrderStatus], tuple[OrderStatus, ...]]:
    """Shortest ways through the table, the earlier edge first. Archive is nobody's way: only a command enters or leaves it."""
    found: dict[tuple[OrderStatus, OrderStatus], tuple[OrderStatus, ...]] = {}
    for start in ANY - {ARCHIVED}:
        queue: deque[tuple[OrderStatus, ...]] = deque([(start,)])
        while queue:
            trail = queue.popleft()
            for following in EDGES[trail[-1]]:
                if following != ARCHIVED and following != start and (start, following) not in found:
                    found[start, following] = (*trail[1:], following)
                    queue.append((*trail, following))
    return found


_PATHS = _paths()
