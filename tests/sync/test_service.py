"""The whole service on the real broker and database, with the sandbox as its shop."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_contracts.common import Actor
from platen_contracts.envelope import Meta, decode, encode, encode_headers
from platen_contracts.message import Message
from platen_contracts.sync import (
    CancelSync,
    ReconcileShop,
    ShopOrderObserved,
    SyncProgressed,
    SyncShop,
    TrackingNotPosted,
    TrackingPosted,
)
from platen_contracts.topics import CATALOGUE, MESSAGES
from platen_sandbox.testing import Sandbox
from platen_sync import poll
from platen_sync.decide import posting
from platen_sync.main import build
from platen_sync.settings import Settings

from tests.support import until

from .conftest import listing, secrets_of, shop, vendor
from .test_handlers import ORDER, private, snapshot

M = TypeVar("M", bound=Message)

ME = Actor(kind="operator", name="kim")
HEARD = ("sync.orders", "sync.progress", "sync.results")


class Rig:
    """A broker seen from outside: says things to sync and hears what it says."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str, settings: Settings) -> None:
        self.producer, self.prefix, self.settings = producer, prefix, settings
        self.heard: dict[type[Message], list[Any]] = defaultdict(list)
        self.url = ""

    async def say(self, topic: str, key: str, message: Message) -> None:
        meta = Meta(uuid4().hex, message.TYPE, "test", key, datetime.now(UTC))
        await self.producer.send_and_wait(self.prefix + topic, encode(message), key.encode(), headers=encode_headers(meta))

    async def publish_catalog(self, url: str, *, vendors: bool = True, **given: Any) -> None:
        await self.say("catalog.shops", "shop-a", shop(url, **given))
        await self.say("catalog.listings", "shop-a/11", listing())
        if vendors:
            await self.say("catalog.vendors", "printful-main", vendor())

    def all(self, kind: type[M]) -> list[M]:
        return self.heard[kind]

    async def hears(self, kind: type[M], condition: Callable[[M], bool] = lambda _: True) -> M:
        return (await until(lambda: [one for one in self.all(kind) if condition(one)]))[-1]

    async def synced(self, command: Message | None = None) -> SyncProgressed:
        """Asks for a sync; gives its last word. What is heard meanwhile may still be of a poll, which tells of no beginning."""
        before = {one.run_id for one in self.all(SyncProgressed)}
        await self.say("sync.commands", "shop-a", command or SyncShop(shop_id="shop-a", actor=ME))
        begun = await self.hears(
            SyncProgressed, lambda one: one.run_id not in before and one.state == "running" and one.found == 0
        )
        return await self.hears(SyncProgressed, lambda one: one.run_id == begun.run_id and one.state != "running")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        service, stop = build(self.settings), asyncio.Event()
        work = asyncio.ensure_future(service.serve(stop))
        try:
            await until(lambda: service.health.ready or work.done())
            yield
        finally:
            stop.set()
            await work

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            message = decode(record.value, record.headers, MESSAGES)
            if message is not None:
                self.heard[type(message)].append(message)


@pytest.fixture
async def rig(
    kafka_bootstrap: str,
    topic_prefix: str,
    topics: Callable[..., Awaitable[list[str]]],
    database: Callable[[str], Awaitable[str]],
    sandbox: Sandbox,
) -> AsyncIterator[Rig]:
    await topics(*(name for name, one in CATALOGUE.items() if "sync" in (*one.readers, *one.writers)))
    values: dict[str, Any] = {
        "kafka": kafka_bootstrap,
        "database": await database("platen_sync"),
        "topic_prefix": topic_prefix,
        "shop_secrets": secrets_of(),
        "shop_page": 4,
        "shop_calls_per_minute": 6000,
        "http": "127.0.0.1:0",
    }
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    consumer = AIOKafkaConsumer(
        *(topic_prefix + name for name in HEARD), bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest"
    )
    await producer.start()
    await consumer.start()
    rig = Rig(producer, topic_prefix, Settings(**values))
    listening = asyncio.ensure_future(rig.listen(consumer))
    yield rig
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await consumer.stop()
    await producer.stop()


