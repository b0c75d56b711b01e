"""What any topic tells of one order, or of one piece of work, by time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from platen_contracts.topics import CATALOGUE

from platen_cli.audit.evidence import Record
from platen_cli.audit.report import line_of
from platen_cli.errors import UserError

from .reach import Reach
from .reading import read

ABOUT_ORDERS = [name for name, topic in CATALOGUE.items() if topic.key in ("order", "shop order", "as it came")]


@dataclass(frozen=True, slots=True)
class Traced:
    """A record that belongs to it. `correlation`: the id of the message that its work began with, which may be this one."""

    at: datetime
    line: str
    correlation: str


async def trace(where: Reach, name: str, since: datetime | None = None) -> Sequence[Traced]:
    """Every record of `name`: an order's id or number (`#1001`), or a correlation id. By the times of the records.

    Reads every topic that is about orders once, from its beginning or from `since`. Raises `UserError` where nothing is found.
    """
    wanted = {name, *await _names(where, name)}
    found = [it async for it in _records(where, ABOUT_ORDERS, since) if wanted & {it.text_key, _correlation(it)}]
    if not found:
        raise UserError(f"{name}: no topic tells of it; give an order's id or number, or a correlation id")
    return [_traced(it) for it in sorted(found, key=lambda it: (it.timestamp, it.place))]


async def _names(where: Reach, name: str) -> set[str]:
    """The keys of the orders that are called so: each one's id, and its shop order's, under which stands what the shop said.

    By correlation that could not be told: a sync run says the same of every shop order that it has read.
    """
    return {
        key
        async for it in _records(where, ["orders.status"])
        if it.body and name in (it.text_key, it.body.get("number"))
        for key in (it.text_key, f"{it.body.get('shop_id')}/{it.body.get('shop_order_id')}")
    }


async def _records(where: Reach, topics: Sequence[str], since: datetime | None = None) -> AsyncIterator[Record]:
    async for it in read(where.kafka, [where.prefix + topic for topic in topics], since=since):
        topic = it.topic[len(where.prefix) :]
        yield Record(topic, it.partition, it.offset, it.timestamp, it.key, it.value, it.headers)


def _correlation(record: Record) -> str:
    return record.named.get("ce_correlationid") or record.id


def _traced(record: Record) -> Traced:
    return Traced(datetime.fromtimestamp(record.timestamp / 1000, UTC), line_of(record), _correlation(record))
