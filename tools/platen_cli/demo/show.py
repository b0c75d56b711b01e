"""The live table, and what to look at afterwards."""

from __future__ import annotations

import time
from collections import Counter

from platen_contracts.orders import OrderSnapshot
from rich.table import Table

from .board import Board
from .place import Place

STYLES = {
    "New": "cyan",
    "Ready to send": "yellow",
    "Sent": "blue",
    "Fulfilled": "green",
    "Failed to send": "red",
    "Archived": "dim",
}


def table(board: Board, began: float) -> Table:
    counts = Counter(str(order.status) for order in board.orders.values())
    summary = "   ".join(f"[{STYLES[status]}]{status} {counts[status]}[/]" for status in STYLES if counts[status])
    shown = Table(title=f"{summary}   {time.monotonic() - began:.0f} s", box=None, pad_edge=False, title_justify="left")
    for column in ("order", "recipient", "vendor", "items", "status", "activity", "print files", "parcels"):
        shown.add_column(column, no_wrap=True)
    for order in board.rows():
        shown.add_row(*_cells(board, order))
    return shown


def line(order: OrderSnapshot) -> str:
    """One line for a log: what the order has come to."""
    activity = "" if order.activity.kind == "none" else f" ({order.activity.kind})"
    return f"{order.number} at {order.vendor_id}: {order.status}{activity}"


def to_look_at(board: Board, place: Place) -> list[str]:
    """What a newcomer might open now."""
    links = [link for private in board.private.values() for item in private.items.values() for link in item.files.values()]
    failed = next((order for order in board.rows() if order.failure is not None), None)
    lines = [f"print file     {link}" for link in links[:3]]
    if failed is not None and failed.failure is not None:
        lines.append(f"why it failed  {failed.number}: {failed.failure.code}: {failed.failure.remedy}")
    lines += [
        f"{name:<14} {url}" for name, url in (("console", place.urls.get("console")), ("sandbox ledger", _ledger(place))) if url
    ]
    lines += [f"metrics        {place.urls['orders']}/metrics"] if place.urls.get("orders") else []
    lines.append(f"topics         {place.kafka} ({place.topic_prefix}orders.status, {place.topic_prefix}orders.history, …)")
    return lines


def _ledger(place: Place) -> str:
    return f"{place.sandbox}/sandbox/ledger"


def _cells(board: Board, order: OrderSnapshot) -> tuple[str, ...]:
    private = board.private.get(order.order_id)
    recipient = private.recipient.full_name if private is not None and private.recipient is not None else ""
    files = Counter(side.state for item in order.items.values() for side in item.sides.values())
    status = f"[{STYLES[order.status]}]{order.status}[/]" + (" ✓" if board.is_settled(order) else "")
    return (
        order.number,
        recipient,
        order.vendor_id,
        str(sum(item.quantity for item in order.items.values())),
        status,
        "" if order.activity.kind == "none" else order.activity.kind,
        ", ".join(f"{count} {state}" for state, count in files.items()),
        str(len(order.parcels) or ""),
    )
