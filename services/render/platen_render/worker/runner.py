"""Takes jobs from the queue, has them drawn, keeps the files and tells what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from secrets import token_hex, token_urlsafe
from typing import TypeVar

from platen_contracts.common import FileRef
from platen_contracts.render import RenderRequested
from platen_messaging.desk import Desk
from platen_messaging.faults import is_transient, told
from platen_messaging.health import Health
from platen_messaging.log import logger
from platen_messaging.waiting import Backoff
from platen_outside.objects import STORAGE_FAULTS

from platen_render.gateway import ObjectStore
from platen_render.model import DrawingFailed, FileMade, JobFact, State
from platen_render.store.queue import Asked, Claim, Queue
from platen_render.worker.assets import Assets
from platen_render.worker.figures import JOBS, OUTCOMES, SECONDS
from platen_render.worker.paint import assets_of
from platen_render.worker.pool import RenderPool
from platen_render.worker.problems import RenderProblem

T = TypeVar("T")
log = logger("worker")

RENDERER = f"platen-render {version('platen-render')}"

_LOST_LIMIT = 3
"""A job that so many have died with is not tried again."""

_TWINS = 200
"""Jobs that one file answers in one transaction."""

_TRY_AGAIN = "render it again; if it fails again, simplify the artwork"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `lease`: how soon the job of an instance that died is taken over. `patience`: how long a job in hand waits for
    the object store before it is put back for `put_back`. `grace`: what running jobs get when the service stops."""

    lease: float = 10
    poll: float = 0.25
    patience: float = 60
    put_back: float = 30
    grace: float = 20


class Runner:
    """One job more than there are workers is in hand, so that none waits for a file to be read or written."""

    def __init__(
        self,
        desk: Desk[State],
        queue: Queue,
        objects: ObjectStore,
        health: Health,
        new_pool: Callable[[], RenderPool],
        pace: Pace | None = None,
    ) -> None:
        self._desk, self._queue, self._objects, self._health = desk, queue, objects, health
        self._new_pool = new_pool
        self._pace = pace or Pace()
        self._assets = Assets(objects)
        self._in_hand: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in hand is finished, or put back when the grace is over."""
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
                JOBS.labels("waiting_for_artwork").set(counted.waiting_for_artwork)
                JOBS.labels("waiting").set(counted.waiting)
                JOBS.labels("drawing").set(counted.drawing)
            except Exception as failure:
                log.warning("leases not renewed", error=told(failure), exc_info=None if is_transient(failure) else failure)
            if pool.alive:
                self._health.clear("drawing processes")
            else:
                self._health.set("drawing processes", "they ended", "the next job starts new ones; if it goes on, see the log")
            await asyncio.sleep(self._pace.lease / 4)

    async def _work(self, claim: Claim, pool: RenderPool) -> None:
        """One job, to its end. Whatever goes wrong, the runner goes on."""
        try:
            with SECONDS.time():
                fact = await self._outcome(claim, pool)
                if fact is None:
                    await self._queue.expire(claim.lease)
                else:
                    await self._tell(claim, fact)
        except Exception as failure:
            passing = is_transient(failure) or isinstance(failure, STORAGE_FAULTS)
            log.warning("job put back", **_named(claim), error=told(failure), exc_info=None if passing else failure)
            try:
                await self._queue.release([claim.lease], timedelta(seconds=self._pace.put_back))
            except Exception as second:
                log.warning("job due when its lease ends", error=told(second), exc_info=None if passing else second)

    async def _outcome(self, claim: Claim, pool: RenderPool) -> JobFact | None:
        """None: the process that drew it died, which is not held against the job the first times."""
        if claim.drawn is not None:
            return _made(claim, claim.drawn.file)
        if claim.lost >= _LOST_LIMIT:
            return _failed(claim, "worker_died", None, _TRY_AGAIN)
        try:
            files = assets_of(claim.artwork, claim.request.side)
            assets = await self._patiently(lambda: self._assets.of(files))
            drawn = await self._draw(claim, pool, assets)
        except RenderProblem as problem:
            if problem.code == "worker_died":
                log.warning("a drawing process died", **_named(claim), lost=claim.lost + 1)
                return None
            return _failed(claim, problem.code, problem.field, problem.remedy)
        if isinstance(drawn, DrawingFailed):
            return drawn
        return _made(claim, await self._patiently(lambda: self._objects.put_by_content(drawn, claim.request.profile.media_type)))

    async def _draw(self, claim: Claim, pool: RenderPool, assets: dict[str, bytes]) -> bytes | DrawingFailed:
        request = claim.request
        try:
            return await pool.render(claim.artwork, request.side, request.answers, request.profile, assets)
        except (RenderProblem, OSError):
            raise
        except Exception as failure:  # noqa: BLE001  the words of an unknown failure may quote the buyer's: none are logged
            log.error("drawing failed in an unknown way", **_named(claim), kind=type(failure).__name__, places=_places(failure))
            return _failed(claim, "internal", None, "report it with the order's number; the service's log says where it failed")

    async def _tell(self, claim: Claim, fact: JobFact) -> None:
        """Also answers those who ask for the same file. Decided against the rows as they are now, so ids need no memory."""
        told_of: list[tuple[Asked, JobFact]] = [(claim, fact)]
        if isinstance(fact, FileMade):
            twins = await self._queue.twins(claim.request.input_hash, _TWINS)
            told_of += [(twin, _made(twin, fact.file)) for twin in twins]
        facts = [self._desk.fact(each, token_hex(16), each.key, asked.cause) for asked, each in told_of]
        await self._desk.apply(facts)
        outcome = "reused" if claim.drawn else fact.code if isinstance(fact, DrawingFailed) else "drawn"
        OUTCOMES.labels(outcome).inc()
        OUTCOMES.labels("reused").inc(len(told_of) - 1)
        log.info("answered", **_named(claim), outcome=outcome, others=len(told_of) - 1)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Tries again while the object store is away, as long as a job may be held in hand."""
        backoff = Backoff(0.5, 10)
        until = asyncio.get_running_loop().time() + self._pace.patience
        while True:
            try:
                result = await work()
            except STORAGE_FAULTS as failure:
                self._health.set("object store", told(failure), "see that it can be reached; jobs wait meanwhile")
                delay = backoff.next()
                if asyncio.get_running_loop().time() + delay > until:
                    raise
                await asyncio.sleep(delay)
            else:
                self._health.clear("object store")
                return result


def _about(request: RenderRequested) -> dict[str, str]:
    return {"request_id": request.request_id, "order_id": request.order_id, "item_id": request.item_id, "side": request.side}


def _named(asked: Asked) -> dict[str, str]:
    return {**_about(asked.request), "correlation_id": asked.cause.correlation_id or asked.cause.id}


def _made(asked: Asked, file: FileRef) -> FileMade:
    return FileMade.model_validate({**_about(asked.request), "file": file, "renderer": RENDERER, "token": token_urlsafe(32)})


def _failed(asked: Asked, code: str, field: str | None, remedy: str) -> DrawingFailed:
    return DrawingFailed.model_validate({**_about(asked.request), "code": code, "field": field, "remedy": remedy})


def _places(failure: BaseException) -> Sequence[str]:
    """Where in the drawing process it was raised: the frames, without the words."""
    return [line.strip() for line in str(failure.__cause__).splitlines() if line.startswith("  File ")]
