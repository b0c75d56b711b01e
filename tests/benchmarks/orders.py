"""`make bench`: our orders path beside a naive consumer, a competent one and the ceiling, interleaved, on a real broker.

Ours is the real service in a process of its own: Kafka in, Postgres, outbox, relay, `orders.status` and `orders.history` out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer
from platen_cli.local import Kafka, Postgres
from platen_cli.provision import delete_topics, migrate, provision_topics
from platen_contracts.ids import derived_id
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_orders.handlers import FACTS
from platen_orders.store import OrdersStore

from tests.orders import world as w

from . import arms, latency
from .workload import Piece, observations, pieces

OUT = Path("build/bench/orders.json")
SHARES = {"ours": 1.0, "naive": 0.08, "competent": 0.2, "ceiling": 1.0}
"""Of the records, per arm: the slow ones would otherwise take the whole time."""


@dataclass(frozen=True, slots=True)
class Bench:
    kafka: Kafka
    postgres: Postgres
    records: list[Piece]


async def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="platen-bench-") as folder:
        kafka, postgres = Kafka(Path(folder) / "kafka", fast=False), Postgres(Path(folder) / "postgres")
        await kafka.start()
        await postgres.start()
        try:
            bench = Bench(kafka, postgres, pieces(options.orders))
            await _prepare(bench, options.orders)
            result = await _measure(bench, options.rounds, options.seconds)
        finally:
            await kafka.stop()
            await postgres.stop()
    _show(result)


async def _measure(bench: Bench, rounds: int, seconds: float) -> dict[str, Any]:
    rates: dict[str, list[float]] = {arm: [] for arm in SHARES}
    memory: list[float] = []
    for number in range(rounds):
        for arm in SHARES:
            records = bench.records[: max(500, int(len(bench.records) * SHARES[arm]))]
            spent, rss = await _run(bench, arm, records, f"r{number}{arm}")
            rates[arm].append(len(records) / spent)
            memory += [rss] if rss else []
            print(f"round {number + 1}: {arm:<10} {rates[arm][-1]:>8.0f}/s  ({len(records)} records, {spent:.1f} s)", flush=True)
    per_s = {arm: statistics.median(values) for arm, values in rates.items()}
    load = per_s["ours"] * 0.2
    ours, raw = await _latencies(bench, load, seconds)
    return {
        "ours_per_s": round(per_s["ours"]),
        "naive_per_s": round(per_s["naive"]),
        "competent_per_s": round(per_s["competent"]),
        "ceiling_per_s": round(per_s["ceiling"]),
        "ratio_naive": round(per_s["ours"] / per_s["naive"], 1),
        "ratio_competent": round(per_s["ours"] / per_s["competent"], 1),
        "ceiling_share": round(per_s["ours"] / per_s["ceiling"], 2),
        "p50_ms": round(latency.percentile(ours, 50), 1),
        "p99_ms": round(latency.percentile(ours, 99), 1),
        "raw_p50_ms": round(latency.percentile(raw, 50), 1),
        "raw_p99_ms": round(latency.percentile(raw, 99), 1),
        "p99_ratio": round(latency.percentile(ours, 99) / latency.percentile(raw, 99), 2),
        "load_per_s": round(load),
        "rss_mb": round(max(memory)),
        "all_runs_per_s": {arm: [round(value) for value in values] for arm, values in rates.items()},
        "versions": {name: version(name) for name in ("faststream", "aiokafka", "asyncpg", "sqlalchemy", "pydantic", "msgspec")}
        | {"python": platform.python_version(), "kafka": "4.3.0", "cores": str(os.cpu_count())},
    }


async def _run(bench: Bench, arm: str, records: Sequence[Piece], name: str) -> tuple[float, float]:
    """Seconds, and the megabytes of our process where it is ours."""
    database = await _clone(bench.postgres, name)
    try:
        if arm == "ceiling":
            batches = arms.prepare(records, await _held(database))
            return await arms.ceiling(database, batches), 0.0
        async with _topics(bench.kafka, f"{name}.") as prefix:
            await _load(bench.kafka, prefix, records)
            if arm == "ours":
                return await _ours(bench.kafka, database, prefix, records)
            run = {"naive": arms.naive, "competent": arms.competent}[arm]
            return await run(bench.kafka.bootstrap, prefix, database, len(records)), 0.0
    finally:
        await _drop(bench.postgres, database)


async def _ours(kafka: Kafka, database: str, prefix: str, records: Sequence[Piece]) -> tuple[float, float]:
    unique = len({piece.meta.id for piece in records})
    connection = await asyncpg.connect(database)
    async with service(kafka, database, prefix) as process:
        first, rss = 0, 0.0
        while first == 0:
            first = await connection.fetchval("select count(*) from inbox")
            await asyncio.sleep(0.005)
        began = time.perf_counter()
        while True:
            done, left = await connection.fetchrow("select (select count(*) from inbox), exists (select from outbox)")
            rss = max(rss, psutil.Process(process.pid).memory_info().rss / 1e6)
            if done >= unique and not left:
                break
            await asyncio.sleep(0.05)
        spent = time.perf_counter() - began
    await connection.close()
    # The first batches were done before the clock began.
    return spent * unique / max(1, unique - first), rss


async def _latencies(bench: Bench, load: float, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds from arrival to readable status, ours; and from arrival to commit, raw. The same load, one after the other."""
    count = min(len(bench.records), int(load * seconds))
    records = bench.records[:count]
    database = await _clone(bench.postgres, "latency")
    async with _topics(bench.kafka, "latency.") as prefix, service(bench.kafka, database, prefix):
        ours = await latency.ours(bench.kafka.bootstrap, prefix, records, load)
    await _drop(bench.postgres, database)
    database = await _clone(bench.postgres, "raw")
    raw = await latency.raw(database, arms.prepare(records, await _held(database), size=1), load)
    await _drop(bench.postgres, database)
    return ours, raw


