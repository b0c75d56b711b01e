"""`make soak SEED=7 MINUTES=1`, `make soak SEEDS=1-100`: random load and faults, then everything heals and must finish.

A failing seed prints itself, its schedule, the commit and every violation with the trace of its order, and keeps its data.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from platen_cli.audit import audit_twice, told
from platen_cli.errors import UserError

from .faults import Injector
from .load import Operators, sell
from .schedule import schedule
from .world import World, running_world

HEALING = 150.0
"""Seconds after the last fault in which everything has to finish (I5); sync alone may wait 60 for a post of unknown outcome."""
SHARE = 0.6
"""Of a seed's time things go wrong; the rest is for healing and the audit."""
FRESH_EVERY = 10
"""Seeds on one stack: what it holds is audited as a whole each time, so it should not grow for ever."""
SLOW_STARTS = 3
EVERY_S = 1.2
"""A shop order in so many seconds."""


@dataclass
class Result:
    """Of one seed. Times in seconds."""

    seed: int
    orders: int
    commands: int
    faults: dict[str, int]
    healed_s: float
    last: str
    """What was waited for at the end of healing."""
    seconds: float
    violations: list[str] = field(default_factory=list[str])


async def run_seed(world: World, operators: Operators, seed: int, seconds: float) -> Result:
    """Load and faults, heal, settle, audit."""
    began = time.monotonic()
    rng = random.Random(f"load {seed}")
    operators.rng, operators.finishing = random.Random(f"operators {seed}"), False
    commands, steps = operators.commands, schedule(seed, seconds * SHARE)
    injector = Injector(world)
    await world.set_habits()
    orders, _ = await asyncio.gather(sell(world, operators, rng, seconds * SHARE, EVERY_S), injector.run(steps))
    await injector.heal()
    healed = time.monotonic()
    operators.finishing = True
    late, last = await settled(world, operators)
    healing = time.monotonic() - healed
    violations = [*late, *await audited(world)]
    given = operators.commands - commands
    seconds = round(time.monotonic() - began, 1)
    return Result(seed, orders, given, injector.done, round(healing, 1), last, seconds, violations)


async def settled(world: World, operators: Operators) -> tuple[list[str], str]:
    """Nothing as soon as every order is at its end and nothing is under way; else what is not, after `HEALING`.

    And what was waited for last.
    """
    deadline = time.monotonic() + HEALING
    last = ""
    while True:
        with contextlib.suppress(httpx.HTTPError):
            await world.let_go()
        late = [f"I5: {line}" for line in operators.unfinished()]
        late = late or [f"I5: shop order {it[1]} has no order" for it in world.accepted - _known(operators)]
        late = late or [f"I5: {name}: {count}" for name, count in (await world.under_way()).items()]
        if not late or time.monotonic() > deadline:
            return late, last
        last = late[0]
        await asyncio.sleep(0.3)


def _known(operators: Operators) -> set[tuple[str, str]]:
    return {(order.shop_id, order.shop_order_id) for order in operators.orders.values()}


async def audited(world: World) -> list[str]:
    """What two looks in a row have found."""
    verdict, evidence = await audit_twice(world.gather)
    return list(told(verdict, evidence))


async def soak(seeds: Sequence[int], minutes: float, keep: Path, book: Path | None = None) -> list[Result]:
    """Runs the seeds one after the other, a new stack for every few, and after each that failed.

    Args:
        keep: where the logs of a failing seed stay.
        book: file that each result is added to as a line of JSON.
    """
    results: list[Result] = []
    waiting, slow = list(seeds), 0
    while waiting:
        data = Path(tempfile.mkdtemp(prefix="platen-soak-"))
        try:
            async with running_world(data) as world:
                results += await _some(world, waiting, minutes * 60, book)
            if results[-1].violations:
                kept = keep / f"seed-{results[-1].seed}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(data / "logs", kept / "logs")
                print(f"its logs stay in {kept}", flush=True)
        except UserError as problem:
            slow += 1  # a busy machine may be too slow for a start
            if slow > SLOW_STARTS:
                raise
            print(f"started again: {problem}", flush=True)
        finally:
            shutil.rmtree(data, ignore_errors=True)
    return results


async def _some(world: World, waiting: list[int], seconds: float, book: Path | None) -> list[Result]:
    """The next few of those that wait, up to the first that fails."""
    operators = Operators(world, random.Random(0))
    tasks = [asyncio.create_task(operators.watch()), asyncio.create_task(operators.work())]
    results: list[Result] = []
    try:
        while waiting and len(results) < FRESH_EVERY:
            seed = waiting.pop(0)
            results.append(await _guarded(run_seed(world, operators, seed, seconds), tasks, seed))
            _tell(results[-1], seconds)
            if book is not None:
                with book.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(asdict(results[-1])) + "\n")
            if results[-1].violations:
                break
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return results


async def _guarded(work: Coroutine[Any, Any, Result], tasks: Sequence[asyncio.Task[None]], seed: int) -> Result:
    """What came of the seed. That a service never got ready again, or that the load itself ended, is trouble of the seed too."""
    running = asyncio.create_task(work)
    try:
        await asyncio.wait({running, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                await task
        return await running
    except Exception as failure:  # noqa: BLE001  whatever it is, it is told with the seed, its schedule and the commit
        return Result(seed, 0, 0, {}, 0, "", 0, [f"I5: {type(failure).__name__}: {failure}"])
    finally:
        running.cancel()


def _tell(result: Result, seconds: float) -> None:
    verdict = "ok" if not result.violations else f"{len(result.violations)} lines of trouble"
    faults = ", ".join(f"{count} {kind}" for kind, count in sorted(result.faults.items()))
    print(
        f"seed {result.seed}: {verdict}; {result.orders} shop orders, {result.commands} commands, {faults}; "
        f"finished {result.healed_s} s after healing ({result.last}), {result.seconds} s in all",
        flush=True,
    )
    if result.violations:
        print(f"SEED={result.seed} MINUTES={seconds / 60:g} at commit {_commit()}", flush=True)
        for step in schedule(result.seed, seconds * SHARE):
            print(f"  {step}", flush=True)
        for line in result.violations:
            print(f"  {line}", flush=True)


def _commit() -> str:
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def summary(results: Sequence[Result]) -> str:
    """One line over all seeds."""
    faults = Counter[str]()
    for result in results:
        faults.update(result.faults)
    bad = [result.seed for result in results if result.violations]
    return (
        f"{len(results)} seeds, {sum(it.orders for it in results)} shop orders, {sum(it.commands for it in results)} commands, "
        f"{faults.total()} faults ({', '.join(f'{count} {kind}' for kind, count in faults.most_common())}); "
        + (f"failed: {bad}" if bad else "no violation")
    )


def _seeds(text: str) -> list[int]:
    """`7`, `1-100`, `3,5,8`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=[1], help="one, a range, or several: 7, 1-100, 3,5,8")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each seed")
    parser.add_argument("--json", type=Path, help="file that every result is added to, one line each")
    parser.add_argument("--keep", type=Path, default=Path("build/soak"), help="where the logs of a failing seed stay")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that brokers go away is what this is for
    results = asyncio.run(soak(given.seeds, given.minutes, given.keep, given.json))
    print(summary(results))
    sys.exit(1 if len(results) < len(given.seeds) or any(result.violations for result in results) else 0)


if __name__ == "__main__":
    main()
