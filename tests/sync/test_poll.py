"""A run that the rate holds up waits: it asks neither the shop nor the database over and over."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from platen_contracts.common import Actor
from platen_contracts.sync import SyncShop
from platen_outside.failures import Throttled
from platen_sync.gateway.shops import Shops
from platen_sync.model import PageAsked
from platen_sync.poll import LOOK_S, Poll

from tests.support import until

from .conftest import shop
from .rig import Rig


class BusyLane:
    """A gateway, and the registry that gives it, whose turn is always further away than anybody's patience."""

    def __init__(self) -> None:
        self.asked_at: list[float] = []

    async def gateway(self, _shop: object) -> BusyLane:
        return self

    def paused_for(self) -> float:
        return 0.0

    async def list_changed(self, _asked: PageAsked, _per_page: int) -> Throttled:
        self.asked_at.append(time.monotonic())
        return Throttled(30.0, 0)


async def test_a_run_held_up_by_our_own_rate_pauses_between_its_tries_and_does_not_fail(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), SyncShop(shop_id="shop-a", actor=Actor(kind="operator", name="me")))
    lane, stop = BusyLane(), asyncio.Event()
    poll = Poll(stored.desk, stored.due, cast("Shops", cast("Any", lane)), 100, lambda: stored.now)
    running = asyncio.ensure_future(poll.run(stop))
    await until(lambda: len(lane.asked_at) >= 2)
    stop.set()
    await running
    assert lane.asked_at[1] - lane.asked_at[0] > LOOK_S * 0.9
    assert await stored.due.run_of("shop-a") is not None
