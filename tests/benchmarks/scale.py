"""`make bench-scale`: the orders path where it could be slow, each beside the plain run of the same round.

A hot order, a replay of what was seen, two processes, a million orders in the table, and clicks during a large import.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from platen_contracts.topics import CATALOGUE

from tests.support import until

from .clicks import during_import
from .latency import percentile
from .rig import Rig, database, drained, load, rig, service, template, topics
from .workload import Piece, hot, pieces

OUT = Path("build/bench/scale.json")
ORDERS = Path("build/bench/orders.json")
FILLED = "filled table"

_FILL = """
with pattern as (select * from orders limit 1), old as (select n, md5('old' || n) as id from generate_series(1, {count}) as n),
placed as (insert into shop_orders (key) select 'old/' || n from old)
insert into orders (id, shop_order, status, version, waits, state, snapshot)
select old.id, 'old/' || old.n, status, version, waits, state, snapshot from pattern, old
"""


async def main() -> None:
    options = _options()
    records = pieces(options.orders)
    rates: dict[str, list[float]] = {}
    memory = 0.0
    async with rig() as place:
        await template(place, options.orders)
        # Its foreign key is checked at the end of the statement, when both halves are there.
        await template(place, options.orders, [_FILL.format(count=options.table)], "template_filled")
        for number in range(options.rounds):
            filled, rss = await _drain(place, records, f"m{number}", source="template_filled")
            memory = max(memory, rss)
            runs = {
                "plain": (await _drain(place, records, f"p{number}"))[0],
                "hot order": (await _drain(place, hot(records), f"h{number}"))[0],
                "replay": await _replayed(place, records, f"r{number}"),
                "two processes": (await _drain(place, records, f"t{number}", processes=2))[0],
                FILLED: filled,
            }
            for name, seconds in runs.items():
                rates.setdefault(name, []).append(len(records) / seconds)
                print(f"round {number + 1}: {name:<32} {rates[name][-1]:>8.0f}/s", flush=True)
        replies = await during_import(place, options.orders, options.imported)
    _show(rates, memory, replies, options)


async def _drain(
    place: Rig, records: Sequence[Piece], name: str, *, source: str = "template_orders", processes: int = 1
) -> tuple[float, float]:
    """Seconds for the records, and megabytes."""
    async with database(place, name, source) as url, topics(place.kafka, f"{name}.") as prefix:
        await load(place.kafka, prefix, records)
        return await drained(place.kafka, url, prefix, records, processes)


async def _replayed(place: Rig, records: Sequence[Piece], name: str) -> float:
    """Seconds for the records where each was seen before."""
    async with database(place, name) as url, topics(place.kafka, f"{name}.") as prefix:
        await load(place.kafka, prefix, records)
        await drained(place.kafka, url, prefix, records)
        return await _again(place, url, prefix, records)


async def _again(place: Rig, url: str, prefix: str, records: Sequence[Piece]) -> float:
    """Seconds until a service has read them all a second time; what it reads leaves no trace but in its group's offsets."""
    await load(place.kafka, prefix, records)
    read = {it.topic for it in records} - {"orders.commands"}
    partitions = [TopicPartition(prefix + name, number) for name in read for number in range(CATALOGUE[name].partitions)]
    group: Any = AIOKafkaConsumer(
        bootstrap_servers=place.kafka.bootstrap, group_id=f"{prefix}orders.facts", enable_auto_commit=False
    )
    await group.start()

    async def places() -> list[int]:
        return [await group.committed(partition) or 0 for partition in partitions]

    found = await group.end_offsets(partitions)
    ends = [found[partition] for partition in partitions]
    first = await places()

    async def begun() -> list[int] | None:
        now = await places()
        return now if now != first else None

    async def done() -> bool:
        return await places() == ends

    async with service(place.kafka, url, prefix):
        at_first = sum(await until(begun) or first)
        began = time.perf_counter()
        await until(done, 300)
        seconds = time.perf_counter() - began
    await group.stop()
    return seconds * (sum(ends) - sum(first)) / max(1, sum(ends) - at_first)


def _show(rates: dict[str, list[float]], memory: float, replies: list[float], options: argparse.Namespace) -> None:
    plain = rates["plain"]
    beside = {name: statistics.median(a / b for a, b in zip(values, plain, strict=True)) for name, values in rates.items()}
    result = {
        "per_s": {name: [round(value) for value in values] for name, values in rates.items()},
        "beside_plain": {name: round(value, 2) for name, value in beside.items()},
        "filled_rss_mb": round(memory),
        "reply_p50_ms": round(percentile(replies, 50), 1),
        "reply_p99_ms": round(percentile(replies, 99), 1),
        "replies": len(replies),
        "imported": options.imported,
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    _add_to_orders(
        hot_key_ratio=round(beside["hot order"], 2),
        replay_ratio=round(beside["replay"], 2),
        two_process_ratio=round(beside["two processes"], 2),
        million_ratio=round(beside[FILLED], 2),
        reply_p99_ms=result["reply_p99_ms"],
    )
    for name, values in rates.items():
        print(f"{name:<34}{statistics.median(values):>8.0f}/s{beside[name]:>8.2f}x")
    print(f"with {options.table:,} orders in the table: {memory:.0f} MB")
    print(
        f"{len(replies)} commands during an import of {options.imported:,} shop orders: reply p50 {result['reply_p50_ms']} ms,",
        end=" ",
    )
    print(f"p99 {result['reply_p99_ms']} ms\nwritten to {OUT}")


def _add_to_orders(**figures: float) -> None:
    """Beside the figures of `make bench`, where they are looked for."""
    held = json.loads(ORDERS.read_text()) if ORDERS.exists() else {}
    ORDERS.write_text(json.dumps(held | figures, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table", type=int, default=1_000_000, help="orders in the filled table")
    parser.add_argument("--imported", type=int, default=100_000, help="shop orders imported while commands are answered")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
