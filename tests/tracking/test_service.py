"""The whole service: real broker, real database, a vendor that calls back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchAccepted, DispatchInDoubt, DispatchStarted
from platen_contracts.envelope import Meta, decode_headers, decode_value, encode, encode_headers
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE
from platen_contracts.tracking import ShipmentUpdated, VendorOrderChanged
from platen_messaging.databases import open_engine
from platen_sandbox.testing import running_sandbox
from platen_tracking.main import build
from platen_tracking.settings import Settings
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support import until

from .scene import TOKEN, Prints, picture, serving
from .world import EXTERNAL, MUG, ORDER, POSTER, VENDOR

pytestmark = pytest.mark.flow


@dataclass
class Tracking:
    """The service, started as often as a test likes; and the topics around it."""

    settings: Settings
    producer: AIOKafkaProducer
    engine: AsyncEngine

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        service, stop = build(self.settings), asyncio.Event()
        serving_ = asyncio.create_task(service.serve(stop))

        async def is_ready() -> bool:
            if serving_.done():
                await serving_
            return service.health.ready

        try:
            await until(is_ready)
            yield
        finally:
            stop.set()
            await serving_

    async def send(self, topic: str, key: str, message: Message) -> str:
        meta = Meta(secrets.token_hex(16), message.TYPE, "test", key, datetime.now(UTC))
        full = self.settings.topic_prefix + topic
        await self.producer.send_and_wait(full, encode(message), key=key.encode(), headers=encode_headers(meta))
        return meta.id

    async def updates(self, until_word: str) -> list[tuple[Meta, Message]]:
        """What is on tracking.updates, up to the first VendorOrderChanged with that word."""
        name, types = self.settings.topic_prefix + "tracking.updates", CATALOGUE["tracking.updates"].types
        found: list[tuple[Meta, Message]] = []
        consumer: Any = AIOKafkaConsumer(name, bootstrap_servers=self.settings.kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(60):
                async for record in consumer:
                    assert record.key == ORDER.encode()
                    meta = decode_headers(record.headers)
                    message = decode_value(record.value, types[meta.type])
                    found.append((meta, message))
                    if isinstance(message, VendorOrderChanged) and message.raw == until_word:
                        return found
        finally:
            await consumer.stop()
        raise AssertionError("the topic ended")

    async def follows(self, taken: DispatchAccepted) -> bool:
        async with self.engine.connect() as connection:
            followed = "select from vendor_orders where state is not null and vendor_order_id = $1"
            return (await connection.exec_driver_sql(followed, (taken.vendor_order_id,))).rowcount == 1

    @property
    def hooks(self) -> str:
        return f"http://{self.settings.http}/webhooks/{VENDOR}"


@pytest.fixture
async def tracking(
    kafka_bootstrap: str,
    topic_prefix: str,
    topics: Callable[..., Awaitable[list[str]]],
    database: Callable[[str], Awaitable[str]],
    port: int,
) -> AsyncIterator[Tracking]:
    await topics("dispatch.results", "catalog.vendors", "orders.status", "tracking.updates", "tracking.dead-letter")
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await producer.start()
    values: dict[str, Any] = {
        "kafka": kafka_bootstrap,
        "database": await database("platen_tracking"),
        "topic_prefix": topic_prefix,
        "http": f"127.0.0.1:{port}",
        "vendor_secrets": {VENDOR: {"token": TOKEN}},
    }
    settings = Settings(**values)
    engine = open_engine(settings.database)
    yield Tracking(settings, producer, engine)
    await engine.dispose()
    await producer.stop()


@pytest.fixture
async def shop() -> AsyncIterator[Prints]:
    async with serving(picture) as files, running_sandbox(pace=None) as sandbox:
        yield Prints(sandbox, files)


async def test_an_accepted_order_is_followed_from_webhook_to_parcels(tracking: Tracking, shop: Prints) -> None:
    await shop.call_back(tracking.hooks)
    await shop.sandbox.fault(f"vendor/{VENDOR}", "duplicate_callbacks", times="forever", params={"copies": 3})
    async with tracking.running():
        taken = await shop.order()
        await tracking.send("catalog.vendors", VENDOR, shop.vendor)
        about = {"order_id": ORDER, "generation": 1, "attempt": 1}
        await tracking.send("dispatch.results", ORDER, DispatchStarted(**about, submission=1, external_id=EXTERNAL))
        await tracking.send("dispatch.results", ORDER, DispatchInDoubt(**about, reason="no reply"))
        cause = await tracking.send("dispatch.results", ORDER, taken)
        await shop.ship(taken, {MUG: 2})
        await shop.ship(taken, {POSTER: 1})
        found = await tracking.updates(until_word="fulfilled")
    parcels = [it for _, it in found if isinstance(it, ShipmentUpdated)][-1].parcels
    assert sorted(it.units == {MUG: 2} for it in parcels.values()) == [False, True]
    assert {meta.correlation_id for meta, _ in found} == {cause}
    assert {meta.source for meta, _ in found} == {"tracking"}


async def test_what_happened_while_the_service_was_down_is_told_when_it_is_back(tracking: Tracking, shop: Prints) -> None:
    vendor: Vendor = shop.vendor.model_copy(update={"poll_every_s": 0.2})
    taken = await shop.order()
    await tracking.send("catalog.vendors", VENDOR, vendor)
    await tracking.send("dispatch.results", ORDER, taken)
    async with tracking.running():
        await tracking.updates(until_word="pending")
    await shop.ship(taken)
    async with tracking.running():
        found = await tracking.updates(until_word="fulfilled")
    assert [type(it) for _, it in found] == [VendorOrderChanged, ShipmentUpdated, VendorOrderChanged]


async def test_an_order_that_is_heard_of_before_its_account_is_read_once_the_account_is_known(
    tracking: Tracking, shop: Prints
) -> None:
    taken = await shop.order()
    async with tracking.running():
        await tracking.send("dispatch.results", ORDER, taken)
        await until(lambda: tracking.follows(taken))
        await tracking.send("catalog.vendors", VENDOR, shop.vendor)
        await tracking.updates(until_word="pending")