async def test_a_sync_brings_every_order_of_the_shop_once_and_a_second_one_none(rig: Rig, sandbox: Sandbox) -> None:
    await sandbox.call("POST", "/shops/shop-a/orders", [{"line_items": [{}], "date_modified_gmt": "2026-11-20T08:00:00"}] * 9)
    made = [await sandbox.order("shop-a") for _ in range(3)]
    await sandbox.order("shop-a", {"line_items": [{}], "status": "pending"})
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        await until(lambda: len(rig.all(ShopOrderObserved)) >= 12)
        again = await rig.synced()

    ids = [one.shop_order_id for one in rig.all(ShopOrderObserved)]
    assert len(ids) == len(set(ids)) == 12
    assert str(made[-1]["id"]) in ids
    assert again.state == "finished"
    assert (again.imported, again.failed) == (0, 0)
    assert again.already_there >= 3
    assert again.skipped[0].code == "not_paid"


async def test_an_order_is_reported_once_its_listings_vendor_comes(rig: Rig, sandbox: Sandbox) -> None:
    await sandbox.order("shop-a")
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"), vendors=False)
        await rig.say("sync.commands", "shop-a", SyncShop(shop_id="shop-a", actor=ME))
        told = await rig.hears(SyncProgressed, lambda one: one.skipped_count == 1)
        assert told.skipped[0].code == "no_line_linked"
        await rig.say("catalog.vendors", "printful-main", vendor(kind="custom"))
        reported = await rig.hears(ShopOrderObserved)
    assert reported.lines[0].link is not None
    assert reported.lines[0].link.custom


async def test_a_webhook_brings_a_change_without_waiting_for_the_poll(rig: Rig, sandbox: Sandbox, port: int) -> None:
    rig.settings = rig.settings.model_copy(update={"http": f"127.0.0.1:{port}"})
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        assert (await rig.synced()).state == "finished"
        hook = {"topic": "order.created", "delivery_url": f"http://127.0.0.1:{port}/webhooks/shop-a", "secret": "hush"}
        async with httpx.AsyncClient(auth=("ck_shop-a", "cs_shop-a"), trust_env=False) as owner:
            (await owner.post(f"{sandbox.shop('shop-a')}/wp-json/wc/v3/webhooks", json=hook)).raise_for_status()
        made = await sandbox.order("shop-a")
        await rig.hears(ShopOrderObserved, lambda one: one.shop_order_id == str(made["id"]))


