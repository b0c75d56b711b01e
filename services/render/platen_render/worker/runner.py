"""Takes jobs from the queue, has them drawn, keeps the files and tells what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from platen_messaging.desk import Desk
from platen_messaging.faults import is_transient, told
from platen_messaging.health import Health
from platen_messaging.log import logger
from platen_outside.objects import STORAGE_FAULTS

from platen_render.model import DrawingFailed, FileMade, JobFact, State
from platen_render.store.queue import Asked, Claim, Counted, Drawn, Queue
from platen_render.worker.figures import JOBS, OUTCOMES, SECONDS
from platen_render.worker.job import RENDERER, Busy, Jobs, made, named
from platen_render.worker.pool import RenderPool

log = logger("worker")

_TWINS = 200
"""Jobs that one file answers in one transaction."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `lease`: how soon the job of an instance that died is taken over. `patience`: how long a job in hand waits for
    the object store before it is put back for `put_back`; after a moment without the database it is due `soon`. `grace`: what
    running jobs get when the service stops. `tell`: how often a line says how far a long queue is."""

    lease: float = 10
    poll: float = 0.25
    patience: float = 60
    put_back: float = 30
    soon: float = 1
    grace: float = 20
    tell: float = 10


class Runner:
    """One job more than there are workers is in hand, so that none waits for a file to be read or written."""

    def __init__(
        self,
        desk: Desk[State],
        queue: Queue,
        jobs: Jobs,
        health: Health,
        new_pool: Callable[[], RenderPool],
        pace: Pace | None = None,
    ) -> None:
        self._desk, self._queue, self._jobs, self._health = desk, queue, jobs, health
        self._new_pool = new_pool
        self._pace = pace or Pace()
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._told_at, self._answered = 0.0, 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in hand is finished, or put back when the grace is over."""
        self._begin_telling()
        async with self._new_pool() as pool:
            keeper = asyncio.ensure_future(self._keep(pool))
            stopped = asyncio.ensure_future(stop.wait())
            try:
                while not stop.is_set():
                    await self._fill_patiently(pool)
                    await asyncio.wait(
                        {stopped, *self._in_hand.values()}, timeout=self._pace.poll, return_when=asyncio.FIRST_COMPLETED
                    )
                if self._in_hand:
                    await asyncio.wait(self._in_hand.values(), timeout=self._pace.grace)
            finally:
                stopped.cancel()
                keeper.cancel()
                await self._put_back()

    async def _fill_patiently(self, pool: RenderPool) -> None:
        """A database that is away for a moment does not end what is being drawn."""
        try:
            await self._fill(pool)
        except Exception as failure:
            if not is_transient(failure):
                raise
            self._health.set("job queue", told(failure), "see that the database runs; it is tried again")
        else:
            self._health.clear("job queue")

    async def _fill(self, pool: RenderPool) -> None:
        while len(self._in_hand) <= pool.workers:
            claim = await self._queue.claim(token_hex(16), timedelta(seconds=self._pace.lease), RENDERER)
            if claim is None:
                return
            task = self._in_hand[claim.lease] = asyncio.create_task(self._work(claim, pool))
            task.add_done_callback(lambda _, lease=claim.lease: self._in_hand.pop(lease, None))

    async def _put_back(self) -> None:
        leases, tasks = list(self._in_hand), list(self._in_hand.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if leases:
            await self._queue.release(leases)

    async def _keep(self, pool: RenderPool) -> None:
        """Renews the leases, looks after the pool, counts."""
        while True:
            try:
                if leases := list(self._in_hand):
                    await self._queue.renew(leases, timedelta(seconds=self._pace.lease))
                counted = await self._queue.counted()
                self._show(counted)
            except Exception as failure:
                log.warning("leases not renewed", error=told(failure), exc_info=None if is_transient(failure) else failure)
            if pool.alive:
                self._health.clear("drawing processes")
            else:
                self._health.set("drawing processes", "they ended", "the next job starts new ones; if it goes on, see the log")
            await asyncio.sleep(self._pace.lease / 4)

    def _show(self, counted: Counted) -> None:
        JOBS.labels("waiting_for_artwork").set(counted.waiting_for_artwork)
        JOBS.labels("waiting").set(counted.waiting)
        JOBS.labels("drawing").set(counted.drawing)
        passed = asyncio.get_running_loop().time() - self._told_at
        if counted.waiting > len(self._in_hand) and passed >= self._pace.tell:
            per_minute = round(self._answered / passed * 60)
            log.info("drawing", waiting=counted.waiting, in_hand=counted.drawing, shops=counted.shops, per_minute=per_minute)
            self._begin_telling()

    def _begin_telling(self) -> None:
        self._told_at, self._answered = asyncio.get_running_loop().time(), 0

    async def _work(self, claim: Claim, pool: RenderPool) -> None:
        """One job, to its end. Whatever goes wrong, the runner goes on."""
        try:
            with SECONDS.time():
                fact = await self._jobs.outcome(claim, pool)
                if fact is None:
                    await self._queue.expire(claim.lease)
                else:
                    await self._tell(claim, fact)
        except Busy:
            await self._queue.release([claim.lease], timedelta(seconds=self._pace.poll))
        except Exception as failure:
            passing = is_transient(failure) or isinstance(failure, STORAGE_FAULTS)
            log.warning("job put back", **named(claim), error=told(failure), exc_info=None if passing else failure)
            seconds = self._pace.put_back if isinstance(failure, STORAGE_FAULTS) or not passing else self._pace.soon
            try:
                await self._queue.release([claim.lease], timedelta(seconds=seconds))
            except Exception as second:
                log.warning("job due when its lease ends", error=told(second), exc_info=None if passing else second)

    async def _tell(self, claim: Claim, fact: JobFact) -> None:
        """Also answers those who ask for the same file. Decided against the rows as they are now, so ids need no memory."""
        told_of: list[tuple[Asked, JobFact]] = [(claim, fact)]
        if isinstance(fact, FileMade):
            drawn = Drawn(fact.file, fact.views, fact.warnings)
            twins = await self._queue.twins(claim.request.input_hash, _TWINS)
            told_of += [(twin, made(twin, drawn)) for twin in twins]
        facts = [self._desk.fact(each, token_hex(16), each.key, asked.cause) for asked, each in told_of]
        await self._desk.apply(facts)
        self._answered += len(facts)
        outcome = "reused" if claim.drawn else fact.code if isinstance(fact, DrawingFailed) else "drawn"
        OUTCOMES.labels(outcome).inc()
        OUTCOMES.labels("reused").inc(len(told_of) - 1)
        log.info("answered", **named(claim), outcome=outcome, others=len(told_of) - 1)
