"""Rounds of the relay: rows of the outbox to Kafka, acknowledged, and moved to where the sent ones are kept."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from platen_contracts.envelope import Meta, encode_headers

from . import metrics
from .databases import Driver
from .faults import told
from .kafka import ROW_FAULTS, TOPIC_FAULTS, Producer, ProducerFenced, Sendable, abandon, open_producer
from .log import logger
from .outbox import unpack

log = logger("relay")

ROWS = 2000
BYTES = 16 * 1024 * 1024
"""Of values in one round: bounds memory, where `ROWS` bounds the time of a round."""

DEADLINE = 30.0
"""Seconds a round may take; then its producer is closed, so that nothing of it is sent later, behind our back."""

_HOLD_TOPIC = 5.0
_FIND_TOPIC = 3.0

_MOVED = """
sent as (delete from outbox where id = any($1::bigint[]) returning *),
moved as (
    insert into outbox_sent (id, message_id, topic, key, type, headers, value, created_at)
    select id, message_id, topic, key, type, headers, value, created_at from sent
)
"""

_MOVE = f"with {_MOVED} select"

# One round trip: what the last round sent is moved (the reading still sees it, and passes it over), and the next rows are read.
# Whatever rows are there, never "id above the last one": a smaller id may be committed later than a larger one.
# What is parked is few, and read once: joined row by row it would make a backlog cost its square.
_MOVE_AND_READ = f"""
with {_MOVED},
parked as materialized (select distinct topic, key from outbox where error is not null)
select id, message_id, topic, key, type, headers, value, created_at from (
    select o.*, sum(octet_length(value)) over (order by id) - coalesce(octet_length(value), 0) as before
    from (
        select * from outbox o
        where id <> all($1::bigint[]) and error is null and topic <> all($2::text[]) and not exists (
            select from parked where parked.topic = o.topic and parked.key is not distinct from o.key
        )
        order by id limit $3
    ) o
) o where coalesce(before, 0) < $4 order by id
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


def _arrived(future: asyncio.Future[object]) -> bool:
    return not future.cancelled() and future.exception() is None


def _count(sent: Sequence[_Row]) -> None:
    for topic, count in Counter(row.topic for row in sent).items():
        metrics.RELAY_SENT.labels(topic).inc(count)


