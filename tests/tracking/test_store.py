"""Rows on the real Postgres."""

import asyncio
from datetime import timedelta

from platen_contracts.tracking import ShipmentUpdated
from platen_messaging.outcome import Applied, Ignored
from platen_tracking.decide.facts import Hinted, OrderNotRead, OrderRead
from platen_tracking.decide.pace import HINT_KEPT
from platen_tracking.model import Account, Parcel, Watch, account_key, watch_of
from platen_tracking.store.due import LEASE
from platen_tracking.store.rows import TrackingStore

from .scene import Scene
from .world import KEY, MUG, VENDOR, VENDOR_ORDER, accepted, parcel, shown, vendor

ABOUT = {"vendor_id": VENDOR, "vendor_order_id": VENDOR_ORDER}
LONG = timedelta(days=1)


async def hint(scene: Scene, fact_id: str, vendor_order_id: str = VENDOR_ORDER) -> object:
    fact = Hinted(vendor_id=VENDOR, vendor_order_id=vendor_order_id)
    return (await scene.own.apply([scene.own.fact(fact, fact_id, vendor_order_id)]))[0]


async def held(scene: Scene) -> Watch:
    async with scene.engine.begin() as tx:
        return watch_of(await TrackingStore().load(tx, [KEY]), KEY)


async def test_what_was_read_is_kept_and_told_in_one_transaction(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    now = scene.clock.now()
    fact = OrderRead(**ABOUT, read_at=now, snapshot=shown("partial", parcel("1", {MUG: 1})))
    await scene.own.apply([scene.own.fact(fact, "read-1", "order")])
    order = (await held(scene)).order
    assert order is not None
    assert isinstance(order.parcels["1"], Parcel)
    assert (order.read_at, order.told and order.told.raw, order.parcels["1"].units) == (now, "partial", {MUG: 1})
    assert [type(message) for message in await scene.told()] == [ShipmentUpdated, type((await scene.told())[1])]
    again = await scene.own.apply([scene.own.fact(fact, "read-1", "order")])
    assert again == [Ignored("seen before")]
    assert len(await scene.told()) == 2


async def test_the_same_webhook_again_is_known_by_its_id(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    assert isinstance(await hint(scene, "event-1"), Applied)
    assert await hint(scene, "event-1") == Ignored("seen before")
    assert await hint(scene, "event-2") == Ignored("it is about to be read")


async def test_an_order_is_claimed_by_one_reader_until_its_lease_ends(scene: Scene) -> None:
    await scene.hear(vendor(), *(accepted(vendor_order_id=str(number)) for number in range(20)))
    then = scene.clock.now() + LONG
    claims = await asyncio.gather(*(scene.due.claim(VENDOR, 8, then) for _ in range(4)))
    numbers = [one.vendor_order_id for claim in claims for one in claim]
    assert sorted(numbers, key=int) == [str(number) for number in range(20)]
    assert await scene.due.claim(VENDOR, 8, then) == []
    assert await scene.due.vendors_with_work(then) == []
    await scene.change("update vendor_orders set leased_until = now()")
    assert await scene.due.vendors_with_work(then) == [vendor()]
    assert len(await scene.due.claim(VENDOR, 30, then)) == 20


async def test_a_lease_lasts_by_the_clock_of_the_database_whatever_a_process_thinks(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    await scene.change("update vendor_orders set next_read_at = now() - interval '1 day'")
    behind = scene.clock.now() - LONG / 2
    assert len(await scene.due.claim(VENDOR, 8, behind)) == 1
    for clock in (behind, scene.clock.now(), scene.clock.now() + LONG):
        assert await scene.due.claim(VENDOR, 8, clock) == []
    [(lasts,)] = await scene.rows("select leased_until between now() and now() + $1::interval from vendor_orders", LEASE)
    assert lasts


async def test_what_a_webhook_named_is_claimed_first(scene: Scene) -> None:
    await scene.hear(vendor(), *(accepted(vendor_order_id=str(number)) for number in range(5)))
    await hint(scene, "event", "3")
    assert [one.vendor_order_id for one in await scene.due.claim(VENDOR, 1, scene.clock.now() + LONG)] == ["3"]


async def test_nothing_is_claimed_before_its_time_or_of_another_account(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    assert await scene.due.claim(VENDOR, 8, scene.clock.now()) == []
    assert await scene.due.claim("somebody", 8, scene.clock.now() + LONG) == []


async def test_a_reading_ends_the_lease_and_a_webhook_does_not(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    then = scene.clock.now() + LONG
    await scene.due.claim(VENDOR, 8, then)
    await hint(scene, "event")
    assert (await held(scene)).leased_until is not None
    fact = OrderNotRead(**ABOUT, read_at=scene.clock.now())
    await scene.own.apply([scene.own.fact(fact, "read-1", "order")])
    assert (await held(scene)).leased_until is None


async def test_accounts_with_work_are_those_that_the_catalog_knows(scene: Scene) -> None:
    await scene.hear(accepted())
    assert await scene.due.vendors_with_work(scene.clock.now() + LONG) == []
    await scene.hear(vendor())
    assert await scene.due.vendors_with_work(scene.clock.now()) == [vendor()]


async def test_an_account_changes_and_goes(scene: Scene) -> None:
    await scene.hear(vendor())
    await scene.hear(vendor(poll_every_s=7))
    found = await scene.due.vendor(VENDOR)
    assert found is not None
    assert found.poll_every_s == 7
    async with scene.engine.begin() as tx:
        await TrackingStore().save(tx, {account_key(VENDOR): Account(None)}, [])
    assert await scene.due.vendors() == []


async def test_webhooks_about_orders_of_nobody_are_forgotten_after_a_day(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    await hint(scene, "event", "stranger")
    assert await scene.due.forget(scene.clock.now() + HINT_KEPT / 2) == 0
    assert await scene.due.forget(scene.clock.now() + HINT_KEPT + timedelta(seconds=1)) == 1
    assert [row[0] for row in await scene.rows("select vendor_order_id from vendor_orders")] == [VENDOR_ORDER]


async def test_of_webhooks_about_orders_of_nobody_only_the_newest_of_each_account_are_kept(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    for account in (VENDOR, "quiet"):
        await scene.change(
            "insert into vendor_orders (vendor_id, vendor_order_id, hinted_at) "
            "select $1, 'x' || n, now() - n * interval '1 second' from generate_series(1, $2::int) as n",
            account,
            9 if account == VENDOR else 2,
        )
    assert await scene.due.forget(scene.clock.now(), most=3) == 6
    kept = [tuple(row) for row in await scene.rows("select vendor_id, vendor_order_id from vendor_orders order by 1, 2")]
    assert kept == sorted([(VENDOR, VENDOR_ORDER), *((VENDOR, f"x{n}") for n in (1, 2, 3)), ("quiet", "x1"), ("quiet", "x2")])
    assert await scene.due.forget(scene.clock.now(), most=3) == 0


async def test_an_acceptance_is_kept_though_the_row_of_its_old_webhook_was_forgotten_meanwhile(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    watch = await held(scene)
    await scene.rows("delete from vendor_orders returning 1")
    async with scene.engine.begin() as tx:
        await TrackingStore().save(tx, {KEY: watch}, [])
    assert await held(scene) == watch


async def test_a_row_that_is_followed_no_longer_is_deleted(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    async with scene.engine.begin() as tx:
        await TrackingStore().save(tx, {KEY: Watch()}, [])
    assert await scene.rows("select 1 from vendor_orders") == []
