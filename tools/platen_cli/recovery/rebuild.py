"""A topic held against its owner's database, and what it lacks sent again by the owner's own relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from platen_contracts.envelope import Undecodable, decode_headers
from platen_contracts.topics import CATALOGUE, SERVICES, Topic
from platen_messaging import rebuild
from platen_messaging.databases import open_engine, shown
from platen_messaging.faults import told
from platen_messaging.rebuild import Comparison, Fold, Source
from platen_messaging.records import Record
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_cli.errors import Unreachable, UserError
from platen_cli.stack.settings import package_of

from .reach import Reach
from .reading import TopicReader, reading

SETTLING_S = 10.0
"""How long a topic is compared again while its service goes on sending."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did: rows that were put into the outbox, and how the topic stands now."""

    sent: int
    now: Comparison


def rebuildable() -> Mapping[str, tuple[Topic, Source]]:
    """Every topic that an installed service can tell again from its own rows, by the catalogue's name."""
    found: dict[str, tuple[Topic, Source]] = {}
    for service in SERVICES:
        if find_spec(package_of(service)) is not None and find_spec(f"{package_of(service)}.store") is not None:
            store = import_module(f"{package_of(service)}.store")
            sources = cast("Mapping[str, Source]", getattr(store, "SOURCES", {}))
            found |= {name: (CATALOGUE[name], source) for name, source in sources.items()}
    return found


class Rebuilding:
    """One topic, followed, beside the database that it comes from."""

    def __init__(self, topic: Topic, source: Source, engine: AsyncEngine, reader: TopicReader) -> None:
        self._topic, self._source, self._engine, self._reader = topic, source, engine, reader
        self._fold = Fold(topic, source)

    async def compare(self) -> Comparison:
        """How the topic stands to the database. What is just being sent is waited for: a difference must be seen twice."""
        deadline = asyncio.get_running_loop().time() + SETTLING_S
        differed = False
        while True:
            under_way = await rebuild.pending(self._engine, self._topic.name)
            await self._catch_up()
            seen = await rebuild.compare(self._engine, self._topic, self._source, self._fold)
            if seen.equal or (differed and not under_way) or asyncio.get_running_loop().time() > deadline:
                return seen
            differed = not under_way
            await asyncio.sleep(0.1)

    async def rebuild(self, seconds: float) -> Rebuilt:
        """Has what is missing sent; returns how the topic stands then. Raises `UserError` if it is not sent in time."""
        await self._catch_up()
        before = await rebuild.rebuild(self._engine, self._topic, self._source, self._fold, datetime.now(UTC))
        deadline = asyncio.get_running_loop().time() + seconds
        while left := await rebuild.pending(self._engine, self._topic.name):
            if asyncio.get_running_loop().time() > deadline:
                owner = self._topic.owner
                raise UserError(
                    f"{left} records of {self._topic.name} stand in the outbox of {owner} after {seconds:g} s; "
                    f"they are sent when {owner} runs (see its /ready), then --check tells how the topic stands"
                )
            await asyncio.sleep(0.2)
        return Rebuilt(before.missing, await self.compare())

    async def _catch_up(self) -> None:
        async for record in self._reader.to_the_end():
            self._fold.add((record.key or b"").decode("utf-8", "replace"), _id_of(record), record.value)


@asynccontextmanager
async def rebuilding(where: Reach, name: str) -> AsyncIterator[Rebuilding]:
    """Raises `UserError` for a topic that no installed service can tell again, or a database that is not there."""
    known = rebuildable()
    if name not in known:
        raise UserError(f"{name}: not a topic that a service here can tell again; those are {', '.join(known) or 'none'}")
    topic, source = known[name]
    url = where.database(topic.owner)
    engine = open_engine(url, pooled=False)
    try:
        async with reading(where.kafka, [where.prefix + name]) as reader:
            yield Rebuilding(topic, source, engine, reader)
    except (OSError, SQLAlchemyError) as failure:
        raise Unreachable(f"{shown(url)}: {told(failure)}; see that it runs") from None
    finally:
        await engine.dispose()


def _id_of(record: Record) -> str:
    try:
        return decode_headers(record.headers).id
    except Undecodable:
        return ""
