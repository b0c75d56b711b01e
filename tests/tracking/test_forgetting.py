"""An erased order is followed on, but its tracking numbers are forgotten, and not taken in again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from platen_contracts.message import Message
from platen_contracts.tracking import ShipmentUpdated
from platen_tracking.decide.facts import OrderRead

from .scene import Scene
from .world import MUG, ORDER, POSTER, VENDOR, VENDOR_ORDER, accepted, an_order, parcel, shown, vendor

SECRETS = ('"T1"', '"T2"', "carrier.example")
SHOWN = {"1": parcel("1", {MUG: 2}), "2": parcel("2", {POSTER: 1})}


async def _read(scene: Scene, *parcels: str, vendor_order_id: str = VENDOR_ORDER) -> list[Message]:
    """What is told because the vendor shows these."""
    scene.clock.ahead += timedelta(seconds=10)
    snapshot, before = shown("partial", *(SHOWN[name] for name in parcels)), len(await scene.told())
    fact = OrderRead(vendor_id=VENDOR, vendor_order_id=vendor_order_id, read_at=scene.clock.now(), snapshot=snapshot)
    await scene.own.apply([scene.own.fact(fact, f"read-{scene.clock.ahead}", ORDER)])
    return (await scene.told())[before:]


async def _kept(scene: Scene) -> list[str]:
    states = " ".join(row[0] for row in await scene.rows("select state::text from vendor_orders"))
    return [secret for secret in SECRETS if secret in states]


async def test_what_is_erased_is_forgotten_and_what_is_read_again_is_not_kept_and_not_told(scene: Scene) -> None:
    await scene.hear(vendor(), accepted())
    await _read(scene, "1")
    assert await _kept(scene) == ['"T1"', "carrier.example"]
    await scene.hear_of(an_order())
    assert await _kept(scene) == []
    assert await _read(scene, "1") == []

    (shipment,) = [it for it in await _read(scene, "1", "2") if isinstance(it, ShipmentUpdated)]
    assert {name: it.units for name, it in shipment.parcels.items()} == {"1": {MUG: 2}, "2": {POSTER: 1}}
    assert all(it.tracking_number is None and it.tracking_url is None for it in shipment.parcels.values())
    assert await _kept(scene) == []
    ((next_read_at,),) = await scene.rows("select next_read_at from vendor_orders")
    assert next_read_at - scene.clock.now() >= timedelta(hours=23), "all has left, and no number is waited for"


async def test_every_vendor_order_of_it_is_forgotten_and_one_named_later_is_born_so(scene: Scene) -> None:
    await scene.hear(vendor(), accepted(), accepted(2, "2"), accepted(1, "3", order_id="c" * 32))
    for vendor_order_id in (VENDOR_ORDER, "2"):
        await _read(scene, "1", vendor_order_id=vendor_order_id)
    await scene.hear_of(an_order())
    await scene.hear_of(an_order("d" * 32, erased=False))
    await scene.hear(accepted(3, "4"), accepted(1, "5", order_id="d" * 32))
    for vendor_order_id in ("3", "4", "5"):
        await _read(scene, "2", vendor_order_id=vendor_order_id)
    rows = await scene.rows("select vendor_order_id from vendor_orders where state::text like '%carrier.example%' order by 1")
    assert [row[0] for row in rows] == ["3", "5"]


@pytest.mark.parametrize("number", range(5))
async def test_an_acceptance_and_an_erasure_at_the_same_moment_leave_nothing(scene: Scene, number: int) -> None:
    await scene.hear(vendor())
    await asyncio.gather(scene.hear(accepted()), scene.hear_of(an_order()))
    await _read(scene, "1")
    assert await _kept(scene) == []
