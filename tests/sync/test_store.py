"""The rows on a real Postgres: states come back as they were saved, and the questions of poll and worker find what is due."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from platen_contracts.common import Actor
from platen_contracts.message import Message
from platen_contracts.sync import ReconcileShop, SyncShop
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_messaging.outcome import Outcome, Outgoing
from platen_sync.decide.facts import Hinted, LinkCame, PageRead, PostingDone, PostingFailed
from platen_sync.handlers import HANDLERS
from platen_sync.model import (
    Account,
    Listed,
    PageAsked,
    Parcel,
    PlatenOrder,
    Posting,
    Run,
    RunKind,
    SeenOrder,
    ShopOrder,
    State,
    Tracking,
    VendorKept,
    Waiting,
    Wants,
    listing_key,
    order_key,
    shop_key,
    shop_order_key,
    vendor_key,
)
from platen_sync.store import SyncStore
from platen_sync.store.due import Due
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .conftest import listing, shop, vendor
from .test_handlers import ORDER, private, seen, snapshot
from .test_observing import woo_line

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ME = Actor(kind="operator", name="kim")


class Rig:
    """The store behind a real desk."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine, self.due, self.now = engine, Due(engine), NOW
        self.desk = Desk(engine, SyncStore(), HANDLERS, "sync", lambda: self.now)

    async def tell(self, *messages: Message) -> list[Outcome[State]]:
        return await self.desk.apply([self.desk.fact(message, uuid4().hex, "key") for message in messages])

    async def page(self, *orders: SeenOrder) -> None:
        open_run = await self.due.run_of("shop-a")
        assert open_run is not None
        assert open_run.run.asked is not None
        await self.tell(
            PageRead(
                shop_id="shop-a",
                run_id=open_run.run.run_id,
                asked=open_run.run.asked,
                per_page=100,
                read_at=self.now,
                modified=[order.modified_at for order in orders],
                orders=list(orders),
            )
        )

    async def state(self, key: str) -> State:
        async with self.engine.begin() as tx:
            return (await SyncStore().load(tx, [key]))[key]

    async def outbox(self, topic: str) -> list[str]:
        async with self.engine.connect() as connection:
            sql = "select convert_from(key, 'utf8') from outbox where topic = $1 order by id"
            return [row[0] for row in await connection.exec_driver_sql(sql, (topic,))]


@pytest.fixture
async def rig(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Rig]:
    engine = open_engine(await database("platen_sync"))
    yield Rig(engine)
    await engine.dispose()


async def test_every_state_comes_back_as_it_was_saved(rig: Rig) -> None:
    run = Run(run_id="b" * 32, kind=RunKind.ASKED, actor=ME, began_at=NOW, asked=PageAsked(NOW, 3, NOW, True), since=NOW, found=3)
    states: dict[str, State] = {
        shop_key("shop-a"): Account("shop-a", shop("https://a.example"), NOW, NOW, (run,), True),
        vendor_key("printful-main"): VendorKept("printful-main", vendor()),
        listing_key("shop-a", "11:77"): Listed("shop-a", "11:77", listing("11:77"), vendor()),
        shop_order_key("shop-a", "5/6"): ShopOrder(
            "shop-a", "5/6", seen(5, customer_note="สมชาย"), NOW, True, (Waiting("12", Wants.ARTWORK),), "b" * 32, NOW, NOW, 2
        ),
        order_key(ORDER): PlatenOrder(
            ORDER,
            "shop-a",
            "5",
            "Sent",
            3,
            2,
            parcels={"p": Parcel(carrier="UPS", shipped_at=NOW)},
            tracking={"p": Tracking(tracking_number="1Z")},
            postings={"p": Posting(tracking_number="1Z", due_at=NOW, tries=1)},
        ),
    }
    store = SyncStore()
    async with rig.engine.begin() as tx:
        await store.load(tx, sorted(states))
        await store.save(tx, states, [])
    async with rig.engine.begin() as tx:
        assert await store.load(tx, sorted(states)) == states


async def test_a_page_its_reports_and_the_watermark_are_one_transaction(rig: Rig) -> None:
    await rig.tell(shop("https://a.example"), vendor(), listing())
    await rig.tell(SyncShop(shop_id="shop-a", actor=ME))
    before = await rig.state(shop_key("shop-a"))
    assert isinstance(before, Account)

    class Breaks(SyncStore):
        async def save(self, tx: AsyncConnection, changed: Mapping[str, State], messages: Sequence[Outgoing]) -> None:
            await super().save(tx, changed, messages)
            raise RuntimeError("the process dies here")

    whole, rig.desk = rig.desk, Desk(rig.engine, Breaks(), HANDLERS, "sync", lambda: rig.now)
    with pytest.raises(RuntimeError):
        await rig.page(seen(1), seen(2))
    assert await rig.state(shop_key("shop-a")) == before
    assert await rig.outbox("sync.orders") == []

    rig.desk = whole
    await rig.page(seen(1), seen(2))
    after = await rig.state(shop_key("shop-a"))
    assert isinstance(after, Account)
    assert before.watermark is not None
    assert after.watermark is not None
    assert after.watermark > before.watermark
    assert await rig.outbox("sync.orders") == ["shop-a/1", "shop-a/2"]


