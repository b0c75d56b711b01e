"""What was seen of some orders, and whether it keeps the promises: I3, I4, I6, I8, quantities and money. Written by hand from
the design, so that it shares nothing with the code that it judges but the words."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from platen_orders.model import Order

from .words import SECRETS, SHOP_PRICES, SHOP_QUANTITIES

Json = dict[str, Any]

EDGES = {
    ("New", "Ready to send"),
    ("New", "Sent"),
    ("New", "Archived"),
    ("Ready to send", "New"),
    ("Ready to send", "Sent"),
    ("Ready to send", "Failed to send"),
    ("Ready to send", "Archived"),
    ("Sent", "Fulfilled"),
    ("Sent", "Failed to send"),
    ("Failed to send", "Sent"),
    ("Failed to send", "Archived"),
    ("Archived", "New"),
    ("Archived", "Ready to send"),
    ("Archived", "Failed to send"),
}
"""Section 1 of the design."""


class Row(NamedTuple):
    """An order as the database has it. `state` and `snapshot` are JSON."""

    id: str
    shop_order: str
    version: int
    status: str
    state: str
    snapshot: str
    order: Order


class Sent(NamedTuple):
    """A message on its way out; `value` None is a tombstone."""

    topic: str
    key: str
    kind: str
    value: bytes | None
    id: str


class Look(NamedTuple):
    """All rows of orders, the whole of history as (order, version, event as JSON), and what was sent since the last look."""

    rows: Sequence[Row]
    history: Sequence[tuple[str, int, str]]
    sent: Sequence[Sent]
    timers: Mapping[str, str]


class Line(NamedTuple):
    shop_order: str
    line_id: str


@dataclass
class Book:
    """One order: its events so far, the fold of them, and what was last published."""

    events: list[Json] = field(default_factory=list[Json])
    fold: Json = field(default_factory=dict[str, Any])
    told: int = 0
    private: int = 0
    gone: bool = False
    """The last word on orders.private is a tombstone."""
    generations: int = 0


class Books:
    """`crossed`: the edges of the table that were seen."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = defaultdict(Book)
        self.crossed: set[tuple[str, str]] = set()
        self._lines: dict[Line, tuple[int, Decimal]] = {}
        self._replies: dict[str, Json] = {}

    def reply_to(self, command_id: str) -> Json:
        """With its `kind`."""
        return self._replies[command_id]

    def read(self, look: Look, *, causes: Collection[str] | None = None) -> None:
        """`causes`: the messages that may have changed something since the last look; None: not known."""
        fresh = self._history(look)
        if causes is not None:
            assert {event["cause"]["id"] for event in fresh} <= set(causes), "I8: an event of what changed nothing"
        self._sent(look.sent)
        self._replied(look.sent, fresh)
        assert self.books.keys() >= {row.id for row in look.rows}
        for row in look.rows:
            self._row(row)
        self._conserved(look.rows, fresh)
        for row in look.rows:
            told = _told(self.books[row.id])
            assert row.order.timer == look.timers.get(row.id), (
                f"another timer than {look.timers.get(row.id)}: {told}; {row.state}"
            )

    def _history(self, look: Look) -> list[Json]:
        """The events that are new."""
        versions: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for order_id, version, event in look.history:
            versions[order_id].append((version, event))
        fresh: list[Json] = []
        for order_id, run in versions.items():
            run.sort()
            book = self.books[order_id]
            assert [version for version, _ in run] == list(range(1, len(run) + 1)), "I4: history has a gap"
            assert len(run) >= len(book.events), "I4: history lost an event"
            for _, text in run[len(book.events) :]:
                event = json.loads(text)
                self._event(book, event)
                fresh.append(event)
        told = [it for it in look.sent if it.topic == "orders.history"]
        assert len(told) == len(fresh), "I8: as many events are published as were saved"
        known = {(it["order_id"], it["version"]): it for it in fresh}
        for it in told:
            event = json.loads(it.value or b"")
            assert known[it.key, event["version"]] == event
        return fresh

    def _event(self, book: Book, event: Json) -> None:
        was, came = event.get("from"), event["to"]
        if book.events:
            assert event["version"] == book.events[-1]["version"] + 1
            assert was == book.events[-1]["to"], "I3: a status changed between two events"
        else:
            assert (was, came) == (None, "New"), "I3: an order begins as New"
        if was is not None and was != came:
            assert (was, came) in EDGES, f"I3: {was} to {came}"
            self.crossed.add((was, came))
        if was == "Archived" != came:
            put_away = next(it for it in reversed(book.events) if it["to"] == "Archived" and it["from"] != "Archived")
            assert came == put_away["from"], "I6: unarchive restores the status before"
            assert event["cause"]["type"].endswith(".Unarchive.v1")
        book.events.append(event)
        book.fold = _merged(book.fold, event["patch"])
        assert (book.fold["version"], book.fold["status"]) == (event["version"], came)

    def _sent(self, sent: Iterable[Sent]) -> None:
        for it in sent:
            if it.topic == "orders.status":
                snapshot, book = json.loads(it.value or b""), self.books[it.key]
                assert snapshot["version"] > book.told, "I4: status versions rise"
                book.told = snapshot["version"]
            elif it.topic == "orders.private":
                book = self.books[it.key]
                assert not (book.gone and it.value is not None), "an erased order has no private half again"
                book.gone = it.value is None
                version = book.private + 1 if it.value is None else json.loads(it.value)["version"]
                assert version > book.private
                book.private = version
            elif it.kind.endswith("DispatchRequested.v1"):
                self.books[it.key].generations += 1
                assert json.loads(it.value or b"")["generation"] == self.books[it.key].generations, "one request a generation"

    def _replied(self, sent: Iterable[Sent], fresh: Iterable[Json]) -> None:
        """Each command has one reply, and those that were applied have events."""
        applied: set[str] = set()
        for it in sent:
            if it.topic == "orders.replies":
                reply = {**json.loads(it.value or b""), "kind": it.kind.split(".")[-2]}
                assert reply["command_id"] not in self._replies, "two replies to one command"
                self._replies[reply["command_id"]] = reply
                if reply["kind"] == "CommandApplied" and not reply["dry_run"]:
                    applied.add(reply["command_id"])
        of_commands = {it["cause"]["id"] for it in fresh if it["cause"]["id"] in self._replies}
        assert of_commands == applied, "I8: events of a command that was not applied, or none of one that was"

    def _row(self, row: Row) -> None:
        book, snapshot = self.books[row.id], json.loads(row.snapshot)
        assert row.version == len(book.events) == book.told == snapshot["version"], "I4: row, history and status agree"
        assert row.status == snapshot["status"] == row.order.status
        assert snapshot == book.fold, "the fold of history is the snapshot"
        assert snapshot["generation"] == book.generations
        before = {it["to"] for it in book.events}
        lawful = _lawful(row.order, snapshot, "Fulfilled" in before)
        assert row.status in lawful, f"{row.status}, not {lawful}: {_told(book)}; {row.state}"
        assert book.gone == row.order.erased
        if row.order.erased:
            assert [it for it in SECRETS if it in row.state or it in row.snapshot] == []
        for item in snapshot["items"].values():
            assert item["quantity"] >= 1
            assert 0 <= item["shipped"] + item["cancelled"] <= item["quantity"]

    def _conserved(self, rows: Sequence[Row], fresh: Sequence[Json]) -> None:
        """Every unit of a line is in one item of one order, at its price; only the shop changes how many, and what they cost."""
        items = [item_id for row in rows for item_id in json.loads(row.snapshot)["items"]]
        assert len(items) == len(set(items)), "an item is in two orders"
        totals: dict[Line, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
        prices: dict[Line, set[Decimal]] = defaultdict(set)
        for row in rows:
            for item in row.order.items.values():
                line, price = Line(row.shop_order, item.line_id), Decimal((item.price or {"amount": "0"})["amount"])
                units, money = totals[line]
                totals[line] = (units + item.quantity, money + item.quantity * price)
                prices[line].add(price)
        shop_orders = {row.id: row.shop_order for row in rows}
        by_shop = {shop_orders[it["order_id"]] for it in fresh if it["actor"]["kind"] == "shop"}
        assert self._lines.keys() <= totals.keys(), "a line got lost"
        for line, (units, money) in totals.items():
            if (units, money) != self._lines.get(line):
                assert line.shop_order in by_shop, f"units or money of {line} changed by themselves"
                assert units in SHOP_QUANTITIES
            assert len(prices[line]) == 1
            assert str(next(iter(prices[line]))) in SHOP_PRICES
        self._lines = dict(totals)


def _told(book: Book) -> list[str]:
    """The order's life, in words."""
    return [f"{it['cause']['type'].split('.')[2]}: {it['to']}" for it in book.events]


def _lawful(order: Order, snapshot: Json, was_fulfilled: bool) -> set[str]:
    """The statuses that the design allows for what is known of the order."""
    if order.archived_from is not None:
        return {"Archived"}
    live = [item for item in snapshot["items"].values() if item["state"] != "Ignored"]
    current = live and all(it["sides"] and all(side["state"] == "current" for side in it["sides"].values()) for it in live)
    prepared = {"Ready to send" if current else "New"}
    if order.custom:
        return prepared
    if was_fulfilled:  # the table knows no way on
        return {"Fulfilled"}
    if any(item["shipped"] for item in snapshot["items"].values()):
        return {"Fulfilled"} if all(it["shipped"] + it["cancelled"] >= it["quantity"] for it in live) else {"Sent"}
    taken = order.vendor_orders.values()
    if any(not it.ended and not it.cancelled for it in taken):
        return {"Sent"}
    if taken:
        over = all(it.ended and (it.read_at or "") >= it.taken_at for it in taken)
        return {"Failed to send"} if over else {"Sent", "Failed to send"}
    if snapshot["activity"]["kind"] in ("queued", "sending", "in doubt"):
        return {"Ready to send", "Failed to send"}
    if order.sending is None:
        return prepared
    return (
        {"Failed to send"} if order.sending.outcome == "refused" and order.refusal is not None else {*prepared, "Failed to send"}
    )


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
