"""Tracking without a broker: the real database, the real adapter, and a vendor that keeps books and calls back."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from PIL import Image
from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchAccepted
from platen_contracts.message import Message
from platen_contracts.orders import OrderSnapshot
from platen_contracts.topics import CATALOGUE
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_sandbox.server import listen, server_of
from platen_sandbox.testing import Sandbox
from platen_tracking.handlers import FROM_TOPICS, OWN, STATUS
from platen_tracking.model import State
from platen_tracking.poll import Poll
from platen_tracking.store.due import Due
from platen_tracking.store.rows import TrackingStore
from platen_tracking.web import Webhooks
from platen_vendors.accounts import Accounts, VendorSecret
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from .world import ITEMS, ORDER, VENDOR, accepted, vendor

TOKEN = f"token-{VENDOR}"
RECIPIENT = {
    "name": "Ada Lovelace",
    "address1": "12 St James's Square",
    "city": "London",
    "country_code": "GB",
    "zip": "SW1Y 4JH",
}
EVENTS = ["package_shipped", "order_updated", "order_failed", "order_canceled", "order_put_hold", "order_remove_hold"]


@dataclass
class Clock:
    """Real time plus what a test adds to it."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Reads(httpx.AsyncBaseTransport):
    """The network, counting how often each path is read."""

    counts: Counter[str] = field(default_factory=Counter[str])
    network: httpx.AsyncHTTPTransport = field(default_factory=httpx.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.counts[request.url.path.rpartition("/")[2]] += 1
        return await self.network.handle_async_request(request)

    async def aclose(self) -> None:
        """Shared by every adapter that a test opens; `close` ends it."""

    async def close(self) -> None:
        await self.network.aclose()


@dataclass
class Scene:
    engine: AsyncEngine
    clock: Clock
    reads: Reads
    own: Desk[State]
    topics: Desk[State]
    status: Desk[State]
    due: Due
    accounts: Accounts
    secrets: dict[str, VendorSecret]
    files: str = ""

    async def hear(self, *messages: DispatchAccepted | Vendor) -> None:
        """As the lanes would."""
        facts = [self.topics.fact(it, f"{number}{datetime.now(UTC)}", ORDER) for number, it in enumerate(messages)]
        await self.topics.apply(facts)

    async def hear_of(self, order: OrderSnapshot) -> None:
        """As the status lane would."""
        await self.status.apply([self.status.fact(order, f"{order.order_id}{order.version}", order.order_id)])

    async def told(self) -> list[Message]:
        """Everything that is on its way to Kafka, in order."""
        types = CATALOGUE["tracking.updates"].types
        rows = await self.rows("select type, value from outbox order by id")
        return [types[row[0]].model_validate_json(bytes(row[1])) for row in rows]

    async def words(self) -> list[str]:
        return [it.raw for it in await self.told() if hasattr(it, "raw")]  # pyright: ignore[reportAttributeAccessIssue]

    async def rows(self, statement: str, *args: Any) -> Sequence[Any]:
        async with self.engine.connect() as connection:
            return (await connection.exec_driver_sql(statement, args)).all()

    async def change(self, statement: str, *args: Any) -> None:
        async with self.engine.begin() as tx:
            await tx.exec_driver_sql(statement, args)

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[Poll]:
        poll, stop = Poll(self.own, self.due, self.accounts, self.clock.now), asyncio.Event()
        running = asyncio.create_task(poll.run(stop))
        try:
            yield poll
        finally:
            stop.set()
            await running

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The webhook routes, served; gives their base URL."""
        webhooks = Webhooks(self.own, self.due, self.accounts, self.secrets)
        async with serving(Starlette(routes=webhooks.routes)) as url:
            yield url


@asynccontextmanager
async def open_scene(database_url: str) -> AsyncIterator[Scene]:
    engine, clock, reads, store = open_engine(database_url), Clock(), Reads(), TrackingStore()
    secrets = {VENDOR: VendorSecret.model_validate({"token": TOKEN})}
    own = Desk(engine, store, OWN, "tracking", clock.now)
    topics = Desk(engine, store, FROM_TOPICS, "tracking", clock.now)
    status = Desk(engine, store, STATUS, "tracking", clock.now)
    accounts = Accounts(secrets, 0.5, reads)
    async with serving(picture) as files:
        yield Scene(engine, clock, reads, own, topics, status, Due(engine), accounts, secrets, files)
    await accounts.aclose()
    await reads.close()
    await engine.dispose()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    listener = listen("127.0.0.1", 0)
    server = server_of(app, embedded=True, log_level="warning")
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


async def picture(scope: Any, receive: Any, send: Any) -> None:
    written = io.BytesIO()
    Image.new("RGB", (60, 80)).save(written, "PNG", dpi=(300, 300))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
    await send({"type": "http.response.body", "body": written.getvalue()})


@dataclass
class Prints:
    """The vendor: takes orders as dispatch would leave them, and steps on by hand."""

    sandbox: Sandbox
    files: str

    @property
    def vendor(self) -> Vendor:
        return vendor(url=self.sandbox.vendor(VENDOR), poll_every_s=3600)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=self.sandbox.vendor(VENDOR), headers=headers, trust_env=False) as client:
            yield client

    async def order(self, external_id: str = "abc1", order_id: str = ORDER) -> DispatchAccepted:
        """A confirmed order at the vendor, and what dispatch would say of it."""
        files = [{"type": "default", "url": f"{self.files}/print.png"}]
        items = [{"external_id": item, "variant_id": 1, "quantity": count, "files": files} for item, count in ITEMS.items()]
        given = {"external_id": external_id, "recipient": RECIPIENT, "items": items}
        async with self.client() as client:
            answer = await client.post("/orders", params={"confirm": 1}, json=given)
        answer.raise_for_status()
        return accepted(vendor_order_id=str(answer.json()["result"]["id"]), external_id=external_id, order_id=order_id)

    async def call_back(self, url: str) -> None:
        async with self.client() as client:
            (await client.post("/webhooks", json={"url": url, "types": EVENTS})).raise_for_status()

    async def ship(self, taken: DispatchAccepted, units: dict[str, int] | None = None) -> None:
        """`units` by our item id; without them whatever is left."""
        given: dict[str, Any] | None = None
        if units is not None:
            numbers = await self._numbers(taken.vendor_order_id)
            given = {"items": [{"item_id": numbers[item], "quantity": count} for item, count in units.items()]}
        await self.sandbox.step(VENDOR, taken.vendor_order_id, "ship", given)

    async def step(self, taken: DispatchAccepted, step: str) -> None:
        await self.sandbox.step(VENDOR, taken.vendor_order_id, step)

    async def _numbers(self, vendor_order_id: str) -> dict[str, int]:
        order = await self.sandbox.call("GET", f"/vendors/{VENDOR}/orders/{vendor_order_id}")
        return {item["external_id"]: item["id"] for item in order["items"]}
