"""A broker, a database server, copies of a filled database and the real service: what every benchmark of orders stands on."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import psutil
from aiokafka import AIOKafkaProducer
from platen_cli.local import Kafka, Postgres
from platen_cli.provision import delete_topics, migrate, provision_topics
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_orders.handlers import FACTS
from platen_orders.model import Held, Order
from platen_orders.store import OrdersStore

from tests.orders import world as w
from tests.running import process

from .workload import Piece, observations


@dataclass(frozen=True, slots=True)
class Rig:
    kafka: Kafka
    postgres: Postgres


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Both servers, durable as in production, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="platen-bench-") as folder:
        kafka, postgres = Kafka(Path(folder) / "kafka", fast=False), Postgres(Path(folder) / "postgres")
        await kafka.start()
        await postgres.start()
        try:
            yield Rig(kafka, postgres)
        finally:
            await kafka.stop()
            await postgres.stop()


async def template(place: Rig, orders: int, statements: Sequence[str] = (), name: str = "template_orders") -> None:
    """A database in which every order is New and waits for its files; every run gets a copy."""
    admin = await asyncpg.connect(place.postgres.admin_url)
    await admin.execute(f"create database {name}")
    await admin.close()
    url = place.postgres.url(name)
    await migrate(url, "platen_orders")
    engine = open_engine(url)
    desk = Desk(engine, OrdersStore(), FACTS, "orders")
    await _apply(desk, [w.MUG, w.a_shop(auto_render=False)])
    messages = observations(orders)
    for start in range(0, len(messages), 500):
        await _apply(desk, messages[start : start + 500], start)
    await engine.dispose()
    connection = await asyncpg.connect(url)
    for statement in (*statements, "truncate inbox, outbox, outbox_sent", "vacuum analyze"):
        await connection.execute(statement, timeout=600)
    await connection.close()


async def _apply(desk: Desk[Any], messages: Sequence[Message], start: int = 0) -> None:
    facts = [desk.fact(it, derived_id("prepared", it.TYPE, start + place), "") for place, it in enumerate(messages)]
    await desk.apply(facts)


async def held(database: str) -> dict[str, Held]:
    """Every order of a database, by id."""
    connection = await asyncpg.connect(database)
    rows = await connection.fetch("select id, state::text, snapshot::text from orders")
    await connection.close()
    return {row[0]: Held(msgspec.json.decode(row[1], type=Order), msgspec.json.decode(row[2])) for row in rows}


@asynccontextmanager
async def database(place: Rig, name: str, source: str = "template_orders") -> AsyncIterator[str]:
    """The URL of a copy of `source`."""
    admin = await asyncpg.connect(place.postgres.admin_url)
    await admin.execute(f'create database "{name}" template {source} strategy file_copy', timeout=600)
    await admin.execute("checkpoint", timeout=600)
    try:
        yield place.postgres.url(name)
    finally:
        await admin.execute(f'drop database "{name}" with (force)')
        await admin.close()


@asynccontextmanager
async def topics(kafka: Kafka, prefix: str) -> AsyncIterator[str]:
    reports = await provision_topics(kafka.bootstrap, None, prefix)
    yield prefix
    await delete_topics(kafka.bootstrap, [report.name for report in reports])


async def load(kafka: Kafka, prefix: str, records: Sequence[Piece]) -> None:
    """Puts all records where they belong, in order."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    for start in range(0, len(records), 2000):
        sends = [
            await producer.send(prefix + piece.topic, piece.value, key=piece.key.encode(), headers=piece.headers)
            for piece in records[start : start + 2000]
        ]
        await asyncio.gather(*sends)
    await producer.stop()


@asynccontextmanager
async def service(kafka: Kafka, url: str, prefix: str) -> AsyncIterator[Any]:
    """`python -m platen_orders`, as it is deployed."""
    environment = {
        **os.environ,
        "PLATEN_KAFKA": kafka.bootstrap,
        "PLATEN_DATABASE": url,
        "PLATEN_HTTP": "127.0.0.1:0",
        "PLATEN_TOPIC_PREFIX": prefix,
        "PLATEN_LOG": "json",
    }
    async with process("platen_orders", environment, stdout=asyncio.subprocess.DEVNULL) as started:
        yield started


async def drained(kafka: Kafka, url: str, prefix: str, records: Sequence[Piece], processes: int = 1) -> tuple[float, float]:
    """Seconds until the records are applied and everything that follows is sent; megabytes of the largest process."""
    unique = len({piece.meta.id for piece in records})
    connection = await asyncpg.connect(url)
    await connection.execute("set enable_seqscan = off")
    known = await connection.fetchval("select count(*) from inbox")
    async with AsyncExitStack() as running:
        started = [await running.enter_async_context(service(kafka, url, prefix)) for _ in range(processes)]
        first, rss = 0, 0.0
        while first == 0:
            first = await connection.fetchval("select count(*) from inbox") - known
            _alive(started)
            await asyncio.sleep(0.005)
        began = time.perf_counter()
        while True:
            _alive(started)
            rss = max(rss, *(psutil.Process(it.pid).memory_info().rss / 1e6 for it in started))
            # By the index: reading all that is left of a queue, twenty times a second, would be work that is not theirs.
            left = await connection.fetchval("select exists (select from outbox order by id limit 1)")
            if not left and await connection.fetchval("select count(*) from inbox") - known >= unique:
                break
            await asyncio.sleep(0.05)
        spent = time.perf_counter() - began
    await connection.close()
    # The first batches were done before the clock began.
    return spent * unique / max(1, unique - first), rss


def _alive(processes: Sequence[Any]) -> None:
    for each in processes:
        if each.returncode is not None:
            raise RuntimeError(f"the service ended by itself with {each.returncode}: see what it said")
