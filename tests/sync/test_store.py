"""The rows on a real Postgres: states come back as they were saved, and the questions of poll and worker find what is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from platen_contracts.common import Actor
from platen_contracts.sync import ReconcileShop, SyncShop
from platen_messaging.desk import Desk
from platen_messaging.outcome import Outgoing
from platen_sync.decide.facts import Hinted, LinkCame, PostingDone, PostingFailed
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
from sqlalchemy.ext.asyncio import AsyncConnection

from .conftest import listing, shop, vendor
from .rig import NOW, Rig
from .test_handlers import ORDER, private, seen, snapshot
from .test_observing import woo_line

ME = Actor(kind="operator", name="kim")


async def test_every_state_comes_back_as_it_was_saved(stored: Rig) -> None:
    run = Run(run_id="b" * 32, kind=RunKind.ASKED, actor=ME, began_at=NOW, asked=PageAsked(NOW, 3, NOW, True), since=NOW, found=3)
    states: dict[str, State] = {
        shop_key("shop-a"): Account("shop-a", shop("https://a.example"), NOW, NOW, (run,), True),
        vendor_key("printful-main"): VendorKept("printful-main", vendor()),
        listing_key("shop-a", "11:77"): Listed("shop-a", "11:77", listing("11:77"), vendor()),
        shop_order_key("shop-a", "5/6"): ShopOrder(
            "shop-a",
            "5/6",
            seen(5, customer_note="สมชาย"),
            NOW,
            True,
            (Waiting("12", Wants.ARTWORK),),
            "b" * 32,
            NOW,
            NOW,
            2,
            True,
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
    async with stored.engine.begin() as tx:
        await store.load(tx, sorted(states))
        await store.save(tx, states, [])
    async with stored.engine.begin() as tx:
        assert await store.load(tx, sorted(states)) == states


async def test_a_page_its_reports_and_the_watermark_are_one_transaction(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), vendor(), listing())
    await stored.tell(SyncShop(shop_id="shop-a", actor=ME))
    before = await stored.state(shop_key("shop-a"))
    assert isinstance(before, Account)

    class Breaks(SyncStore):
        async def save(self, tx: AsyncConnection, changed: Mapping[str, State], messages: Sequence[Outgoing]) -> None:
            await super().save(tx, changed, messages)
            raise RuntimeError("the process dies here")

    whole, stored.desk = stored.desk, Desk(stored.engine, Breaks(), HANDLERS, "sync", lambda: stored.now)
    with pytest.raises(RuntimeError):
        await stored.page(seen(1), seen(2))
    assert await stored.state(shop_key("shop-a")) == before
    assert await stored.outbox("sync.orders") == []

    stored.desk = whole
    await stored.page(seen(1), seen(2))
    after = await stored.state(shop_key("shop-a"))
    assert isinstance(after, Account)
    assert before.watermark is not None
    assert after.watermark is not None
    assert after.watermark > before.watermark
    assert await stored.outbox("sync.orders") == ["shop-a/1", "shop-a/2"]


async def test_a_shop_is_due_at_its_hour_and_has_its_runs_done_in_turn(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"))
    assert await stored.due.polls(stored.now) == ["shop-a"]
    assert await stored.due.polls(stored.now - timedelta(seconds=1)) == []

    await stored.tell(SyncShop(shop_id="shop-a", actor=ME), ReconcileShop(shop_id="shop-a", actor=ME))

    assert await stored.due.polls(stored.now) == []
    assert await stored.due.shops_with_runs([]) == ["shop-a"]
    assert await stored.due.shops_with_runs(["shop-a"]) == []
    open_run = await stored.due.run_of("shop-a")
    assert open_run is not None
    assert open_run.run.kind is RunKind.ASKED


async def test_an_order_is_found_when_listing_and_vendor_have_come_and_only_until_it_is_linked(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), listing("11:77", "late"))
    await stored.tell(SyncShop(shop_id="shop-a", actor=ME))
    await stored.page(seen(1, line_items=[woo_line(variation_id=77)]), seen(2))
    assert await stored.due.linked() == []

    await stored.tell(vendor("late"))

    found = await stored.due.linked()
    assert [kept.shop_order_id for kept in found] == ["1"]
    await stored.tell(LinkCame(shop_id="shop-a", shop_order_id="1", listing_ids=["11:77", "11"]))
    assert await stored.due.linked() == []
    assert await stored.outbox("sync.orders") == ["shop-a/1"]


async def test_a_listing_that_gains_an_artwork_has_its_orders_reported(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), vendor(), listing().model_copy(update={"artwork": None}))
    await stored.tell(SyncShop(shop_id="shop-a", actor=ME))
    await stored.page(seen(1))
    assert await stored.due.linked() == []

    await stored.tell(listing())

    assert [kept.shop_order_id for kept in await stored.due.linked()] == ["1"]
    await stored.tell(LinkCame(shop_id="shop-a", shop_order_id="1", listing_ids=["11"]))
    assert await stored.due.linked() == []
    assert await stored.outbox("sync.orders") == ["shop-a/1"]


async def test_a_hint_is_due_at_once_and_stays_out_while_its_shop_is_busy(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"))
    await stored.tell(Hinted(shop_id="shop-a", shop_order_id="7"))
    assert [kept.shop_order_id for kept in await stored.due.hints(stored.now, [])] == ["7"]
    assert await stored.due.hints(stored.now, ["shop-a"]) == []
    assert await stored.due.hints(stored.now - timedelta(seconds=1), []) == []


async def test_a_parcel_is_due_until_it_is_posted_and_again_later_after_trouble(stored: Rig) -> None:
    await stored.tell(snapshot(p1="UPS", p2="DHL"), private(p1="1Z1", p2="1Z2"))
    assert {to_post.key for to_post in await stored.due.postings(stored.now, [])} == {"p1", "p2"}

    await stored.tell(PostingDone(order_id=ORDER, parcel="p1", tracking_number="1Z1"))
    await stored.tell(PostingFailed(order_id=ORDER, parcel="p2", code="shop_busy", remedy="-"))

    assert await stored.due.postings(stored.now, []) == []
    later = await stored.due.postings(stored.now + timedelta(hours=1), [])
    assert [(to_post.key, to_post.parcel.carrier, to_post.posting.tracking_number) for to_post in later] == [("p2", "DHL", "1Z2")]
    assert await stored.outbox("sync.results") == [ORDER]


async def test_only_shop_orders_that_are_not_finished_are_reconciled(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), vendor(), listing())
    await stored.tell(SyncShop(shop_id="shop-a", actor=ME))
    await stored.page(seen(1001), seen(1002), seen(1003, status="cancelled"))
    assert [kept.shop_order_id for kept in await stored.due.to_reconcile("shop-a", "", 10)] == ["1001", "1002"]
    assert [kept.shop_order_id for kept in await stored.due.to_reconcile("shop-a", "1001", 10)] == ["1002"]

    await stored.tell(snapshot().model_copy(update={"status": "Fulfilled"}))

    assert [kept.shop_order_id for kept in await stored.due.to_reconcile("shop-a", "", 10)] == ["1002"]
