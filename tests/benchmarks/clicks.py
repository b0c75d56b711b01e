"""How long a command waits for its reply while a large import goes on."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_contracts import orders
from platen_contracts.ids import derived_id, order_id

from tests.orders import world as w
from tests.support import until

from .rig import Rig, database, load, service, topics
from .workload import Piece, imported, piece

PAUSE_S = 0.05
LOOK = 20
"""Commands between two looks at how far the import is: counting is work for the database."""


async def during_import(place: Rig, known: int, count: int) -> list[float]:
    """Milliseconds from each command to its reply, one every 50 ms while `count` shop orders are imported."""
    async with database(place, "clicks") as url, topics(place.kafka, "clicks.") as prefix:
        await load(place.kafka, prefix, imported(count))
        connection = await asyncpg.connect(url)
        clerk = _Clerk(place.kafka.bootstrap, prefix)
        await clerk.start()
        async with service(place.kafka, url, prefix):
            number = 0
            while number % LOOK or await connection.fetchval("select count(*) from inbox") < count + len(clerk.taken):
                await clerk.ask(_edit(number, known))
                number += 1
                await asyncio.sleep(PAUSE_S)
            await until(lambda: not clerk.waiting)
        await clerk.stop()
        await connection.close()
    return clerk.taken


class _Clerk:
    """Sends commands and takes the time until each is answered."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._prefix = prefix
        self._producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
        self._consumer: Any = AIOKafkaConsumer(
            f"{prefix}orders.replies", bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20
        )
        self.waiting: dict[bytes, float] = {}
        self.taken: list[float] = []

    async def start(self) -> None:
        await self._producer.start()
        await self._consumer.start()
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        self._reading.cancel()
        await self._consumer.stop()
        await self._producer.stop()

    async def ask(self, command: Piece) -> None:
        self.waiting[command.meta.id.encode()] = time.perf_counter()
        await self._producer.send(self._prefix + command.topic, command.value, key=command.key.encode(), headers=command.headers)

    async def _read(self) -> None:
        async for record in self._consumer:
            began = self.waiting.pop(dict(record.headers).get("ce_causationid", b""), None)
            if began is not None:
                self.taken.append((time.perf_counter() - began) * 1000)


def _edit(number: int, known: int) -> Piece:
    order = order_id("mugs", str(number % known), "0")
    recipient = w.BERLIN.model_copy(update={"line2": f"floor {number}"})
    command = orders.EditShipping(order_id=order, actor=w.ANN, recipient=recipient)
    return piece("orders.commands", order, command, derived_id("click", number))
