"""From arrival to what a subscriber can read, at a steady load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from . import arms
from .arms import Prepared
from .workload import Piece, Stray

LINGER_S = 0.005


def percentile(values: Sequence[float], percent: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


async def ours(bootstrap: str, prefix: str, records: Sequence[Piece | Stray], load: float) -> list[float]:
    """Milliseconds from just before the send to the arrival of the status that the record caused, at a subscriber.

    The first record has to cause one. Of strays nothing is expected.
    """
    consumer: Any = AIOKafkaConsumer(
        prefix + "orders.status", bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    sent: dict[bytes, float] = {}
    seen: list[float] = []
    heard = asyncio.Event()

    async def read() -> None:
        async for record in consumer:
            cause = dict(record.headers).get("ce_causationid")
            began = sent.pop(cause, None) if cause is not None else None
            if began is not None:
                seen.append((time.perf_counter() - began) * 1000)
                heard.set()

    reader = asyncio.create_task(read())

    async def send(record: Piece | Stray) -> None:
        key = record.key
        if isinstance(record, Piece):
            sent[record.meta.id.encode()] = time.perf_counter()
            key = record.key.encode()
        await producer.send(prefix + record.topic, record.value, key=key, headers=record.headers)

    # The service starts, its group joins, and every path is walked before the clock counts.
    await send(records[0])
    await asyncio.wait_for(heard.wait(), 120)
    warm = max(1, len(records) // 5)
    for place, (piece, due) in enumerate(_steady(records[1:], load)):
        await due
        await send(piece)
        if place == warm:
            seen.clear()
    last = -1
    while len(seen) != last:
        last = len(seen)
        await asyncio.sleep(1)
    reader.cancel()
    await consumer.stop()
    await producer.stop()
    return seen


async def raw(database: str, records: Sequence[Prepared], load: float) -> list[float]:
    """Milliseconds from arrival in memory to commit, in batches of whatever came within 5 ms."""
    connection = await asyncpg.connect(database)
    queue: asyncio.Queue[tuple[float, Prepared]] = asyncio.Queue()
    seen: list[float] = []

    async def write() -> None:
        while len(seen) < len(records):
            batch = [await queue.get()]
            await asyncio.sleep(LINGER_S)
            while not queue.empty() and len(batch) < 500:
                batch.append(queue.get_nowait())
            await arms.write(connection, _merged([it for _, it in batch]))
            now = time.perf_counter()
            seen.extend((now - began) * 1000 for began, _ in batch)

    writer = asyncio.create_task(write())
    for prepared, due in _steady(records, load):
        await due
        queue.put_nowait((time.perf_counter(), prepared))
    await writer
    await connection.close()
    return seen[len(seen) // 5 :]


def _steady(items: Sequence[Any], load: float) -> list[tuple[Any, Any]]:
    """Each item with something to await until its time has come."""
    began = time.perf_counter()
    return [(item, _until(began + place / load)) for place, item in enumerate(items)]


async def _until(moment: float) -> None:
    left = moment - time.perf_counter()
    if left > 0:
        await asyncio.sleep(left)


def _merged(batch: Sequence[Prepared]) -> Prepared:
    orders = {row[0]: row for it in batch for row in it.orders}
    return Prepared(
        [message_id for it in batch for message_id in it.ids],
        list(orders.values()),
        [row for it in batch for row in it.history],
        [row for it in batch for row in it.sent],
    )
