"""Halls for tests of chaos."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from tests.conftest import Database, Topics

from .hall import Hall


@pytest.fixture(autouse=True)
def _plain_log() -> Iterator[None]:
    """Structlog's own default draws every failure with all local variables, which takes seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture
async def hall(
    kafka_bootstrap: str, topic_prefix: str, database: Database, topics: Topics, tmp_path: Path
) -> AsyncIterator[Hall]:
    """A hall with every topic of the catalogue, and nothing running."""
    await topics()
    made = Hall(kafka_bootstrap, topic_prefix, database, tmp_path)
    yield made
    await made.close()
