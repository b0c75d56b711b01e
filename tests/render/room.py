"""The service's database with its desks and queue: all but broker and worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from platen_contracts.envelope import decode_value
from platen_contracts.message import Message
from platen_contracts.render import RenderRequested
from platen_contracts.topics import MESSAGES
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_render.handlers import FILES, REQUESTS, STATUS, outcomes
from platen_render.model import State
from platen_render.store import RenderStore
from platen_render.store.queue import Claim, Queue
from platen_render.store.shelf import Shelf
from sqlalchemy.ext.asyncio import AsyncEngine

from .asking import new_id

LEASE = timedelta(minutes=1)
RETENTION = timedelta(days=90)


@dataclass
class Room:
    engine: AsyncEngine
    requests: Desk[State]
    outcomes: Desk[State]
    status: Desk[State]
    files: Desk[State]
    queue: Queue
    shelf: Shelf

    @classmethod
    def at(cls, database: str) -> Room:
        engine = open_engine(database)
        store = RenderStore(RETENTION)
        tables = (REQUESTS, outcomes("http://files"), STATUS, FILES)
        desks = [Desk(engine, store, handlers, "render") for handlers in tables]
        return cls(engine, *desks, Queue(engine), Shelf(engine, RETENTION))

    async def claim(self, lasting: timedelta = LEASE) -> Claim | None:
        return await self.queue.claim(new_id(), lasting, "press 1")

    async def claimed(self) -> RenderRequested:
        claim = await self.claim()
        assert claim is not None
        return claim.request

    async def rows(self, statement: str) -> list[Any]:
        async with self.engine.begin() as tx:
            result = await tx.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def answers(self) -> list[Message]:
        """Every answer in the outbox."""
        return [
            decode_value(value, MESSAGES[kind]) for kind, value in await self.rows("select type, value from outbox order by id")
        ]

    async def sent(self) -> list[str]:
        return [type(answer).__name__ for answer in await self.answers()]