async def test_a_shop_is_due_at_its_hour_and_has_its_runs_done_in_turn(rig: Rig) -> None:
    await rig.tell(shop("https://a.example"))
    assert await rig.due.polls(rig.now) == ["shop-a"]
    assert await rig.due.polls(rig.now - timedelta(seconds=1)) == []

    await rig.tell(SyncShop(shop_id="shop-a", actor=ME), ReconcileShop(shop_id="shop-a", actor=ME))

    assert await rig.due.polls(rig.now) == []
    assert await rig.due.shops_with_runs([]) == ["shop-a"]
    assert await rig.due.shops_with_runs(["shop-a"]) == []
    open_run = await rig.due.run_of("shop-a")
    assert open_run is not None
    assert open_run.run.kind is RunKind.ASKED


async def test_an_order_is_found_when_listing_and_vendor_have_come_and_only_until_it_is_linked(rig: Rig) -> None:
    await rig.tell(shop("https://a.example"), listing("11:77", "late"))
    await rig.tell(SyncShop(shop_id="shop-a", actor=ME))
    await rig.page(seen(1, line_items=[woo_line(variation_id=77)]), seen(2))
    assert await rig.due.linked() == []

    await rig.tell(vendor("late"))

    found = await rig.due.linked()
    assert [kept.shop_order_id for kept in found] == ["1"]
    await rig.tell(LinkCame(shop_id="shop-a", shop_order_id="1", listing_ids=["11:77", "11"]))
    assert await rig.due.linked() == []
    assert await rig.outbox("sync.orders") == ["shop-a/1"]


async def test_a_listing_that_gains_an_artwork_has_its_orders_reported_again(rig: Rig) -> None:
    await rig.tell(shop("https://a.example"), vendor(), listing().model_copy(update={"artwork": None}))
    await rig.tell(SyncShop(shop_id="shop-a", actor=ME))
    await rig.page(seen(1))
    assert await rig.due.linked() == []

    await rig.tell(listing())

    assert [kept.shop_order_id for kept in await rig.due.linked()] == ["1"]
    await rig.tell(LinkCame(shop_id="shop-a", shop_order_id="1", listing_ids=["11"]))
    assert await rig.due.linked() == []
    assert await rig.outbox("sync.orders") == ["shop-a/1", "shop-a/1"]


async def test_a_hint_is_due_at_once_and_stays_out_while_its_shop_is_busy(rig: Rig) -> None:
    await rig.tell(shop("https://a.example"))
    await rig.tell(Hinted(shop_id="shop-a", shop_order_id="7"))
    assert [kept.shop_order_id for kept in await rig.due.hints(rig.now, [])] == ["7"]
    assert await rig.due.hints(rig.now, ["shop-a"]) == []
    assert await rig.due.hints(rig.now - timedelta(seconds=1), []) == []


async def test_a_parcel_is_due_until_it_is_posted_and_again_later_after_trouble(rig: Rig) -> None:
    await rig.tell(snapshot(p1="UPS", p2="DHL"), private(p1="1Z1", p2="1Z2"))
    assert {to_post.key for to_post in await rig.due.postings(rig.now, [])} == {"p1", "p2"}

    await rig.tell(PostingDone(order_id=ORDER, parcel="p1"))
    await rig.tell(PostingFailed(order_id=ORDER, parcel="p2", code="shop_busy", remedy="-"))

    assert await rig.due.postings(rig.now, []) == []
    later = await rig.due.postings(rig.now + timedelta(hours=1), [])
    assert [(to_post.key, to_post.parcel.carrier, to_post.posting.tracking_number) for to_post in later] == [("p2", "DHL", "1Z2")]
    assert await rig.outbox("sync.results") == [ORDER]


async def test_only_shop_orders_that_are_not_finished_are_reconciled(rig: Rig) -> None:
    await rig.tell(shop("https://a.example"), vendor(), listing())
    await rig.tell(SyncShop(shop_id="shop-a", actor=ME))
    await rig.page(seen(1001), seen(1002), seen(1003, status="cancelled"))
    assert [kept.shop_order_id for kept in await rig.due.to_reconcile("shop-a", "", 10)] == ["1001", "1002"]
    assert [kept.shop_order_id for kept in await rig.due.to_reconcile("shop-a", "1001", 10)] == ["1002"]

    await rig.tell(snapshot().model_copy(update={"status": "Fulfilled"}))

    assert [kept.shop_order_id for kept in await rig.due.to_reconcile("shop-a", "", 10)] == ["1002"]
