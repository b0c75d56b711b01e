"""Random stories on the real batch path: commands, facts, duplicates, disorder, lost transactions, restarts and the clock.

The same stories every time; PLATEN_EXAMPLES=5000 (`make soak-orders`) tells others, each time new ones.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from platen_cli.testing import drop_database, fresh_database
from platen_messaging.databases import open_engine
from platen_orders.handlers import COMMANDS, FACTS

from .story import words
from .story.books import EDGES
from .story.grounds import Ground
from .story.machine import Seen, Story

MORE = os.environ.get("PLATEN_EXAMPLES")
STORIES = int(MORE or 200)
STEPS = 15
RULES = settings(
    max_examples=STORIES,
    stateful_step_count=STEPS,
    derandomize=MORE is None,
    deadline=None,
    phases=[Phase.generate],  # a story is short enough to be read as it is
    suppress_health_check=list(HealthCheck),
)


def test_the_stories_leave_no_command_and_no_fact_out() -> None:
    assert {it.TYPE for it in words.COMMANDS} == COMMANDS.types.keys()
    assert {it.TYPE for it in words.FACTS} == FACTS.types.keys()


@pytest.fixture
def ground(postgres_admin_url: str, run_folder: Path) -> Iterator[Ground]:
    with asyncio.Runner() as runner:
        url = runner.run(fresh_database(postgres_admin_url, "platen_orders", run_folder))
        engine = open_engine(url)
        reading = runner.run(asyncpg.connect(url))
        yield Ground(runner.get_loop(), engine, reading)
        runner.run(reading.close())
        runner.run(engine.dispose())
        runner.run(drop_database(postgres_admin_url, url))


@pytest.mark.timeout(0 if MORE else 180)
def test_whatever_happens_the_promises_hold_after_every_step(ground: Ground) -> None:
    """I3, I4, I6, I8, units and money, one request a generation, one reply a command, nothing personal after an erasure."""
    seen = Seen()
    run_state_machine_as_test(lambda: Story(ground, seen), settings=RULES)  # type: ignore[no-untyped-call]

    print(sum(seen.told.values()), sorted(seen.told.items()), sorted(seen.edges))
    if STORIES >= 200:
        assert seen.edges == EDGES, EDGES - seen.edges
        commands = {it.TYPE.split(".", 1)[1] for it in words.COMMANDS}
        facts = {it.TYPE.split(".", 1)[1] for it in words.FACTS} | {"TimerDue", "the shop is gone"}
        assert {name for name, outcome in seen.told if outcome == "Applied"} == commands | facts
        assert {name for name, outcome in seen.told if outcome == "Refused"} == commands
