"""A topic held against the rows that it follows from, and what it lacks put into the outbox again.

A service that owns such topics names them in its store: `SOURCES`, a `Source` by the catalogue's name of the topic.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from platen_contracts.topics import Topic
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from . import outbox
from .outcome import Outgoing

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Page:
    """Records that should stand in a topic, those of a key in order. `last` names where the next page begins; None: no more."""

    records: Sequence[Outgoing]
    last: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """What a topic should hold, told page by page by its owner's rows.

    Attributes:
        page: (transaction, `last` of the page before or "", lock) -> the next page. With `lock` the rows stay as they are until
            the transaction ends, so that what is put into the outbox cannot be older than what stands behind it.
        versioned: False where the rows do not know which version the topic was last told; it is left out of the comparison.
    """

    page: Callable[[AsyncConnection, str, bool], Awaitable[Page]]
    versioned: bool = True


class Fold:
    """What a topic holds: of a compacted one the last record of each key, of any other each record by its id."""

    def __init__(self, topic: Topic, source: Source) -> None:
        self._topic = topic
        self._source = source
        self.held: dict[str, bytes] = {}

    def add(self, key: str, message_id: str, value: bytes | None) -> None:
        """The next record of the topic."""
        name = self.name(key, message_id)
        if value is None:
            self.held.pop(name, None)
        else:
            self.held[name] = self.digest(value)

    def name(self, key: str, message_id: str) -> str:
        return key if self._topic.compacted else message_id

    def digest(self, value: bytes) -> bytes:
        """16 bytes that tell one value from another."""
        if not self._source.versioned:
            # What is no JSON object is nothing that the service has told: it equals no row, whatever is left out.
            with contextlib.suppress(ValueError, RecursionError, AttributeError):
                body = json.loads(value)
                body.pop("version", None)
                value = json.dumps(body, sort_keys=True).encode()
        return hashlib.sha256(value).digest()[:16]


@dataclass(slots=True)
class Comparison:
    """How a topic stands to its rows.

    Attributes:
        records: what should stand there, counted.
        missing: rows that the topic does not hold as they are, counted; those were put into the outbox if that was asked for.
        surplus: what the topic holds and no row speaks of: the database is older than the topic.
        keys: some of the keys that are missing.
    """

    records: int = 0
    missing: int = 0
    surplus: int = 0
    keys: list[str] = field(default_factory=list[str])
    in_database: str = ""
    in_topic: str = ""

    @property
    def equal(self) -> bool:
        return self.in_database == self.in_topic


async def compare(engine: AsyncEngine, topic: Topic, source: Source, fold: Fold) -> Comparison:
    """Holds the fold against the rows."""
    return await _walk(engine, topic, source, fold, None)


async def rebuild(engine: AsyncEngine, topic: Topic, source: Source, fold: Fold, now: datetime) -> Comparison:
    """Compares, and puts what the topic lacks into the outbox, page by page; the service's relay sends it."""
    return await _walk(engine, topic, source, fold, now)


async def pending(engine: AsyncEngine, topic: str) -> int:
    """Rows of the topic that the outbox still holds."""
    async with engine.connect() as connection:
        found = await connection.exec_driver_sql("select count(*) from outbox where topic = $1", (topic,))
        return int(found.scalar_one())


async def _walk(engine: AsyncEngine, topic: Topic, source: Source, fold: Fold, insert_at: datetime | None) -> Comparison:
    seen, known = Comparison(), set[str]()
    should = _Digest()
    last: str | None = ""
    while last is not None:
        async with engine.begin() as tx:
            page = await source.page(tx, last, insert_at is not None)
            lacking = [record for record in page.records if not _stands(record, fold, should, known, seen)]
            if insert_at is not None:
                rows = [outbox.row_of(each, outbox.extensions_of(None), insert_at, {topic.name: topic}) for each in lacking]
                await outbox.insert(tx, rows)
        last = page.last
    seen.surplus = len(fold.held.keys() - known)
    seen.in_database, seen.in_topic = should.told, _Digest(fold.held).told
    return seen


def _stands(record: Outgoing, fold: Fold, should: _Digest, known: set[str], seen: Comparison) -> bool:
    """Whether the topic holds it, counted."""
    name = fold.name(record.key, record.id)
    value = None if record.value is None else fold.digest(record.value)
    if value is not None:
        seen.records += 1
        known.add(name)
        should.add(name, value)
    if fold.held.get(name) == value:
        return True
    known.add(name)
    seen.missing += 1
    if len(seen.keys) < _EXAMPLES and record.key not in seen.keys:
        seen.keys.append(record.key)
    return False


class _Digest:
    """Of a set of named values, in whatever order they come."""

    def __init__(self, values: Mapping[str, bytes] | None = None) -> None:
        self._sum = 0
        for name, value in (values or {}).items():
            self.add(name, value)

    def add(self, name: str, value: bytes) -> None:
        self._sum ^= int.from_bytes(hashlib.sha256(name.encode() + b"\0" + value).digest()[:16], "big")

    @property
    def told(self) -> str:
        return f"{self._sum:032x}"
