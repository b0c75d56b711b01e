"""Readings at a vendor that keeps books."""

from datetime import timedelta

import pytest
from platen_contracts.tracking import ShipmentUpdated, VendorOrderChanged
from platen_tracking.decide.pace import poll_every
from platen_tracking.poll import UNUSABLE
from platen_vendors.accounts import VendorSecret

from tests.support import until

from .scene import Prints, Scene
from .world import MUG, POSTER, VENDOR, vendor

HOUR = timedelta(hours=1)


async def test_parcels_and_the_end_of_an_order_are_told_without_any_webhook(scene: Scene, prints: Prints) -> None:
    taken = await prints.order()
    await scene.hear(prints.vendor, taken)
    async with scene.polling():
        scene.clock.ahead += HOUR
        await until(lambda: _is(scene, ["pending"]))
        await prints.ship(taken, {MUG: 1})
        scene.clock.ahead += HOUR
        await until(lambda: _is(scene, ["pending", "partial"]))
        await prints.ship(taken)
        scene.clock.ahead += HOUR
        await until(lambda: _is(scene, ["pending", "partial", "fulfilled"]))
    first, second = (it for it in await scene.told() if isinstance(it, ShipmentUpdated))
    assert [dict(it.units) for it in first.parcels.values()] == [{MUG: 1}]
    assert [dict(it.units) for it in second.parcels.values()] == [{MUG: 1}, {MUG: 1, POSTER: 1}]
    assert first.parcels.items() <= second.parcels.items()
    assert scene.reads.counts[taken.vendor_order_id] == 3


@pytest.mark.parametrize(("step", "status"), [("fail", "failed"), ("cancel", "cancelled")])
async def test_an_order_that_the_vendor_ended_is_told_as_ended(scene: Scene, prints: Prints, step: str, status: str) -> None:
    taken = await prints.order()
    await prints.step(taken, step)
    await scene.hear(prints.vendor, taken)
    async with scene.polling():
        scene.clock.ahead += HOUR
        [ending] = await until(scene.told)
    assert isinstance(ending, VendorOrderChanged)
    assert (ending.status, ending.ended) == (status, True)
    assert ending.cancelled_units == ({MUG: 2, POSTER: 1} if step == "cancel" else {})


async def test_messages_belong_to_the_conversation_of_the_acceptance(scene: Scene, prints: Prints) -> None:
    await scene.hear(prints.vendor, await prints.order())
    [(correlation,)] = await scene.rows("select state ->> 'correlation_id' from vendor_orders")
    async with scene.polling():
        scene.clock.ahead += HOUR
        await until(scene.told)
    [(headers,)] = await scene.rows("select headers from outbox")
    assert correlation in headers


async def test_a_vendor_in_trouble_is_asked_again(scene: Scene, prints: Prints) -> None:
    taken = await prints.order()
    await scene.hear(prints.vendor, taken)
    await prints.sandbox.fault(f"vendor/{VENDOR}", "error", match={"method": "GET"}, times=3)
    async with scene.polling():
        scene.clock.ahead += HOUR
        await until(lambda: _failures(scene, 1))
        scene.clock.ahead += timedelta(seconds=5)
        await until(lambda: _is(scene, ["pending"]))
        await until(lambda: _failures(scene, 0))


async def test_a_throttled_account_rests_and_its_orders_are_not_to_blame(scene: Scene, prints: Prints) -> None:
    taken = await prints.order()
    await scene.hear(prints.vendor, taken)
    await prints.sandbox.fault(f"vendor/{VENDOR}", "throttle", match={"method": "GET"}, params={"retry_after": 1})
    async with scene.polling():
        scene.clock.ahead += HOUR
        await until(lambda: _is(scene, ["pending"]))
    assert scene.reads.counts[taken.vendor_order_id] == 2


async def test_an_account_that_is_signed_out_rests_whole_with_one_alert(scene: Scene, prints: Prints) -> None:
    orders = [await prints.order(f"abc{number}", f"{number:032x}") for number in range(20)]
    await scene.hear(prints.vendor, *orders)
    await prints.sandbox.fault(f"vendor/{VENDOR}", "refuse", match={"method": "GET"}, params={"status": 401}, times=8)
    async with scene.polling() as poll:
        scene.clock.ahead += HOUR
        await until(lambda: _resting(scene, 8))
        await until(lambda: poll._resting)  # a moment after that was committed
        assert UNUSABLE.labels(VENDOR)._value.get() == 1
        assert poll._resting.keys() == {VENDOR}
        assert sum(scene.reads.counts.values()) == 8
        scene.clock.ahead += timedelta(minutes=2)
        await until(lambda: _told_of(scene, 20))
    assert UNUSABLE.labels(VENDOR)._value.get() == 0


async def test_an_account_without_secrets_waits_for_them_and_loses_nothing(scene: Scene, prints: Prints) -> None:
    held = scene.secrets.pop(VENDOR)
    await scene.hear(prints.vendor, await prints.order())
    async with scene.polling() as poll:
        scene.clock.ahead += HOUR
        await until(lambda: _problem(poll._problems, "PLATEN_VENDOR_SECRETS"))
        scene.secrets[VENDOR] = VendorSecret(token=held.token)
        await until(lambda: _is(scene, ["pending"]))


async def test_one_account_in_trouble_holds_up_no_other(scene: Scene, prints: Prints) -> None:
    taken = await prints.order()
    lost = taken.model_copy(update={"vendor_id": "elsewhere"})
    scene.secrets["elsewhere"] = scene.secrets[VENDOR]
    await scene.hear(prints.vendor, vendor(vendor_id="elsewhere", url="http://127.0.0.1:9"), lost, taken)
    async with scene.polling():
        scene.clock.ahead += HOUR
        await until(lambda: _is(scene, ["pending"]))


async def test_a_reading_that_cannot_be_settled_holds_up_no_other(scene: Scene, prints: Prints) -> None:
    guilty, innocent = await prints.order("abc1", "1" * 32), await prints.order("abc2", "2" * 32)
    await scene.hear(prints.vendor, guilty, innocent)
    async with scene.engine.begin() as tx:
        spoil = "update vendor_orders set state = replace(state::text, $1, 'no id')::json"
        await tx.exec_driver_sql(spoil, (guilty.order_id,))
    async with scene.polling():
        scene.clock.ahead += HOUR
        await until(lambda: _is(scene, ["pending"]))
    assert [message.order_id for message in await scene.told()] == [innocent.order_id]  # pyright: ignore[reportAttributeAccessIssue]


def test_an_account_that_is_not_known_yet_is_read_as_often_as_any() -> None:
    assert poll_every({}, VENDOR) == timedelta(minutes=5)


async def _is(scene: Scene, words: list[str]) -> bool:
    return await scene.words() == words


async def _failures(scene: Scene, count: int) -> bool:
    rows = await scene.rows("select coalesce((state ->> 'failures')::int, 0) from vendor_orders")
    return [row[0] for row in rows] == [count]


async def _resting(scene: Scene, count: int) -> bool:
    rows = await scene.rows("select 1 from vendor_orders where next_read_at > $1", scene.clock.now())
    return len(rows) == count


async def _told_of(scene: Scene, count: int) -> bool:
    return len({message.order_id for message in await scene.told()}) == count  # pyright: ignore[reportAttributeAccessIssue]


async def _problem(problems: dict[str, str], words: str) -> bool:
    return words in problems.get(VENDOR, "")
