"""The relay: sends what stands in the outbox, in order, once per service."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from platen_contracts.envelope import Meta, encode_headers
from sqlalchemy.ext.asyncio import AsyncEngine

from . import metrics
from .databases import Driver, driver_of
from .faults import is_kafka_fault, is_transient, told
from .health import Health
from .kafka import ROW_FAULTS, TOPIC_FAULTS, Producer, open_producer
from .log import logger
from .outbox import unpack
from .waiting import Backoff, wait

log = logger("relay")

ROWS = 2000
BYTES = 16 * 1024 * 1024
"""Of values in one round: bounds memory, where `ROWS` bounds the time of a round."""

DEADLINE = 30.0
"""Seconds a round may take; then its producer is closed, so that nothing of it is sent later, behind our back."""

SILENT = 10.0
"""Seconds without a heartbeat after which another process ends the holder's database session."""

_BEAT = 1.0
_STANDBY = 1.0
_POLL_FIRST, _POLL_IDLE = 0.05, 0.2
_HOLD_TOPIC = 5.0
_FIND_TOPIC = 3.0

_LOCK = 0x706C6174656E52  # "platenR"

# Whatever rows are there, never "id above the last one": a smaller id may be committed later than a larger one.
_READ = """
select id, message_id, topic, key, type, headers, value, created_at from (
    select o.*, sum(octet_length(value)) over (order by id) - coalesce(octet_length(value), 0) as before
    from (
        select * from outbox o
        where error is null and topic <> all($1::text[]) and not exists (
            select from outbox parked
            where parked.error is not null and parked.topic = o.topic and parked.key is not distinct from o.key
        )
        order by id limit $2
    ) o
) o where coalesce(before, 0) < $3 order by id
"""

_MOVE = """
with sent as (delete from outbox where id = any($1::bigint[]) returning *)
insert into outbox_sent (id, message_id, topic, key, type, headers, value, created_at)
select id, message_id, topic, key, type, headers, value, created_at from sent
"""

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


