"""The toy service, wired to the run's real broker and database."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from platen_cli.provision import delete_topics, provision_topics
from platen_messaging.databases import open_engine
from platen_messaging.settings import ServiceSettings

sys.path.insert(0, str(Path(__file__).parent))

from toy_counter.contract import TOPICS
from toy_counter.harness import Toy

MakeToy = Callable[..., Awaitable[Toy]]


@pytest.fixture(autouse=True)
def _plain_log(plain_log: None) -> None: ...


@pytest.fixture
async def make_toy(kafka_bootstrap: str, topic_prefix: str, database: Callable[[str], Awaitable[str]]) -> AsyncIterator[MakeToy]:
    """`await make_toy(…)` gives a toy whose settings are changed so."""
    made: list[Toy] = []

    async def make(**changed: Any) -> Toy:
        values: dict[str, Any] = {
            "kafka": kafka_bootstrap,
            "database": await database("toy_counter"),
            "topic_prefix": topic_prefix,
            **changed,
        }
        settings = ServiceSettings(**values)
        made.append(Toy(settings, open_engine(settings.database)))
        return made[-1]

    yield make
    for toy in made:
        await toy.close()


@pytest.fixture
async def toy(make_toy: MakeToy, kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Toy]:
    """A toy with its topics and its database, not started."""
    reports = await provision_topics(kafka_bootstrap, TOPICS, topic_prefix)
    toy = await make_toy()
    yield toy
    await toy.close()
    await delete_topics(kafka_bootstrap, [report.name for report in reports])


@pytest.fixture
async def still(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Toy]:
    """A toy with its database alone, never started: for tests of what happens inside the transaction."""
    settings = ServiceSettings(kafka="127.0.0.1:9", database=await database("toy_counter"))
    toy = Toy(settings, open_engine(settings.database))
    yield toy
    await toy.close()