class Session:
    """One database session, used by the rounds and by the heartbeat in turn."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._turn = asyncio.Lock()
        self.acknowledged: list[int] = []
        """Rows that Kafka has, still to be moved: the next reading takes them along. On another session, which may be one with
        a standby that took over, other rows may bear these ids; there they are sent again."""

    async def __aenter__(self) -> Driver:
        await self._turn.acquire()
        return self._driver

    async def __aexit__(self, *_: object) -> None:
        self._turn.release()


class Sender:
    """Sends rounds through one producer, made anew after anything went wrong.

    Args:
        bootstrap: Kafka.
        prefix: put before topic names.
        source: the `ce_source` of what is sent.
    """

    def __init__(self, bootstrap: str, prefix: str, source: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._source = source
        self._name = f"{prefix}{source}.relay"
        self._producer: Producer | None = None
        self._known: set[str] = set()
        self._held: dict[str, float] = {}
        self.behind = False
        """The outbox holds more than a round takes: who fills it fast lets it be emptied, and so nothing waits long in it."""

    @property
    def held(self) -> Sequence[str]:
        """Topics that take no records now, by their full names."""
        return sorted(self._prefix + topic for topic in self._held)

    async def round(self, session: Session) -> int:
        """Moves what the last round sent, and sends the next; returns how many rows were settled, 0 when all is done.

        Raises when Kafka or the database is away.
        """
        if self._producer is None:
            # Before the reading: who finds that the lock is still ours has fenced whoever held it before.
            self._producer = await open_producer(self._bootstrap, self._name)
        rows = await self._read(session)
        if not rows:
            self.behind = False
            return 0
        self.behind = len(rows) >= ROWS
        unknown = await self._unknown({row.topic for row in rows})
        rows = [row for row in rows if row.topic not in unknown]
        sent, failed = await self._send(self._producer, rows)
        session.acknowledged = [row.id for row in sent]
        _count(sent)
        if failed:
            # Whatever went wrong, the producer's sequence numbers may be off now.
            await self.close()
            await self._one_by_one(session, failed)
        return len(rows)

    async def _read(self, session: Session) -> Sequence[_Row]:
        now = time.monotonic()
        held = [topic for topic, until in self._held.items() if until > now]
        async with session as driver:
            read = await driver.fetch(_MOVE_AND_READ, session.acknowledged, held, ROWS, BYTES)
        session.acknowledged = []
        rows = [_Row._make(row) for row in read]
        # A topic whose rows are gone is nobody's trouble any more.
        wanted = {*held, *(row.topic for row in rows)}
        self._held = {topic: until for topic, until in self._held.items() if topic in wanted}
        return rows

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

    async def _send(self, producer: Producer, rows: Sequence[_Row]) -> tuple[list[_Row], list[_Row]]:
        """(acknowledged, failed), each in order. Raises `TimeoutError` at the deadline."""
        async with asyncio.timeout(DEADLINE):
            futures = await producer.send_all([self._sendable(row) for row in rows])
            try:
                for future in futures:
                    # Most are done when the first is, and many are the same: gathering them would cost a callback each.
                    if not future.done():
                        await asyncio.wait((future,))
            except BaseException:
                abandon(futures)
                raise
        for future in futures:
            if isinstance(fenced := future.exception(), ProducerFenced):
                raise fenced
        sent = [row for row, future in zip(rows, futures, strict=True) if _arrived(future)]
        failed = [row for row, future in zip(rows, futures, strict=True) if not _arrived(future)]
        return sent, failed

    def _sendable(self, row: _Row) -> Sendable:
        return Sendable(self._prefix + row.topic, row.value, row.key, self._headers(row))

    async def _one_by_one(self, session: Session, rows: Sequence[_Row]) -> None:
        """After a failure: the row that Kafka will never take is parked with all behind it of its topic and key."""
        parked: set[tuple[str, bytes | None]] = set()
        for row in rows:
            if (row.topic, row.key) in parked or row.topic in self._held:
                continue
            if self._producer is None:
                self._producer = await open_producer(self._bootstrap, self._name)
                async with session as driver:
                    await driver.execute("select 1")  # raises where the lock went to another, who is not to be fenced by us
            try:
                async with asyncio.timeout(DEADLINE):
                    (future,) = await self._producer.send_all([self._sendable(row)])
                    await future
            except ROW_FAULTS as failure:
                parked.add((row.topic, row.key))
                await self._park(session, row, told(failure))
                await self.close()
            except TOPIC_FAULTS:
                self._hold_topic(row.topic)
                await self.close()
            else:
                async with session as driver:
                    await driver.execute(_MOVE, [row.id])
                _count([row])

    async def _park(self, session: Session, row: _Row, error: str) -> None:
        async with session as driver:
            await driver.execute("update outbox set error = $2 where id = $1", row.id, error)
        key = (row.key or b"").decode("utf-8", "replace")
        log.error("a message cannot be sent; its key is parked", topic=row.topic, key=key, message=row.message_id, error=error)

    def _headers(self, row: _Row) -> Sequence[tuple[str, bytes | None]]:
        extensions = unpack(row.headers)
        if row.type is None:
            return extensions
        meta = Meta(row.message_id, row.type, self._source, (row.key or b"").decode(), row.created_at)
        return [*encode_headers(meta), *extensions]

    async def close(self, seconds: float = 0) -> None:
        """Drops the producer; what it still holds is sent within `seconds`, or never."""
        producer, self._producer, self.behind = self._producer, None, False
        self._known.clear()  # whatever went wrong, a topic may be gone: it is asked for before it can hold up the others
        if producer is not None:
            await producer.close(seconds)
