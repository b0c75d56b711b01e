"""Halls for tests of chaos."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Database, Topics

from .hall import Hall


@pytest.fixture(autouse=True)
def _plain_log(plain_log: None) -> None: ...


@pytest.fixture
async def hall(
    kafka_bootstrap: str, topic_prefix: str, database: Database, topics: Topics, tmp_path: Path
) -> AsyncIterator[Hall]:
    """A hall with every topic of the catalogue, and nothing running."""
    await topics()
    made = Hall(kafka_bootstrap, topic_prefix, database, tmp_path)
    yield made
    await made.close()
