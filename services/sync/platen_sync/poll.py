"""Runs: asks shops that are due or that an operator wants synced, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from platen_contracts.catalog import Shop
from platen_contracts.message import Message
from platen_contracts.sync import SkippedOrder
from platen_messaging.desk import Desk, utcnow
from platen_messaging.waiting import wait
from platen_outside.failures import Failure, Throttled

from platen_sync.decide.facts import OrdersReread, PageRead, PollDue, RunFailed
from platen_sync.decide.hints import gone
from platen_sync.decide.runs import SHOP_PATIENCE
from platen_sync.gateway.lanes import ShopLanes
from platen_sync.gateway.shop import Absent, Page, ShopGateway, Unusable
from platen_sync.gateway.shops import Shops
from platen_sync.gateway.trouble import trouble_of
from platen_sync.model import Run, RunKind, SeenOrder, State
from platen_sync.store.due import Due, Kept

TICK_S = 0.5
STEP = 20
"""Orders that a reconciliation reads before it saves what it saw."""

LOOK_S = 1.0
"""How often a run that has to pause looks whether it was cancelled."""


class Poll:
    """Args: `per_page` orders are asked at once; `now` gives aware UTC times."""

    def __init__(self, desk: Desk[State], due: Due, shops: Shops, per_page: int, now: Callable[[], datetime] = utcnow) -> None:
        self._desk, self._due, self._shops, self._per_page, self._now = desk, due, shops, per_page, now
        self._lanes = ShopLanes("runs")

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What is under way then is begun again from its last saved page."""
        try:
            while not stop.is_set():
                await self._tick()
                await wait(stop, TICK_S)
        finally:
            await self._lanes.close()

    async def _tick(self) -> None:
        if due := await self._due.polls(self._now()):
            await self._desk.apply([self._desk.fact(PollDue(shop_id=shop_id), uuid4().hex, shop_id) for shop_id in due])
        for shop_id in await self._due.shops_with_runs(self._lanes.busy):
            self._lanes.start(shop_id, self._drive(shop_id))

    async def _drive(self, shop_id: str) -> None:
        while (open_run := await self._due.run_of(shop_id)) is not None:
            if open_run.shop is None:
                await self._await_shop(shop_id, open_run.run)
            else:
                await self._step(open_run.shop, open_run.run)

    async def _await_shop(self, shop_id: str, run: Run) -> None:
        if self._now() < run.began_at + SHOP_PATIENCE:
            return await asyncio.sleep(TICK_S)
        problem = f"unknown_shop: shop {shop_id!r} is not in the catalog; push it with `platen catalog push`, then start again"
        return await self._tell(shop_id, RunFailed(shop_id=shop_id, run_id=run.run_id, problem=problem))

    async def _step(self, shop: Shop, run: Run) -> None:
        gateway = await self._shops.gateway(shop)
        if isinstance(gateway, Unusable):
            await self._fail(shop, run, gateway)
        elif (pause := gateway.paused_for()) > 0:
            await asyncio.sleep(min(pause, LOOK_S))
        elif run.kind is RunKind.RECONCILE:
            await self._reread(gateway, shop, run)
        else:
            await self._page(gateway, shop, run)

    async def _page(self, gateway: ShopGateway, shop: Shop, run: Run) -> None:
        assert run.asked is not None, "a run of pages has always asked for one"
        read_at = self._now()
        page = await gateway.list_changed(run.asked, self._per_page)
        if not isinstance(page, Page):
            return await self._fail(shop, run, page)
        return await self._tell(
            shop.shop_id,
            PageRead(
                shop_id=shop.shop_id,
                run_id=run.run_id,
                asked=run.asked,
                per_page=self._per_page,
                read_at=read_at,
                modified=list(page.modified),
                orders=list(page.orders),
                unreadable=list(page.unreadable),
            ),
        )

    async def _reread(self, gateway: ShopGateway, shop: Shop, run: Run) -> None:
        step = await self._due.to_reconcile(shop.shop_id, run.passed, STEP)
        read_at = self._now()
        orders: list[SeenOrder] = []
        unreadable: list[SkippedOrder] = []
        for kept in step:
            seen = await _fetch(gateway, kept)
            match seen:
                case SeenOrder():
                    orders.append(seen)
                case None:
                    continue
                case Unusable(code, remedy):
                    unreadable.append(SkippedOrder(shop_order_id=kept.shop_order_id, code=code, remedy=remedy))
                case _:
                    return await self._fail(shop, run, seen)
        until = step[-1].shop_order_id if step else run.passed
        fact = OrdersReread(
            shop_id=shop.shop_id,
            run_id=run.run_id,
            passed=run.passed,
            until=until,
            read_at=read_at,
            orders=orders,
            unreadable=unreadable,
        )
        return await self._tell(shop.shop_id, fact)

    async def _fail(self, shop: Shop, run: Run, failure: Failure | Unusable) -> None:
        """A shop that asks for a pause only delays its run, and so does our own rate; anything else ends it."""
        if isinstance(failure, Throttled):
            return await asyncio.sleep(LOOK_S)
        problem = str(trouble_of(shop.shop_id, failure))
        return await self._tell(shop.shop_id, RunFailed(shop_id=shop.shop_id, run_id=run.run_id, problem=problem))

    async def _tell(self, shop_id: str, fact: Message) -> None:
        """Facts of a run name the step they took, so that a step told twice counts once; their ids need no memory."""
        await self._desk.apply([self._desk.fact(fact, uuid4().hex, shop_id)])


async def _fetch(gateway: ShopGateway, kept: Kept) -> SeenOrder | Unusable | Failure | None:
    """One that is gone counts as cancelled, as it looked last."""
    answer = await gateway.fetch(kept.shop_order_id)
    return gone(kept.seen) if isinstance(answer, Absent) else answer
