"""The toy service at work: how tests start it, feed it and look at it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_contracts.envelope import Meta, encode, encode_headers
from platen_contracts.message import Message
from platen_messaging.settings import ServiceSettings
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.running import Running as AnyRunning
from tests.support import until

from . import main as toy_main
from .store import Counters

Headers = Sequence[tuple[str, bytes | None]]


def meta_of(message: Message, key: str, message_id: str = "", time: datetime | None = None, **extra: Any) -> Meta:
    return Meta(message_id or secrets.token_hex(16), message.TYPE, "test", key, time or datetime.now(UTC), **extra)


@dataclass
class Running(AnyRunning):
    """One instance of the toy, in this process."""

    END_S: ClassVar[float] = 40

    store: Counters


@dataclass
class Toy:
    """The world of one test: topics under a prefix of its own, a database of its own, any number of instances."""

    settings: ServiceSettings
    engine: AsyncEngine
    running: list[Running] = field(default_factory=list[Running])
    _producer: Any = None

    @property
    def prefix(self) -> str:
        return self.settings.topic_prefix

    async def start(self, wait_ready: bool = True, *, keeps_place: bool = False) -> Running:
        store = Counters()
        service = toy_main.build(self.settings, store, keeps_place=keeps_place)
        stop = asyncio.Event()
        running = Running(service, stop, asyncio.ensure_future(service.serve(stop)), store)
        self.running.append(running)
        if wait_ready:
            await running.ready()
        return running

    async def produce(
        self, topic: str, value: bytes | None, headers: Headers, key: bytes | None = b"all", partition: int | None = None
    ) -> None:
        if self._producer is None:
            self._producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka, max_request_size=4_000_000)
            await self._producer.start()
        await self._producer.send_and_wait(self.prefix + topic, value, key=key, headers=headers, partition=partition)

    async def send(self, message: Message, topic: str = "toy.adds", key: str = "all", **meta: Any) -> str:
        """Sends it as any system would; returns its id."""
        about = meta_of(message, key, **meta)
        await self.produce(topic, encode(message), encode_headers(about), key.encode())
        return about.id

    async def read(self, topic: str) -> list[Any]:
        """Every record on the topic now, in the order of partitions and offsets."""
        consumer = AIOKafkaConsumer(self.prefix + topic, bootstrap_servers=self.settings.kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            ends = await consumer.end_offsets(list(consumer.assignment()))
            records: list[Any] = []
            for partition in sorted(ends):
                while await consumer.position(partition) < ends[partition]:
                    for found in (await consumer.getmany(timeout_ms=200)).values():
                        records.extend(found)
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    async def query(self, statement: str, *args: Any) -> list[Any]:
        async with self.engine.begin() as tx:
            found = await tx.exec_driver_sql(statement, args)
            return [tuple(row) for row in found] if found.returns_rows else []

    async def value(self, statement: str, *args: Any) -> Any:
        rows = await self.query(statement, *args)
        return rows[0][0] if rows else None

    async def total(self, name: str = "all") -> int:
        return await self.value("select total from counters where name = $1", name) or 0

    async def total_is(self, total: int, name: str = "all") -> None:
        async def same() -> bool:
            return await self.total(name) == total

        await until(same)

    async def dead(self, count: int) -> list[Any]:
        async def enough() -> list[Any]:
            found = await self.read("toy.dead-letter")
            return found if len(found) >= count else []

        return await until(enough)

    async def close(self) -> None:
        for each in self.running:
            if not each.serving.done():
                await each.end()
        if self._producer is not None:
            await self._producer.stop()
        await self.engine.dispose()
