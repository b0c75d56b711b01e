"""A console with a filled database, its pages asked over ASGI."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from platen_cli.testing import drop_database, fresh_database
from platen_console.handlers import HANDLERS
from platen_console.model import Entry
from platen_console.store.keeping import ConsoleStore
from platen_console.store.reading import Reading
from platen_console.web import Console
from platen_console.web import routes as web_routes
from platen_contracts.message import Message
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from . import heard

TABLES = ("orders", "private", "history", "catalog", "syncs", "commands", "inbox", "outbox")
HERE = "http://localhost:8100"


class World:
    """A console without Kafka: what is told passes the desk as from a lane; what is asked waits in the outbox."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.reading = Reading(engine)
        self.desk: Desk[Entry] = Desk(engine, ConsoleStore(), HANDLERS, "console", lambda: heard.NOON)

    async def tell(self, *told: tuple[Message, str]) -> list[Any]:
        return await self.desk.apply([heard.incoming(message, topic) for message, topic in told])

    async def rows(self, query: str) -> Sequence[Any]:
        async with self.engine.connect() as connection:
            return (await connection.exec_driver_sql(query)).all()

    async def outbox(self) -> list[Any]:
        """(id, topic, key, type, JSON) of what waits to be sent."""
        query = (
            "select message_id, topic, convert_from(key, 'UTF8'), type, convert_from(value, 'UTF8')::json from outbox order by id"
        )
        return list(await self.rows(query))

    @asynccontextmanager
    async def browser(
        self, token: str | None = None, admin: str | None = None, **headers: str
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client that says where its forms come from, as browsers do."""
        tokens = {kind: given for kind, given in (("operator", token), ("admin", admin)) if given is not None}
        app = Starlette(routes=list(Console(self.desk, self.reading, tokens).routes))
        said = {"origin": HERE, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE, headers=said) as client:
            yield client


@pytest.fixture(scope="session")
def console_database(postgres_admin_url: str, run_folder: Path) -> Iterator[str]:
    """One for all tests of this process: emptying it is quicker than making another."""
    url = asyncio.run(fresh_database(postgres_admin_url, "platen_console", run_folder))
    yield url
    asyncio.run(drop_database(postgres_admin_url, url))


@pytest.fixture
async def world(console_database: str) -> AsyncIterator[World]:
    engine = open_engine(console_database)
    async with engine.begin() as tx:
        for table in TABLES:
            await tx.exec_driver_sql(f"delete from {table}")
    yield World(engine)
    await engine.dispose()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers commands here; pages need not wait for it."""
    monkeypatch.setattr(web_routes, "REPLY_SECONDS", 0.05)


def once(page: httpx.Response) -> str:
    """The id that a page gave its forms."""
    found = re.search(r'name="once" value="([0-9a-f]{32})"', page.text)
    assert found is not None, page.text
    return found[1]


async def post(client: httpx.AsyncClient, page: str, to: str, **fields: Any) -> httpx.Response:
    """A form of `page`, as it is sent from there."""
    shown = await client.get(page)
    return await client.post(to, data={"once": once(shown), **fields})
