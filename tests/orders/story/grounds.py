"""Where a story happens: on the real batch path over a real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
import msgspec
from platen_contracts.envelope import rfc3339
from platen_contracts.topics import CATALOGUE
from platen_messaging.desk import Desk
from platen_messaging.outcome import Outcome
from platen_messaging.records import Incoming, Reader
from platen_orders.handlers import COMMANDS, FACTS, TIMERS
from platen_orders.model import Entry, Order
from platen_orders.poll import Poll
from platen_orders.store import OrdersStore
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.orders.world import NOON

from .books import Look, Row, Sent

T = TypeVar("T")

LANES = {"commands": COMMANDS, "facts": FACTS}
_READERS = {name: Reader(f"orders.{name}", "orders", "", handlers.types, CATALOGUE) for name, handlers in LANES.items()}
_ORDER = msgspec.json.Decoder(Order)
_WIPE = "; ".join(f"delete from {table}" for table in (
    "timers", "history", "lines", "orders", "shop_orders", "artworks", "shops", "inbox", "outbox", "outbox_sent",
))  # fmt: skip

ROWS = "select id, shop_order, version, status, state::text, snapshot::text from orders order by id"
HISTORY = "select order_id, version, event::text from history"
TIMERS_ROWS = "select order_id, due_at from timers"
_SENT = "select id, topic, key, type, value, message_id from outbox where id > $1 order by id"
_EVERYTHING = """
select (select json_agg(o order by id)::text from orders o),
    (select json_agg(h order by order_id, version)::text from history h),
    (select json_agg(s order by key)::text from shop_orders s),
    (select json_agg(l order by shop_order, line_id)::text from lines l),
    (select json_agg(t order by order_id)::text from timers t), (select count(*) from inbox), (select count(*) from outbox)
"""


class Torn(Exception):
    """The transaction was rolled back after all was written."""


class TearingStore(OrdersStore):
    """Of the very process: what it keeps in memory must survive a transaction that is lost."""

    tearing = False

    async def save(self, tx: Any, changed: Any, messages: Any) -> None:
        await super().save(tx, changed, messages)
        if self.tearing:
            raise Torn


class Ground:
    """One process of orders, as far as batches go. Its clock is set by hand."""

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: AsyncEngine, reading: asyncpg.Connection) -> None:
        self.now: datetime = NOON
        self._loop, self._engine, self._reading = loop, engine, reading
        self._sent = 0

    def begin(self) -> None:
        """Nothing has happened yet."""
        self._run(self._reading.execute(_WIPE))
        self.now = NOON
        self.restart()

    def restart(self) -> None:
        """A new process: what it knows is what was saved."""
        self._store = TearingStore()
        self._desks = {name: self._desk(handlers) for name, handlers in {**LANES, "timers": TIMERS}.items()}
        self._poll = Poll(self._engine, self._desks["timers"], self._store, lambda: self.now)

    def apply(self, lane: str, batch: Sequence[Incoming]) -> list[Outcome[Entry]]:
        return self._run(self._desks[lane].apply(batch, _READERS[lane]))

    def tear(self, lane: str, batch: Sequence[Incoming]) -> bool:
        """The batch, and all of it rolled back at the last moment; False where it had nothing to save."""
        self._store.tearing = True
        try:
            self.apply(lane, batch)
        except Torn:
            return True
        finally:
            self._store.tearing = False
        return False

    def tick(self) -> None:
        """Until no timer is due."""
        while self._run(self._poll.tick()):
            pass

    def everything(self) -> Any:
        return self._run(self._reading.fetch(_EVERYTHING))[0]

    def look(self) -> Look:
        return self._run(self._look())

    async def _look(self) -> Look:
        sent = await self._reading.fetch(_SENT, self._sent)
        self._sent = sent[-1]["id"] if sent else self._sent
        return await look_at(self._reading, [Sent(it[1], (it[2] or b"").decode(), it[3] or "", it[4], it[5]) for it in sent])

    def _desk(self, handlers: Any) -> Desk[Entry]:
        return Desk(self._engine, self._store, handlers, "orders", lambda: self.now)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


async def look_at(connection: asyncpg.Connection, sent: Sequence[Sent]) -> Look:
    rows = [Row(*row, order=_ORDER.decode(row[4])) for row in await connection.fetch(ROWS)]
    history = [(row[0], row[1], row[2]) for row in await connection.fetch(HISTORY)]
    timers = {row[0]: rfc3339(row[1]) for row in await connection.fetch(TIMERS_ROWS)}
    return Look(rows, history, sent, timers)