class _Row(NamedTuple):
    id: int
    message_id: str
    topic: str
    key: bytes | None
    type: str | None
    headers: str
    value: bytes | None
    created_at: datetime


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
        self._prefix = prefix
        self._source = source
        self._health = health
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._woken = asyncio.Event()
        self._producer: Producer | None = None
        self._known: set[str] = set()
        self._held: dict[str, float] = {}

    def wake(self) -> None:
        """There is something in the outbox. Cheap; call it after any commit."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until `stop` is set; then a last time, as far as that goes at once."""
        backoff = Backoff(0.2, 5)
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
            await self._drop_producer(seconds=5)

    async def _on_a_connection(self, stop: asyncio.Event, backoff: Backoff) -> None:
        async with self._engine.connect() as connection:
            driver = await driver_of(connection)
            try:
                if await self._take_over(driver, stop):
                    backoff.reset()
                    await self._hold(_Shared(driver), stop)
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
        await driver.execute(_STAMP, self._holder)
        metrics.RELAY_HOLDER.set(1)
        log.info("relay sends", holder=self._holder)
        return True

    async def _hold(self, session: _Shared, stop: asyncio.Event) -> None:
        beat = asyncio.ensure_future(self._beat(session))
        try:
            while not stop.is_set():
                await self._round_or_wait(session, stop, beat)
            await self._flush(session)
        finally:
            beat.cancel()
            with contextlib.suppress(BaseException):
                await beat

    async def _beat(self, session: _Shared) -> None:
        while True:
            async with session as driver:
                await driver.execute(_STAMP, self._holder)
                rows = await driver.fetch(_DEPTH)
            depth, age, parked = rows[0]
            metrics.OUTBOX_ROWS.set(depth)
            metrics.OUTBOX_AGE.set(age)
            metrics.OUTBOX_PARKED.set(parked)
            await asyncio.sleep(_BEAT)

    async def _round_or_wait(self, session: _Shared, stop: asyncio.Event, beat: asyncio.Future[None]) -> None:
        """Rounds while there are rows; then waits for a wake or a poll."""
        idle, troubled = Backoff(_POLL_FIRST, _POLL_IDLE), Backoff(0.5, 5)
        while not stop.is_set():
            if beat.done():
                await beat
            self._woken.clear()
            try:
                sent = await self.round(session)
            except Exception as failure:
                if not is_kafka_fault(failure):
                    raise
                metrics.RELAY_FAILURES.inc()
                await self._drop_producer()
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

    async def _flush(self, session: _Shared) -> None:
        """What the last batches left, before this process ends."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(5):
                while await self.round(session):
                    pass

    async def round(self, session: _Shared) -> int:
        """Sends one round; returns how many rows were settled. Raises when Kafka or the database is away."""
        if self._producer is None:
            self._producer = await open_producer(self._bootstrap)
        rows = await self._read(session)
        if not rows:
            return 0
        unknown = await self._unknown({row.topic for row in rows})
        rows = [row for row in rows if row.topic not in unknown]
        sent, failed = await self._send(self._producer, rows)
        await self._moved(session, sent)
        if failed:
            # Whatever went wrong, the producer's sequence numbers may be off now.
            await self._drop_producer()
            await self._one_by_one(session, failed)
        return len(rows)

    async def _read(self, session: _Shared) -> Sequence[_Row]:
        now = time.monotonic()
        held = [topic for topic, until in self._held.items() if until > now]
        async with session as driver:
            return [_Row._make(row) for row in await driver.fetch(_READ, held, ROWS, BYTES)]

    async def _unknown(self, topics: set[str]) -> set[str]:
        """Topics that are not there are passed over for a while, and so do not hold up the others."""
        assert self._producer is not None
        unknown: set[str] = set()
        for topic in topics - self._known:
            if await self._producer.knows(self._prefix + topic, _FIND_TOPIC):
                self._known.add(topic)
                self._held.pop(topic, None)
            else:
                unknown.add(topic)
                self._hold_topic(topic)
        return unknown

    def _hold_topic(self, topic: str) -> None:
        self._known.discard(topic)
        self._held[topic] = time.monotonic() + _HOLD_TOPIC

    def _tell_held(self) -> None:
        if self._held:
            topics = ", ".join(sorted(self._prefix + topic for topic in self._held))
            self._health.set("relay", f"no such topic, or no right to write: {topics}", "create the topics of the catalogue")
        else:
            self._health.clear("relay")

    async def _send(self, producer: Producer, rows: Sequence[_Row]) -> tuple[list[_Row], list[_Row]]:
        """(acknowledged, failed), each in order. Raises `TimeoutError` at the deadline."""
        async with asyncio.timeout(DEADLINE):
            futures: list[asyncio.Future[object]] = []
            for row in rows:
                futures.append(await self._hand_over(producer, row))
            results = await asyncio.gather(*futures, return_exceptions=True)
        sent = [row for row, result in zip(rows, results, strict=True) if not isinstance(result, BaseException)]
        failed = [row for row, result in zip(rows, results, strict=True) if isinstance(result, BaseException)]
        return sent, failed

    async def _hand_over(self, producer: Producer, row: _Row) -> asyncio.Future[object]:
        try:
            return await producer.send(self._prefix + row.topic, row.value, row.key, self._headers(row))
        except ROW_FAULTS as failure:
            future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            future.set_exception(failure)
            return future

    async def _one_by_one(self, session: _Shared, rows: Sequence[_Row]) -> None:
        """After a failure: the row that Kafka will never take is parked with all behind it of its topic and key."""
        parked: set[tuple[str, bytes | None]] = set()
        for row in rows:
            if (row.topic, row.key) in parked or row.topic in self._held:
                continue
            if self._producer is None:
                self._producer = await open_producer(self._bootstrap)
            try:
                async with asyncio.timeout(DEADLINE):
                    await (await self._hand_over(self._producer, row))
            except ROW_FAULTS as failure:
                parked.add((row.topic, row.key))
                await self._park(session, row, told(failure))
                await self._drop_producer()
            except TOPIC_FAULTS:
                self._hold_topic(row.topic)
                await self._drop_producer()
            else:
                await self._moved(session, [row])

    async def _park(self, session: _Shared, row: _Row, error: str) -> None:
        async with session as driver:
            await driver.execute("update outbox set error = $2 where id = $1", row.id, error)
        key = (row.key or b"").decode("utf-8", "replace")
        log.error("a message cannot be sent; its key is parked", topic=row.topic, key=key, message=row.message_id, error=error)

    async def _moved(self, session: _Shared, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        async with session as driver:
            await driver.execute(_MOVE, [row.id for row in rows])
        for topic in {row.topic for row in rows}:
            metrics.RELAY_SENT.labels(topic).inc(sum(row.topic == topic for row in rows))

    def _headers(self, row: _Row) -> Sequence[tuple[str, bytes | None]]:
        extensions = unpack(row.headers)
        if row.type is None:
            return extensions
        meta = Meta(row.message_id, row.type, self._source, (row.key or b"").decode(), row.created_at)
        return [*encode_headers(meta), *extensions]

    async def _drop_producer(self, seconds: float = 0) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close(seconds)


async def unpark(engine: AsyncEngine, topic: str | None = None) -> int:
    """Lets parked messages be tried again, of one topic or all; returns how many."""
    async with engine.begin() as tx:
        done = await tx.exec_driver_sql(
            "update outbox set error = null where error is not null and ($1::text is null or topic = $1)", (topic,)
        )
        return done.rowcount


class _Shared:
    """One session, used by the rounds and by the heartbeat in turn."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Driver:
        await self._turn.acquire()
        return self._driver

    async def __aexit__(self, *_: object) -> None:
        self._turn.release()
