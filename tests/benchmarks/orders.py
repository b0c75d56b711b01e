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
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import arms, latency
from .rig import Rig, database, drained, held, load, rig, service, template, topics
from .workload import Piece, pieces

OUT = Path("build/bench/orders.json")
SHARES = {"ours": 1.0, "naive": 0.08, "competent": 0.2, "ceiling": 1.0}
"""Of the records, per arm: the slow ones would otherwise take the whole time."""


@dataclass(frozen=True, slots=True)
class Bench:
    place: Rig
    records: list[Piece]


async def main() -> None:
    options = _options()
    async with rig() as place:
        await template(place, options.orders, arms.PREPARE)
        result = await _measure(Bench(place, pieces(options.orders)), options.rounds, options.seconds)
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
    steady = per_s["ours"] * 0.2
    ours, raw = await _latencies(bench, steady, seconds)
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
        "load_per_s": round(steady),
        "rss_mb": round(max(memory)),
        "all_runs_per_s": {arm: [round(value) for value in values] for arm, values in rates.items()},
        "versions": {
            name: version(name) for name in ("faststream", "aiokafka", "asyncpg", "sqlalchemy", "uvloop", "pydantic", "msgspec")
        }
        | {"python": platform.python_version(), "kafka": "4.3.0", "cores": str(os.cpu_count())},
    }


async def _run(bench: Bench, arm: str, records: Sequence[Piece], name: str) -> tuple[float, float]:
    """Seconds, and the megabytes of our process where it is ours."""
    kafka = bench.place.kafka
    async with database(bench.place, name) as url:
        if arm == "ceiling":
            batches = arms.prepare(records, await held(url))
            return await arms.ceiling(url, batches), 0.0
        async with topics(kafka, f"{name}.") as prefix:
            await load(kafka, prefix, records)
            if arm == "ours":
                return await drained(kafka, url, prefix, records)
            run = {"naive": arms.naive, "competent": arms.competent}[arm]
            return await run(kafka.bootstrap, prefix, url, len(records)), 0.0


async def _latencies(bench: Bench, per_s: float, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds from arrival to readable status, ours; and from arrival to commit, raw. The same load, one after the other."""
    kafka = bench.place.kafka
    records = bench.records[: min(len(bench.records), int(per_s * seconds))]
    async with database(bench.place, "latency") as url, topics(kafka, "latency.") as prefix, service(kafka, url, prefix):
        ours = await latency.ours(kafka.bootstrap, prefix, records, per_s)
    async with database(bench.place, "raw") as url:
        raw = await latency.raw(url, arms.prepare(records, await held(url), size=1), per_s)
    return ours, raw


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
    parser.add_argument("--seconds", type=float, default=20, help="of the latency run")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
