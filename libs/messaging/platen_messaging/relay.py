"""The relay: sends what stands in the outbox, in order, once per service."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

from sqlalchemy.ext.asyncio import AsyncEngine

from . import metrics
from .databases import Driver, driver_of
from .faults import is_kafka_fault, is_transient, told
from .health import Health
from .log import logger
from .sending import Sender, Session
from .waiting import AWAY_SECONDS, Backoff, wait

log = logger("relay")

SILENT = 10.0
"""Seconds without a heartbeat after which another process ends the holder's database session."""

_BEAT = 1.0
_STANDBY = 1.0
_POLL_FIRST, _POLL_IDLE = 0.05, 0.2

_LOCK = 0x706C6174656E52  # "platenR"

# A queue's table is mostly rows that are gone. Its size tells the planner of many, so it would read all of it, twice a round:
# ten times a round's own work half a minute after the last vacuum. By its indexes it finds the few that are left.
_BY_INDEX = "set enable_seqscan = off"

# What the relay writes may be lost with the server's last moments: it is sent again then, in the same order, under the same ids.
_NO_WAIT = "set synchronous_commit = off"

_STAMP = """
insert into relay (holder, beat_at) values ($1, clock_timestamp())
on conflict (one) do update set holder = excluded.holder, beat_at = excluded.beat_at
"""

_IS_SILENT = "select coalesce((select beat_at < clock_timestamp() - make_interval(secs => $1) from relay), false)"

_DEPOSE = """
select count(pg_terminate_backend(pid)) from pg_locks
where locktype = 'advisory' and granted and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1
  and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()
"""

# A backlog of millions must not be counted every second.
_DEPTH = """
select (select count(*) from (select from outbox limit 100000) counted),
    coalesce(extract(epoch from clock_timestamp() - (select created_at from outbox order by id limit 1)), 0)::float8,
    (select count(*) from outbox where error is not null)
"""


class Relay:
    """Sends the outbox of one service's database while this process holds the lock; stands by otherwise.

    Args:
        bootstrap: Kafka.
        prefix: put before topic names.
        source: the `ce_source` of what is sent.
    """

    def __init__(self, engine: AsyncEngine, bootstrap: str, prefix: str, source: str, health: Health) -> None:
        self._engine = engine
        self._bootstrap = bootstrap
        self._health = health
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._woken = asyncio.Event()
        self._sender = Sender(bootstrap, prefix, source)

    @property
    def behind(self) -> bool:
        """Whether this process has more to send than a round takes; False where another sends."""
        return self._sender.behind

    def wake(self) -> None:
        """There is something in the outbox. Cheap; call it after any commit."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until `stop` is set; then a last time, as far as that goes at once."""
        backoff = Backoff(0.2, AWAY_SECONDS)
        try:
            while not stop.is_set():
                try:
                    await self._on_a_connection(stop, backoff)
                except Exception as failure:
                    if not is_transient(failure):
                        raise
                    self._health.set("relay", told(failure), "see that the database runs; it is tried again")
                    await wait(stop, backoff.next())
        finally:
            metrics.RELAY_HOLDER.set(0)
            await self._sender.close(seconds=5)

    async def _on_a_connection(self, stop: asyncio.Event, backoff: Backoff) -> None:
        async with self._engine.connect() as connection:
            driver = await driver_of(connection)
            try:
                if await self._take_over(driver, stop):
                    backoff.reset()
                    await self._hold(Session(driver), stop)
            finally:
                # The session ends with the lock it holds; the pool never hands it to anybody else.
                await connection.invalidate()

    async def _take_over(self, driver: Driver, stop: asyncio.Event) -> bool:
        """Waits until the lock is ours; False if stopped before."""
        silent_before = False
        while not await driver.fetchval("select pg_try_advisory_lock($1)", _LOCK):
            metrics.RELAY_HOLDER.set(0)
            self._health.clear("relay")
            silent = await driver.fetchval(_IS_SILENT, SILENT)
            # Twice in a row: a new holder takes a moment to stamp its first heartbeat.
            if silent and silent_before and await driver.fetchval(_DEPOSE, _LOCK):
                log.warning("relay holder was silent; its session is ended", seconds=SILENT)
            silent_before = bool(silent)
            if await wait(stop, _STANDBY):
                return False
        await driver.execute(_BY_INDEX)
        await driver.execute(_NO_WAIT)
        await driver.execute(_STAMP, self._holder)
        metrics.RELAY_HOLDER.set(1)
        log.info("relay sends", holder=self._holder)
        return True

    async def _hold(self, session: Session, stop: asyncio.Event) -> None:
        beat = asyncio.ensure_future(self._beat(session))
        try:
            await self._rounds(session, stop, beat)
            await self._flush(session)
        finally:
            # What was not acknowledged still stands in the outbox, for whoever holds the lock next.
            await self._sender.close()
            beat.cancel()
            with contextlib.suppress(BaseException):
                await beat

    async def _beat(self, session: Session) -> None:
        while True:
            async with session as driver:
                await driver.execute(_STAMP, self._holder)
                rows = await driver.fetch(_DEPTH)
            depth, age, parked = rows[0]
            metrics.OUTBOX_ROWS.set(depth)
            metrics.OUTBOX_AGE.set(age)
            metrics.OUTBOX_PARKED.set(parked)
            await asyncio.sleep(_BEAT)

    async def _rounds(self, session: Session, stop: asyncio.Event, beat: asyncio.Future[None]) -> None:
        """Rounds while there are rows, else a wait for a wake or a poll, until stopped. Raises what ended the heartbeat."""
        idle, troubled = Backoff(_POLL_FIRST, _POLL_IDLE), Backoff(0.5, AWAY_SECONDS)
        while not stop.is_set():
            if beat.done():
                await beat
            self._woken.clear()
            try:
                sent = await self._sender.round(session)
            except Exception as failure:
                if not is_kafka_fault(failure):
                    raise
                metrics.RELAY_FAILURES.inc()
                await self._sender.close()
                self._health.set(
                    "relay",
                    f"Kafka at {self._bootstrap}: {told(failure)}",
                    "see that it runs; nothing is lost meanwhile",
                )
                await wait(stop, troubled.next())
                continue
            troubled.reset()
            self._tell_held()
            if sent:
                idle.reset()
            else:
                await wait(self._woken, idle.next())

    async def _flush(self, session: Session) -> None:
        """What the last batches left, before this process ends."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(5):
                while await self._sender.round(session):
                    pass

    def _tell_held(self) -> None:
        if held := self._sender.held:
            reason = f"no such topic, or no right to write: {', '.join(held)}"
            self._health.set("relay", reason, "create the topics of the catalogue")
        else:
            self._health.clear("relay")


async def unpark(engine: AsyncEngine, topic: str | None = None) -> int:
    """Lets parked messages be tried again, of one topic or all; returns how many."""
    async with engine.begin() as tx:
        done = await tx.exec_driver_sql(
            "update outbox set error = null where error is not null and ($1::text is null or topic = $1)", (topic,)
        )
        return done.rowcount
