"""The store of sync behind a real desk, without a broker."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from platen_contracts.message import Message
from platen_messaging.desk import Desk
from platen_messaging.outcome import Outcome
from platen_sync.decide.facts import PageRead
from platen_sync.handlers import HANDLERS
from platen_sync.model import SeenOrder, State
from platen_sync.store import SyncStore
from platen_sync.store.due import Due
from sqlalchemy.ext.asyncio import AsyncEngine

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Rig:
    """The store behind a real desk."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine, self.due, self.now = engine, Due(engine), NOW
        self.desk = Desk(engine, SyncStore(), HANDLERS, "sync", lambda: self.now)

    async def tell(self, *messages: Message) -> list[Outcome[State]]:
        return await self.desk.apply([self.desk.fact(message, uuid4().hex, "key") for message in messages])

    async def page(self, *orders: SeenOrder) -> None:
        open_run = await self.due.run_of("shop-a")
        assert open_run is not None
        assert open_run.run.asked is not None
        await self.tell(
            PageRead(
                shop_id="shop-a",
                run_id=open_run.run.run_id,
                asked=open_run.run.asked,
                per_page=100,
                read_at=self.now,
                modified=[order.modified_at for order in orders],
                orders=list(orders),
            )
        )

    async def state(self, key: str) -> State:
        async with self.engine.begin() as tx:
            return (await SyncStore().load(tx, [key]))[key]

    async def outbox(self, topic: str) -> list[str]:
        async with self.engine.connect() as connection:
            sql = "select convert_from(key, 'utf8') from outbox where topic = $1 order by id"
            return [row[0] for row in await connection.exec_driver_sql(sql, (topic,))]
