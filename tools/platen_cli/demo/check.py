"""Is the result what it should be? Judged from outside: the public topics, and the vendors' and the shop's own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from platen_contracts.orders import OrderSnapshot
from platen_contracts.status import OrderStatus
from platen_contracts.subscribing import fold

from .board import Board
from .story import VENDORS

Json = dict[str, Any]


def mistakes(board: Board, ledger: Json) -> list[str]:
    """One line for each thing that is off; none: all is well."""
    return [*_orders(board), *_history(board), *_vendor_books(board, ledger), *_shop_books(board, ledger)]


def report(board: Board, ledger: Json, seconds: float, wrong: list[str]) -> Json:
    """What `--json` writes. Times in seconds."""
    return {
        "ok": not wrong,
        "mistakes": wrong,
        "shop_orders": len(board.plans),
        "orders": len(board.orders),
        "statuses": dict(Counter(str(order.status) for order in board.orders.values())),
        "versions": sum(len(changes) for changes in board.history.values()),
        "vendor_orders": len(_books_of(board, ledger)),
        "trackings_posted": len(ledger["trackings"]),
        "seconds": round(seconds, 1),
    }


def _orders(board: Board) -> Iterable[str]:
    there = {(order.shop_order_id, order.vendor_id) for order in board.orders.values()}
    for shop_order, plan in board.plans.items():
        for vendor, status in plan.ends.items():
            if (shop_order, vendor) not in there:
                yield f"I1: shop order {shop_order} has no order at {vendor}; it should be {status}"
    for order in board.rows():
        if order.status != board.expected(order):
            yield f"{order.number} at {order.vendor_id} is {order.status}, not {board.expected(order)}{_why(board, order)}"
        elif order.status == OrderStatus.FAILED and (order.failure is None or not order.failure.remedy):
            yield f"{order.number} failed without a code and a remedy"


def _why(board: Board, order: OrderSnapshot) -> str:
    if order.failure is None:
        return ""
    private = board.private.get(order.order_id)
    words = private.vendor_words if private is not None else None
    return f" ({order.failure.code}: {words or order.failure.remedy})"


def _history(board: Board) -> Iterable[str]:
    """I4: versions 1..n without gaps, the fold equals the last snapshot, status versions strictly rise."""
    for order_id, order in board.orders.items():
        changes = sorted(board.history[order_id], key=lambda change: change.version)
        versions = sorted({change.version for change in changes})
        if versions != list(range(1, order.version + 1)):
            yield f"I4: {order.number}: history holds versions {versions}, the snapshot is at {order.version}"
        elif fold(changes) != board.raw[order_id]:
            yield f"I4: {order.number}: the fold of its history is not its snapshot"
        # A relay that died between the acknowledgement and its note of it sends a round again: every reader knows those versions.
        carried = list(dict.fromkeys(board.status_versions[order_id]))
        if carried != sorted(carried):
            yield f"I4: {order.number}: orders.status carried versions {carried}, out of order"


def _vendor_books(board: Board, ledger: Json) -> Iterable[str]:
    """I2: no order ever has two live vendor orders; and nobody has one who should not."""
    live: Counter[str] = Counter()
    for entry in _books_of(board, ledger):
        if entry["live"]:
            live[_order_part(entry["external_id"])] += 1
    for order in board.rows():
        count = live[_base36(order.order_id)]
        wanted = 1 if order.status == OrderStatus.FULFILLED else 0
        if count > 1:
            yield f"I2: {order.number} has {count} live orders at the vendor"
        elif count < wanted:
            yield f"{order.number} is {order.status}, and the vendor has no such order"


def _shop_books(board: Board, ledger: Json) -> Iterable[str]:
    """Each parcel was told to the shop once."""
    told = Counter((str(entry["order_id"]), entry["tracking_number"]) for entry in ledger["trackings"])
    for key, count in told.items():
        if count > 1:
            yield f"shop order {key[0]} was told of parcel {key[1]} {count} times"
    for order_id, order in board.orders.items():
        private = board.private.get(order_id)
        for parcel in order.parcels:
            number = private.tracking[parcel].tracking_number if private is not None and parcel in private.tracking else None
            if number is not None and (order.shop_order_id, number) not in told:
                yield f"{order.number}: the shop was not told of parcel {number}"


def _books_of(board: Board, ledger: Json) -> list[Json]:
    ours = {_base36(order_id) for order_id in board.orders}
    return [it for it in ledger["orders"] if it["account"] in VENDORS and _order_part(it["external_id"] or "") in ours]


def _order_part(external_id: str) -> str:
    return external_id[:25]


def _base36(order_id: str) -> str:
    digits, number = "", int(order_id, 16)
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(25, "0")
