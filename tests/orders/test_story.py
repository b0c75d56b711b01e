"""Random stories on the real batch path: commands, facts, duplicates, disorder, lost transactions, restarts and the clock.

The same stories every time; PLATEN_EXAMPLES=5000 (`make soak-orders`) tells others, each time new ones.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from platen_cli.testing import drop_database, fresh_database
from platen_cli.wire import Sender
from platen_contracts.topics import CATALOGUE
from platen_messaging.databases import open_engine
from platen_orders.handlers import COMMANDS, FACTS
from platen_orders.main import FACT_TOPICS

from tests.conftest import Database, Topics
from tests.examples import MORE
from tests.running import process
from tests.support import until

from .story import words
from .story.books import EDGES, Books, Sent
from .story.grounds import Ground, look_at
from .story.machine import Seen, Story
from .story.script import Record, Script, write

STORIES = int(MORE or 200)
STEPS = 15
RULES = settings(
    max_examples=STORIES,
    stateful_step_count=STEPS,
    derandomize=MORE is None,
    deadline=None,
    phases=[Phase.generate],  # a story is short enough to be read as it is
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
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

    if STORIES >= 200:
        assert seen.edges == EDGES, EDGES - seen.edges
        commands = {it.TYPE.split(".", 1)[1] for it in words.COMMANDS}
        facts = {it.TYPE.split(".", 1)[1] for it in words.FACTS} | {"TimerDue", "the shop is gone"}
        assert {name for name, outcome in seen.told if outcome == "Applied"} == commands | facts
        assert {name for name, outcome in seen.told if outcome == "Refused"} == commands


THROUGH_KAFKA = int(MORE or 10) if int(MORE or 10) < 100 else 100
READ = ("orders.status", "orders.history", "orders.private", "orders.replies", "dispatch.requests", "orders.dead-letter")


def _scripts() -> list[Script]:
    """Ten stories, from seeds that hypothesis draws."""
    scripts: list[Script] = []

    @settings(RULES, max_examples=THROUGH_KAFKA)
    @given(st.integers(0, 2**32 - 1))
    def draw(seed: int) -> None:
        scripts.append(write(len(scripts), seed, datetime.now(UTC) - timedelta(minutes=5)))

    draw()
    return scripts


@asynccontextmanager
async def _process(**variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLATEN_")}
    environment = {**clean, **{f"PLATEN_{name.upper()}": value for name, value in variables.items()}}
    async with process("platen_orders", environment, stderr=asyncio.subprocess.DEVNULL) as started:
        yield started


async def _read(kafka: str, prefix: str) -> list[Sent]:
    """All that the service sent, each message once: a relay that was killed may have sent some again."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(prefix + name, number) for name in READ for number in range(CATALOGUE[name].partitions)]
        consumer.assign(places)
        left = {place: end for place, end in (await consumer.end_offsets(places)).items() if end}
        found: dict[str, Sent] = {}
        while left:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for it in records:
                    head = {name: value.decode() for name, value in it.headers}
                    kind, name = head.get("ce_type", ""), it.topic.removeprefix(prefix)  # a tombstone is of no type
                    sent = Sent(name, (it.key or b"").decode(), kind, it.value, head["ce_id"])
                    assert found.setdefault(sent.id, sent) == sent
                if await consumer.position(place) >= left[place]:
                    del left[place]
        return list(found.values())
    finally:
        await consumer.stop()


async def test_stories_told_in_disorder_through_kafka_with_a_kill_in_the_middle_leave_topics_and_database_in_accord(
    kafka_bootstrap: str, topic_prefix: str, topics: Topics, database: Database
) -> None:
    """Ten stories at once, each record once or several times, and the process dies over them."""
    scripts, chance = _scripts(), Random(THROUGH_KAFKA)
    rest = [record for script in scripts for record in script.rest]
    rest += chance.sample(rest, len(rest) // 5)
    chance.shuffle(rest)
    await topics(*{*FACT_TOPICS, *READ, "orders.commands", "render.requests", "sync.commands"})
    url = await database("platen_orders")
    variables = {"kafka": kafka_bootstrap, "database": url, "topic_prefix": topic_prefix, "instance": "one"}
    connection = await asyncpg.connect(url)

    async def heard(records: Sequence[Record], share: float = 1.0) -> None:
        ids = list({bytes.fromhex(it.id) for it in records})
        known = "select count(*) from inbox where id = any($1)"
        await until(lambda: _reaches(connection.fetchval(known, ids), len(ids) * share))

    async with Sender(kafka_bootstrap, topic_prefix) as sender:

        async def tell(records: Sequence[Record]) -> None:
            await asyncio.gather(*(sender.send(it.topic, it.key, it.message, it.id, it.at) for it in records))

        first, half = [record for script in scripts for record in script.first], len(rest) // 2
        await tell(first)
        async with _process(**variables) as process:
            await heard(first)
            await tell(rest[:half])
            await heard(rest[:half], 0.3)
            process.kill()
        async with _process(**variables):
            await tell(rest[half:])
            await heard(rest)
            await until(lambda: _reaches(connection.fetchval("select (select count(*) from outbox) = 0"), 1))
    sent = await _read(kafka_bootstrap, topic_prefix)
    assert [it for it in sent if it.topic == "orders.dead-letter"] == []
    books = Books()
    books.read(await look_at(connection, sent))
    await connection.close()
    asked = {it.id for it in [*first, *rest] if it.topic == "orders.commands"}
    assert {it for it in asked if books.reply_to(it)} == asked
    assert len(books.books) >= 2 * len(scripts)


async def _reaches(found: Awaitable[int], enough: float) -> bool:
    return await found >= enough
