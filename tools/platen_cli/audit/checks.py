"""All checks, in the order of their cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import delivery, orders, vendors
from .evidence import Evidence, Verdict, Violation

CHECKS: tuple[Callable[[Evidence], Iterable[Violation]], ...] = (
    vendors.never_twice,
    vendors.known_here,
    orders.nothing_lost,
    orders.only_edges,
    orders.versions_whole,
    orders.finished,
    delivery.accounted_for,
    delivery.sent_as_committed,
)


def audit(evidence: Evidence) -> Verdict:
    """Every violation of I1 to I8 that the evidence shows, and how much there was to look at."""
    violations = list(dict.fromkeys(violation for check in CHECKS for violation in check(evidence)))
    books = evidence.books.get("orders")
    counts = {
        "orders": 0 if books is None else len(books.tables["orders"]),
        "versions": 0 if books is None else len(books.tables["history"]),
        "records": sum(len(records) for records in evidence.topics.values()),
        **({} if evidence.vendors is None else {"vendor orders": len(evidence.vendors.get("orders", ()))}),
        "dead letters": sum(len(records) for topic, records in evidence.topics.items() if topic.endswith(".dead-letter")),
    }
    return Verdict(sorted(violations, key=lambda it: it.promise), counts)
