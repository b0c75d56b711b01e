"""A process that dies between posting and writing it down, and two that work at the same time: nothing is posted twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from platen_outside.failures import Failure
from platen_sync.decide.posting import SETTLE
from platen_sync.gateway.shop import ParcelToPost, Shelf
from platen_sync.gateway.shops import Shops
from platen_sync.model import PlatenOrder, PostingState, order_key
from platen_sync.worker import Worker

from tests.support import until

from .conftest import shop
from .rig import Rig
from .test_handlers import ORDER, private, snapshot


class FakeShop:
    """A gateway and the registry that gives it. `dies` after a post arrived; reads are answered when so many ask `together`."""

    def __init__(self, together: int = 1) -> None:
        self.numbers: list[str] = []
        self.dies = False
        self._all_asked = asyncio.Barrier(together)

    async def gateway(self, _shop: object) -> FakeShop:
        return self

    def paused_for(self) -> float:
        return 0.0

    async def read_shelf(self, _shop_order_id: str) -> Shelf:
        found = Shelf(True, list(self.numbers))
        await self._all_asked.wait()
        return found

    async def post_tracking(self, _shop_order_id: str, parcel: ParcelToPost, _shelf: Shelf) -> Failure | None:
        self.numbers.append(parcel.tracking_number)
        if self.dies:
            raise RuntimeError("the process dies here")
        return None


@asynccontextmanager
async def working(stored: Rig, fake: FakeShop) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = Worker(stored.desk, stored.due, cast("Shops", cast("Any", fake)), lambda: stored.now)
    work = asyncio.ensure_future(worker.run(stop))
    yield
    stop.set()
    await work


async def posting_of(stored: Rig) -> PostingState:
    order = await stored.state(order_key(ORDER))
    assert isinstance(order, PlatenOrder)
    return order.postings["p1"].state


async def posted(stored: Rig) -> None:
    async with asyncio.timeout(20):
        while await posting_of(stored) is not PostingState.POSTED:  # noqa: ASYNC110  the row has no event to wait for
            await asyncio.sleep(0.02)


async def test_a_process_that_dies_after_posting_finds_its_post_when_it_runs_again(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), snapshot(p1="UPS"), private(p1="1Z1"))
    fake = FakeShop()
    fake.dies = True
    async with working(stored, fake):
        await until(lambda: fake.numbers)
    assert await posting_of(stored) is PostingState.WANTED
    assert await stored.due.postings(stored.now, []) == [], "a post that may be on its way is left alone"

    fake.dies = False
    stored.now += SETTLE
    async with working(stored, fake):
        await posted(stored)

    assert fake.numbers == ["1Z1"]
    assert await stored.outbox("sync.results") == [ORDER]


async def test_two_processes_that_both_found_nothing_post_it_once(stored: Rig) -> None:
    await stored.tell(shop("https://a.example"), snapshot(p1="UPS"), private(p1="1Z1"))
    fake = FakeShop(together=2)
    async with working(stored, fake), working(stored, fake):
        await posted(stored)
    assert fake.numbers == ["1Z1"]