@asynccontextmanager
async def service(kafka: Kafka, database: str, prefix: str) -> Any:
    """`python -m platen_orders`, as it is deployed."""
    environment = {
        **os.environ,
        "PLATEN_KAFKA": kafka.bootstrap,
        "PLATEN_DATABASE": database,
        "PLATEN_HTTP": "127.0.0.1:0",
        "PLATEN_TOPIC_PREFIX": prefix,
        "PLATEN_LOG": "json",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "platen_orders", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _topics(kafka: Kafka, prefix: str) -> Any:
    reports = await provision_topics(kafka.bootstrap, None, prefix)
    yield prefix
    await delete_topics(kafka.bootstrap, [report.name for report in reports])


async def _load(kafka: Kafka, prefix: str, records: Sequence[Piece]) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    for start in range(0, len(records), 2000):
        sends = [
            await producer.send(prefix + piece.topic, piece.value, key=piece.key.encode(), headers=piece.headers)
            for piece in records[start : start + 2000]
        ]
        await asyncio.gather(*sends)
    await producer.stop()


async def _prepare(bench: Bench, orders: int) -> None:
    """A database in which every order is New and waits for its files; every run gets a copy."""
    admin = await asyncpg.connect(bench.postgres.admin_url)
    await admin.execute("create database template_orders")
    await admin.close()
    url = bench.postgres.url("template_orders")
    await migrate(url, "platen_orders")
    engine = open_engine(url)
    desk = Desk(engine, OrdersStore(), FACTS, "orders")
    await desk.apply([desk.fact(w.MUG, derived_id("mug"), "mug/1")])
    messages = observations(orders)
    for start in range(0, len(messages), 500):
        batch = messages[start : start + 500]
        await desk.apply([desk.fact(it, derived_id("seen", start + n), "") for n, it in enumerate(batch)])
    await engine.dispose()
    connection = await asyncpg.connect(url)
    for statement in (*arms.PREPARE, "truncate inbox, outbox, outbox_sent", "vacuum analyze"):
        await connection.execute(statement)
    await connection.close()


async def _held(database: str) -> dict[str, Any]:
    import msgspec
    from platen_orders.model import Held, Order

    connection = await asyncpg.connect(database)
    rows = await connection.fetch("select id, state::text, snapshot::text from orders")
    await connection.close()
    return {row[0]: Held(msgspec.json.decode(row[1], type=Order), msgspec.json.decode(row[2])) for row in rows}


async def _clone(postgres: Postgres, name: str) -> str:
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute(f'create database "{name}" template template_orders')
    await admin.execute("checkpoint")
    await admin.close()
    return postgres.url(name)


async def _drop(postgres: Postgres, url: str) -> None:
    admin = await asyncpg.connect(postgres.admin_url)
    name = url.partition("?")[0].rpartition("/")[2]
    await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()


def _show(result: dict[str, Any]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{'arm':<12}{'records/s':>10}{'ours is':>10}")
    for arm in SHARES:
        rate = result[f"{arm}_per_s"]
        print(f"{arm:<12}{rate:>10}{result['ours_per_s'] / rate:>9.1f}x")
    print(f"\nat {result['load_per_s']}/s: arrival to readable status p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms;")
    print(f"raw arrival to commit p99 {result['raw_p99_ms']} ms; ratio {result['p99_ratio']}. orders: {result['rss_mb']} MB")
    print(f"written to {OUT}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of the latency run")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
