"""`make bench-poison`: what a lane's good records wait for when every tenth record beside them can be honoured by nobody.

The same good records at the same rate, alone and among poison, in turns; from arrival to a status that a subscriber can read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import asyncpg
from platen_contracts.topics import CATALOGUE, Kind

from tests.chaos.poison.corpus import corpus, of_nobody
from tests.support import until

from .latency import ours, percentile
from .rig import Rig, database, rig, service, template, topics
from .workload import Piece, Stray, pieces

OUT = Path("build/bench/poison.json")
GOOD_PER_BAD = 9
TOPICS = ("orders.commands", "render.results", "dispatch.results", "tracking.updates")
"""Those that the good records are on."""

Records = Sequence[Piece | Stray]


async def main() -> None:
    options = _options()
    good = pieces(options.per_s * options.seconds // 5)[: options.per_s * options.seconds]
    seen: dict[str, list[list[float]]] = defaultdict(list)
    bad = 0
    async with rig() as place:
        await template(place, options.per_s * options.seconds // 5)
        for number in range(options.rounds):
            mixed = _among_poison(good, number)
            bad = len(mixed) - len(good)
            arms: dict[str, Records] = {"alone": good, "among poison": mixed}
            for arm in arms if number % 2 == 0 else reversed(arms):
                rate = options.per_s * len(arms[arm]) / len(good)
                values = await _run(place, f"r{number}{arm[:5]}", arms[arm], rate)
                seen[arm].append(values)
                print(f"round {number + 1}: {arm:<14}{_told(values)}", flush=True)
    _show(seen, options.per_s, bad, options.rounds)


def _among_poison(good: Sequence[Piece], seed: int) -> list[Piece | Stray]:
    """After every ninth good record of a topic a bad one of that topic, so that no lane has more than a tenth of them."""
    bad = {name: cycle(_bad(name, seed)) for name in TOPICS}
    count = Counter[str]()
    mixed: list[Piece | Stray] = []
    for each in good:
        mixed.append(each)
        count[each.topic] += 1
        if count[each.topic] % GOOD_PER_BAD == 0:
            mixed.append(next(bad[each.topic]))
    return mixed


def _bad(name: str, seed: int) -> list[Stray]:
    """One of each kind that there is for the topic, shuffled."""
    topic = CATALOGUE[name]
    kinds = [*corpus(topic), *(of_nobody(topic) if topic.kind is not Kind.COMMAND else ())]
    random.Random(seed).shuffle(kinds)
    return [Stray(name, it.key, it.value, it.headers) for it in kinds]


async def _run(place: Rig, name: str, records: Records, per_s: float) -> list[float]:
    bad = sum(isinstance(it, Stray) for it in records)
    bootstrap = place.kafka.bootstrap
    async with database(place, name) as url, topics(place.kafka, f"{name}.") as prefix, service(place.kafka, url, prefix):
        values = await ours(bootstrap, prefix, records, per_s)
        await _buried(url, bad)
    return values


async def _buried(url: str, bad: int) -> None:
    """Each bad record has become a dead letter, and no lane has stopped for it."""
    connection = await asyncpg.connect(url)

    async def letters() -> int:
        return await connection.fetchval("select count(*) from outbox_sent where topic = 'orders.dead-letter'")

    async def all_sent() -> bool:
        return await letters() == bad

    try:
        await until(all_sent, 30, letters)
        assert not await connection.fetch("select from lanes where paused_at is not null"), "a lane was paused"
    finally:
        await connection.close()


def _show(seen: dict[str, list[list[float]]], per_s: int, bad: int, rounds: int) -> None:
    p50, p99 = (
        {arm: statistics.median(percentile(it, percent) for it in runs) for arm, runs in seen.items()} for percent in (50, 99)
    )
    ratio = p99["among poison"] / p99["alone"]
    result = {
        "good_per_s": per_s,
        "rounds": rounds,
        "bad_per_round": bad,
        "p50_ms": {arm: round(value, 1) for arm, value in p50.items()},
        "p99_ms": {arm: round(value, 1) for arm, value in p99.items()},
        "p99_ratio": round(ratio, 2),
        "all_p99_ms": {arm: [round(percentile(it, 99), 1) for it in runs] for arm, runs in seen.items()},
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{per_s} good records/s, medians of {rounds} rounds, ms\n{'':<16}{'p50':>8}{'p99':>8}")
    for arm in seen:
        print(f"{arm:<16}{p50[arm]:>8.1f}{p99[arm]:>8.1f}")
    print(f"p99 ratio {ratio:.2f}, goal <= 2; {bad} bad records a round, each in the dead letters\nwritten to {OUT}")


def _told(values: Sequence[float]) -> str:
    return f"p50 {percentile(values, 50):>6.1f} ms, p99 {percentile(values, 99):>6.1f} ms  ({len(values)} statuses)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-s", type=int, default=300, help="good records a second")
    parser.add_argument("--seconds", type=int, default=12, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
