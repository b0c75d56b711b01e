"""Finds orders whose next look is due, and has each decided once, whichever process finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from platen_messaging.desk import Desk, utcnow
from platen_messaging.faults import is_transient
from platen_messaging.log import logger
from platen_messaging.outcome import Ignored, Outcome
from platen_messaging.waiting import wait
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_orders.decide.timers import TimerDue
from platen_orders.model import Entry
from platen_orders.store import OrdersStore

log = logger("poll")

TICK_S = 1.0
AT_ONCE = 200
LEASE = timedelta(seconds=60)
"""A process that died over timers that it claimed holds them up for so long."""

# Due by the clock of whoever asks; leases end by the database's, the only one that all share.
_CLAIM = """
with due as (
    select order_id from timers where due_at <= $1 and (leased_until is null or leased_until <= now())
    order by due_at limit $2 for update skip locked
)
update timers set leased_until = now() + $3::interval from due
where timers.order_id = due.order_id returning timers.order_id, timers.due_at
"""

# Orders that were made before their shop was known, now that it is; nobody needs to know which of the two came first.
_WAKE = """
insert into timers (order_id, due_at)
select id, $1 from orders
where waits && (select coalesce(array_agg('shop:' || shop_id), '{}') from shops)
    and not exists (select from timers where order_id = orders.id and due_at <= $1)
limit $2
on conflict (order_id) do update set due_at = least(timers.due_at, excluded.due_at), leased_until = null
"""

_DROP = "delete from timers using unnest($1::text[], $2::timestamptz[]) as row (id, due) where order_id = id and due_at = due"


class Poll:
    """Args: `now` gives aware UTC times."""

    def __init__(self, engine: AsyncEngine, desk: Desk[Entry], store: OrdersStore, now: Callable[[], datetime] = utcnow) -> None:
        self._engine, self._desk, self._store, self._now = engine, desk, store, now

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            if await self.tick() < AT_ONCE:
                await wait(stop, TICK_S)

    async def tick(self) -> int:
        """Has what is due now decided; returns how many orders that were."""
        now = self._now()
        async with self._engine.begin() as tx:
            await self._store.read_shops(tx)
            await tx.exec_driver_sql(_WAKE, (now, AT_ONCE))
            claimed = (await tx.exec_driver_sql(_CLAIM, (now, AT_ONCE, LEASE))).all()
        due = [TimerDue(order_id=row.order_id, due_at=row.due_at) for row in claimed]
        if due:
            outcomes = await self._decided(due)
            await self._drop([fact for fact, outcome in zip(due, outcomes, strict=True) if isinstance(outcome, Ignored)])
        return len(due)

    async def _decided(self, due: Sequence[TimerDue]) -> Sequence[Outcome[Entry] | None]:
        """Together; or, where one of them cannot be, each by itself. None: that one; it is tried again after its lease."""
        facts = [self._desk.fact(fact, fact.id, fact.order_id) for fact in due]
        try:
            return await self._desk.apply(facts)
        except Exception as failure:
            if is_transient(failure):
                raise
            if len(due) == 1:
                log.error("an order whose time has come could not be decided", order=due[0].order_id, exc_info=failure)
                return [None]
        return [outcome for fact in due for outcome in await self._decided([fact])]

    async def _drop(self, over: Sequence[TimerDue]) -> None:
        """Of an order that is gone, or decided already by a process that died before its lease ended."""
        if over:
            async with self._engine.begin() as tx:
                await tx.exec_driver_sql(_DROP, ([it.order_id for it in over], [it.due_at for it in over]))
