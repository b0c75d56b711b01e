"""What tests share. The real broker and the real Postgres are started by the first test that asks, one of each per run."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from platen_cli.provision import delete_topics, provision_topics
from platen_cli.testing import drop_database, end, fresh_database, share
from platen_contracts.topics import CATALOGUE

from tests.budgets import Budgets
from tests.examples import examples

RUN_FOLDER, RUN_PROCESS = "PLATEN_TEST_FOLDER", "PLATEN_TEST_PROCESS"

hypothesis.settings.register_profile("platen", examples(100))
hypothesis.settings.load_profile("platen")

Database = Callable[[str], Awaitable[str]]
Topics = Callable[..., Awaitable[list[str]]]


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker():
        config.pluginmanager.register(Budgets(), "budgets")
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="platen-test-")
        os.environ[RUN_PROCESS] = str(os.getpid())


def pytest_unconfigure() -> None:
    if not _is_worker():
        end(Path(os.environ[RUN_FOLDER]))


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """A short folder shared by every process of this test run; gone when the run ends."""
    return Path(os.environ[RUN_FOLDER])


@pytest.fixture(scope="session")
def kafka_bootstrap(run_folder: Path) -> str:
    """`host:port` of the run's broker. Shared: use `topic_prefix`; to break one, start an own `local.Kafka`."""
    return share("kafka", run_folder, int(os.environ[RUN_PROCESS]))


@pytest.fixture(scope="session")
def postgres_admin_url(run_folder: Path) -> str:
    """The superuser's URL of the run's cluster. Shared: use `database`; to break one, start an own `local.Postgres`."""
    return share("postgres", run_folder, int(os.environ[RUN_PROCESS]))


@pytest.fixture
def port() -> Iterator[int]:
    """Of 127.0.0.1, for a service whose address must be known before it listens; meanwhile no other process gets it.

    It is bound here and not listened on: who names it may listen there, and the kernel gives it to nobody who asks for any.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
async def database(postgres_admin_url: str, run_folder: Path) -> AsyncIterator[Database]:
    """`await database("platen_orders")` gives the URL of a new database with that service's tables, dropped after the test."""
    made: list[str] = []

    async def make(package: str) -> str:
        made.append(await fresh_database(postgres_admin_url, package, run_folder))
        return made[-1]

    yield make
    for url in made:
        await drop_database(postgres_admin_url, url)


@pytest.fixture
def topic_prefix() -> str:
    """A random prefix such as `t1a2b3c.`, so that tests that share the broker never meet."""
    return f"t{secrets.token_hex(3)}."


@pytest.fixture
async def topics(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Topics]:
    """`await topics("orders.commands", …)` creates those topics of the catalogue (all when none is named) under `topic_prefix`.

    It returns their full names, in the order asked. They are deleted after the test.
    """
    made: list[str] = []

    async def make(*names: str) -> list[str]:
        wanted = [CATALOGUE[name] for name in names or CATALOGUE]
        reports = await provision_topics(kafka_bootstrap, wanted, topic_prefix)
        made.extend(report.name for report in reports)
        return [report.name for report in reports]

    yield make
    await delete_topics(kafka_bootstrap, made)


@pytest.fixture
def plain_log() -> Iterator[None]:
    """Structlog's own default draws every failure with all local variables, which takes seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    yield
    structlog.reset_defaults()
