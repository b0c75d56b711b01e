"""The live table, and what to look at afterwards."""

from __future__ import annotations

import time
from collections import Counter

from platen_contracts.orders import OrderSnapshot
from rich.table import Table
from rich.text import Text

from .board import Board
from .place import Place

FRAME_LINES = 4
"""The title, the head, the line on what is left out, and the one that the cursor stands on."""

STYLES = {
    "New": "cyan",
    "Ready to send": "yellow",
    "Sent": "blue",
    "Fulfilled": "green",
    "Failed to send": "red",
    "Archived": "dim",
}


def table(board: Board, began: float, height: int | None = None) -> Table:
    """One row for each order; where `height` lines do not hold them all, those that have settled give way first."""
    counts = Counter(str(order.status) for order in board.orders.values())
    summary = "   ".join(f"[{STYLES[status]}]{status} {counts[status]}[/]" for status in STYLES if counts[status])
    rows = list(board.rows())
    shown = rows if height is None else _fitting(board, rows, height - FRAME_LINES)
    title = f"{summary}   {time.monotonic() - began:.0f} s"
    drawn = Table(title=title, box=None, pad_edge=False, collapse_padding=True, title_justify="left")
    for column in ("order", "recipient", "vendor", "items", "status", "activity", "files", "parcels"):
        # A narrow terminal takes its room from the names of people.
        drawn.add_column(column, no_wrap=column != "recipient")
    for order in shown:
        drawn.add_row(*_cells(board, order))
    if len(shown) < len(rows):
        drawn.caption, drawn.caption_justify = f"and {len(rows) - len(shown)} more", "left"
    return drawn


def _fitting(board: Board, rows: list[OrderSnapshot], room: int) -> list[OrderSnapshot]:
    chosen = {order.order_id for order in sorted(rows, key=board.is_settled)[: max(room, 1)]}
    return [order for order in rows if order.order_id in chosen]


class News:
    """Lines for a log. Most versions of an order change nothing that such a line tells."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def of(self, order: OrderSnapshot) -> str:
        """What the order has come to; empty where that was its last line too."""
        activity = "" if order.activity.kind == "none" else f" ({order.activity.kind})"
        line = f"{order.number} at {order.vendor_id}: {order.status}{activity}"
        last, self._last[order.order_id] = self._last.get(order.order_id), line
        return "" if line == last else line


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


def _cells(board: Board, order: OrderSnapshot) -> tuple[str | Text, ...]:
    private = board.private.get(order.order_id)
    recipient = private.recipient.full_name if private is not None and private.recipient is not None else ""
    files = Counter(side.state for item in order.items.values() for side in item.sides.values())
    status = f"[{STYLES[order.status]}]{order.status}[/]" + (" ✓" if board.is_settled(order) else "")
    return (
        order.number,
        Text(recipient, no_wrap=True, overflow="ellipsis"),
        order.vendor_id,
        str(sum(item.quantity for item in order.items.values())),
        status,
        "" if order.activity.kind == "none" else order.activity.kind,
        ", ".join(f"{count} {state}" for state, count in files.items()),
        str(len(order.parcels) or ""),
    )