async def test_a_missing_secret_fails_the_run_with_its_remedy_and_an_unknown_shop_too(
    rig: Rig, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.settings = rig.settings.model_copy(update={"shop_secrets": {}})
    monkeypatch.setattr(poll, "SHOP_PATIENCE", timedelta())
    async with rig.serving():
        unknown = await rig.synced()
        assert unknown.problem is not None
        assert "catalog" in unknown.problem
        await rig.publish_catalog(sandbox.shop("shop-a"))
        failed = await rig.hears(SyncProgressed, lambda one: "PLATEN_SHOP_SECRETS" in (one.problem or ""))
    assert failed.state == "failed"


async def test_a_reconciliation_notices_an_order_that_was_thrown_away(rig: Rig, sandbox: Sandbox) -> None:
    made = [await sandbox.order("shop-a") for _ in range(3)]
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        await until(lambda: len(rig.all(ShopOrderObserved)) == 3)
        await sandbox.call("PATCH", f"/shops/shop-a/orders/{made[0]['id']}", {"status": "trash"})
        told = await rig.synced(ReconcileShop(shop_id="shop-a", actor=ME))
        await rig.hears(ShopOrderObserved, lambda one: one.cancelled)
    assert (told.state, told.found, told.imported, told.already_there) == ("finished", 3, 1, 2)
    assert [one.shop_order_id for one in rig.all(ShopOrderObserved) if one.cancelled] == [str(made[0]["id"])]


async def test_a_run_that_a_shop_holds_up_can_be_cancelled(rig: Rig, sandbox: Sandbox) -> None:
    await sandbox.order("shop-a")
    await sandbox.fault("shop/shop-a", "throttle", times=None, params={"retry_after": 600})
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        await rig.say("sync.commands", "shop-a", SyncShop(shop_id="shop-a", actor=ME))
        await rig.hears(SyncProgressed, lambda one: one.state == "running")
        await hit(sandbox)
        await rig.say("sync.commands", "shop-a", CancelSync(shop_id="shop-a", actor=ME))
        await rig.hears(SyncProgressed, lambda one: one.state == "cancelled")


@pytest.mark.parametrize("plugin", [True, False])
async def test_tracking_is_posted_once_per_parcel(rig: Rig, sandbox: Sandbox, plugin: bool) -> None:
    await sandbox.call("PUT", "/shops/shop-a", {"tracking_plugin": plugin})
    shop_order = str((await sandbox.order("shop-a"))["id"])
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        for version in (1, 2):
            state = snapshot(version, p1="UPS", p2="DHL").model_copy(update={"shop_order_id": shop_order})
            await rig.say("orders.status", ORDER, state)
            numbers = private(version, p1="1Z1", p2="1Z2").model_copy(update={"shop_order_id": shop_order})
            await rig.say("orders.private", ORDER, numbers)
        await until(lambda: {one.parcel for one in rig.all(TrackingPosted)} == {"p1", "p2"})
    assert len(rig.all(TrackingPosted)) == 2
    assert sorted(await _in_the_shop(sandbox, plugin)) == ["1Z1", "1Z2"]


async def test_tracking_whose_reply_was_lost_is_looked_up_and_not_posted_again(
    rig: Rig, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SETTLE", posting.FIRST_WAIT / 10)
    monkeypatch.setattr(posting, "FIRST_WAIT", posting.FIRST_WAIT / 10)
    shop_order = str((await sandbox.order("shop-a"))["id"])
    await sandbox.fault("shop/shop-a", "drop_reply", match={"method": "POST"})
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        await rig.say("orders.status", ORDER, snapshot(p1="UPS").model_copy(update={"shop_order_id": shop_order}))
        await rig.say("orders.private", ORDER, private(p1="1Z1").model_copy(update={"shop_order_id": shop_order}))
        await rig.hears(TrackingPosted)
    assert await _in_the_shop(sandbox, plugin=True) == ["1Z1"]


async def test_tracking_for_an_order_the_shop_lost_is_given_up_with_a_remedy(rig: Rig, sandbox: Sandbox) -> None:
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        await rig.say("orders.status", ORDER, snapshot(p1="UPS").model_copy(update={"shop_order_id": "999"}))
        await rig.say("orders.private", ORDER, private(p1="1Z1").model_copy(update={"shop_order_id": "999"}))
        told = await rig.hears(TrackingNotPosted)
    assert (told.order_id, told.parcel, told.code) == (ORDER, "p1", "order_gone")


async def test_what_was_under_way_when_it_stopped_goes_on_when_it_runs_again(rig: Rig, sandbox: Sandbox) -> None:
    for _ in range(6):
        await sandbox.order("shop-a")
    await sandbox.fault("shop/shop-a", "throttle", times=1, params={"retry_after": 600})
    async with rig.serving():
        await rig.publish_catalog(sandbox.shop("shop-a"))
        await rig.say("sync.commands", "shop-a", SyncShop(shop_id="shop-a", actor=ME))
        await hit(sandbox)
    assert not rig.all(ShopOrderObserved)
    async with rig.serving():
        await until(lambda: len(rig.all(ShopOrderObserved)) == 6)
        await rig.hears(SyncProgressed, lambda one: one.state == "finished")


async def hit(sandbox: Sandbox) -> None:
    """Waits until a fault was met."""
    async with asyncio.timeout(20):
        while not [fault for fault in await sandbox.call("GET", "/faults") if fault["hits"]]:  # noqa: ASYNC110  no event to wait for
            await asyncio.sleep(0.02)


async def _in_the_shop(sandbox: Sandbox, plugin: bool) -> list[str]:
    """The tracking numbers that the shop holds, as often as it holds them."""
    if plugin:
        return [one["tracking_number"] for one in await sandbox.call("GET", "/shops/shop-a/trackings")]
    notes = await sandbox.call("GET", "/shops/shop-a/notes")
    return [found[1] for note in notes if (found := re.search(r"number: (\S+)", note["note"]))]
