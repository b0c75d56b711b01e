"""The vendors' own books: no order was ever alive there twice, and each that is alive is known here (I1, I2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .evidence import Evidence, Json, Violation

LIVE = frozenset({"inreview", "pending", "inprocess", "onhold", "partial", "fulfilled"})
"""Printful's words for an order that is, or may yet be, printed."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
FOREVER = "9999"


def never_twice(evidence: Evidence) -> Iterable[Violation]:
    """I2: at no moment had an order two live vendor orders, whatever became of them since."""
    for order, entries in by_order(evidence).items():
        spans = sorted(span for entry in entries for span in _live_spans(entry))
        for place, (began, _, later) in enumerate(spans):
            for _, ended, earlier in spans[:place]:
                if began < ended:
                    yield Violation("I2", f"vendor orders {earlier} and {later} were alive at once, from {began}", order)


def known_here(evidence: Evidence) -> Iterable[Violation]:
    """I1: what is alive at the vendor is Sent or Fulfilled here, and the other way round."""
    books = evidence.books.get("orders")
    if books is None or evidence.vendors is None:
        return
    found = by_order(evidence)
    for row in books.tables["orders"]:
        alive = [entry["id"] for entry in found.get(row["id"], ()) if entry["live"]]
        sent = row["status"] in ("Sent", "Fulfilled")
        if alive and not sent:
            yield Violation("I1", f"the vendor prints {alive}, and the order is {row['status']}", row["id"])
        if sent and not alive:
            yield Violation("I1", f"the order is {row['status']}, and the vendor has none alive", row["id"])


def by_order(evidence: Evidence) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for entry in (evidence.vendors or {}).get("orders", ()):
        external_id = entry.get("external_id") or ""
        if len(external_id) > 25:
            found[_order_of(external_id)].append(entry)
    return found


def _order_of(external_id: str) -> str:
    """The order's id: 25 base-36 digits stand before the number of the submission."""
    number = 0
    for digit in external_id[:25]:
        number = number * 36 + max(_DIGITS.find(digit), 0)
    return f"{number:032x}"


def _live_spans(entry: Json) -> Iterable[tuple[str, str, int]]:
    """(from, to, vendor order id) of each time it was alive."""
    began: str | None = None
    for step in entry["history"]:
        alive = step["status"] in LIVE
        if alive and began is None:
            began = step["at"]
        if not alive and began is not None:
            yield began, step["at"], entry["id"]
            began = None
    if began is not None:
        yield began, FOREVER, entry["id"]
