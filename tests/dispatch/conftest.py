"""Dispatch on a real database: its desks and a worker, without Kafka."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchResult
from platen_contracts.envelope import Meta
from platen_contracts.message import Message
from platen_contracts.topics import MESSAGES
from platen_dispatch.handlers import REQUESTS, TURNS
from platen_dispatch.model import Entry, Ledger
from platen_dispatch.store import Claims, DispatchStore
from platen_dispatch.store.states import decoded
from platen_dispatch.worker import Worker
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_messaging.outcome import Outcome
from platen_messaging.records import Incoming
from platen_sandbox.testing import Sandbox, running_sandbox
from platen_vendors.accounts import Accounts, VendorSecret
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support import until

from .asked import ORDER, VENDOR, requested, vendor

DEADLINE_S = 45.0
LEASE = timedelta(seconds=15)
"""The machine may be busy: nobody's lease is short, that of a worker which died is ended by hand."""

Database = Callable[[str], Awaitable[str]]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Office:
    """Dispatch without Kafka: `hear` is the lane, `told` what would go out."""

    engine: AsyncEngine
    store: DispatchStore = field(default_factory=DispatchStore)
    heard: int = 0

    def __post_init__(self) -> None:
        self.requests: Desk[Entry] = Desk(self.engine, self.store, REQUESTS, "dispatch")
        self.turns: Desk[Entry] = Desk(self.engine, self.store, TURNS, "dispatch")
        self.claims = Claims(self.engine)

    async def hear(self, *messages: Message, at: datetime | None = None) -> list[Outcome[Entry]]:
        incoming: list[Incoming] = []
        for message in messages:
            self.heard += 1
            key = getattr(message, "order_id", None) or getattr(message, "vendor_id", "")
            meta = Meta(f"{self.heard:032x}", message.TYPE, "test", key, at or now(), correlation_id="c0" * 16)
            incoming.append(Incoming(meta, message, key, "dispatch.requests" if key != VENDOR else "catalog.vendors"))
        return await self.requests.apply(incoming)

    async def rows(self, query: str, *given: Any) -> Sequence[Any]:
        async with self.engine.begin() as tx:
            return (await tx.exec_driver_sql(query, given)).all()

    async def told(self, order_id: str = ORDER) -> list[DispatchResult]:
        """Every result in the outbox, oldest first."""
        found = await self.rows("select type, value from outbox where key = $1 order by id", order_id.encode())
        events = [MESSAGES[row[0]].model_validate_json(row[1]) for row in found]
        assert all(isinstance(event, DispatchResult) for event in events)
        return events  # type: ignore[return-value]

    async def words(self, order_id: str = ORDER) -> list[str]:
        return [type(event).__name__.removeprefix("Dispatch") for event in await self.told(order_id)]

    async def ledger(self, order_id: str = ORDER) -> Ledger:
        (row,) = await self.rows("select state::text, due from ledger where order_id = $1", order_id)
        return decoded(row[0], row[1])

    async def last(self, word: str, order_id: str = ORDER, generation: int = 1) -> DispatchResult:
        """Waits until the last thing said of the order is that, of that generation."""

        async def said() -> bool:
            last = (await self.told(order_id))[-1:]
            return [(type(it).__name__, it.generation) for it in last] == [(f"Dispatch{word}", generation)]

        await until(said, seen=lambda: self.words(order_id))
        return (await self.told(order_id))[-1]

    async def first(self, word: str, order_id: str = ORDER) -> DispatchResult:
        """Waits until that is said of the order, whatever was said since; gives the first."""

        async def said() -> list[DispatchResult]:
            return [it for it in await self.told(order_id) if type(it).__name__ == f"Dispatch{word}"]

        return (await until(said, seen=lambda: self.words(order_id)))[0]

    @asynccontextmanager
    async def worker(self, accounts: Accounts, *, concurrency: int = 8, lease: timedelta = LEASE) -> AsyncIterator[Worker]:
        """A worker at work. Leaving stops it; turns under way end first."""
        worker = Worker(self.turns, self.claims, accounts, concurrency=concurrency, lease=lease)
        self.store.on_change = worker.nudge
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()
            await running

    @asynccontextmanager
    async def doomed_worker(self, accounts: Accounts) -> AsyncIterator[None]:
        """A worker that dies when this is left: nothing that it had in hand is finished or saved, and its leases are over."""
        worker = Worker(self.turns, self.claims, accounts, lease=LEASE)
        running = asyncio.create_task(worker.run(asyncio.Event()))
        try:
            yield
        finally:
            for task in [*worker._turns, running]:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await self.rows("update ledger set due = now() where lease is not null returning 1")


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    engine = open_engine(await database("platen_dispatch"), pool_size=10)
    try:
        yield Office(engine)
    finally:
        await engine.dispose()


def secrets(*vendor_ids: str) -> dict[str, VendorSecret]:
    return {one: VendorSecret(token=SecretStr(f"token-{one}")) for one in vendor_ids}


@dataclass
class Scene:
    """An office whose vendor is a sandbox that keeps books."""

    office: Office
    sandbox: Sandbox
    link: str

    def asked(self, generation: int = 1, order_id: str = ORDER, **changes: Any) -> Message:
        return requested(generation, order_id, link=self.link, **changes)

    def account(self, vendor_id: str = VENDOR, **changes: Any) -> Vendor:
        given = {"vendor_id": vendor_id, "url": self.sandbox.vendor(vendor_id), "absence_gap_s": 0.3}
        return vendor(**{**given, **changes})

    def accounts(self, *vendor_ids: str) -> Accounts:
        return Accounts(secrets(*(vendor_ids or (VENDOR,))), 1.0)

    async def fault(self, kind: str, **given: Any) -> None:
        await self.sandbox.fault(f"vendor/{VENDOR}", kind, **given)

    async def orders(self, account: str = VENDOR) -> list[dict[str, Any]]:
        """The vendor's books."""
        return (await self.sandbox.ledger(account=account))["orders"]

    async def calls(self) -> list[str]:
        """Every call that could change something, `METHOD path status`."""
        calls = (await self.sandbox.ledger(account=VENDOR))["calls"]
        return [f"{call['method']} {call['path']} {call['status']}" for call in calls]

    async def live(self) -> int:
        return sum(order["live"] for order in await self.orders())


@pytest.fixture
async def link() -> AsyncIterator[str]:
    """Where the vendor finds a print file."""
    written = io.BytesIO()
    Image.new("RGB", (300, 300)).save(written, "PNG", dpi=(300, 300))
    content = written.getvalue()

    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(give, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/f/file"


@pytest.fixture
async def scene(office: Office, link: str) -> AsyncIterator[Scene]:
    async with running_sandbox(pace=None) as sandbox:
        scene = Scene(office, sandbox, link)
        await office.hear(scene.account())
        yield scene
