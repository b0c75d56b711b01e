"""Violations for people: each with the trace of its order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from .evidence import Evidence, Record, Verdict
from .vendors import by_order

TRACED = 5
"""Orders whose trace is shown; more would bury the first."""


def told(verdict: Verdict, evidence: Evidence) -> Iterable[str]:
    """Lines: the violations, and then what happened to each order concerned."""
    for violation in verdict.violations:
        yield f"{violation}{f' (order {violation.order})' if violation.order else ''}"
    for order in list(dict.fromkeys(it.order for it in verdict.violations if it.order))[:TRACED]:
        yield f"--- order {order}"
        yield from trace(evidence, order)


def trace(evidence: Evidence, order: str) -> Iterable[str]:
    """Everything on any topic under the order's id, and at the vendor, by time."""
    found = [(it.timestamp, line_of(it)) for records in evidence.topics.values() for it in records if it.text_key == order]
    for entry in by_order(evidence).get(order, ()):
        for step in entry["history"]:
            at = int(datetime.fromisoformat(step["at"]).timestamp() * 1000)
            found.append((at, f"vendor {entry['account']} {entry['id']} ({entry['external_id']}): {step['status']}"))
    for at, line in sorted(found):
        yield f"{datetime.fromtimestamp(at / 1000, UTC).strftime('%H:%M:%S.%f')[:-3]} {line}"
    for row in evidence.books["orders"].tables["orders"] if "orders" in evidence.books else ():
        if row["id"] == order:
            yield f"row: {row['status']}, version {row['version']}, activity {row['snapshot']['activity']}"


def line_of(record: Record) -> str:
    """Where a record stands, what it is, and of its content what decides."""
    body = record.body
    parts = {
        name: body[name]
        for name in ("version", "from", "to", "status", "generation", "attempt", "code", "reason", "differs", "command_id", "raw")
        if body.get(name) not in (None, [])
    }
    told = " ".join(f"{name}={value}" for name, value in parts.items())
    kind = record.type or ("tombstone" if record.value is None else "?")
    return f"{record.topic}/{record.partition}@{record.offset} {kind} {record.id[:8]} {told}"


def summary(verdict: Verdict) -> str:
    """One line."""
    counts = ", ".join(f"{count} {name}" for name, count in verdict.counts.items())
    return f"{len(verdict.violations)} violations in {counts}"
