"""What a lane reads, processed: each batch in a transaction, after that its offsets; or it is read again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Generic, TypeVar
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncEngine

from . import metrics
from .batches import Batches, GaveUp, Tally
from .desk import Desk
from .faults import is_kafka_fault, is_transient, told
from .health import Health
from .kafka import Consumer, Partition, ends, partition_of, rewind
from .lane import Lane
from .log import logger
from .pauses import Pause
from .places import Places
from .records import Reader, Record
from .waiting import wait

S = TypeVar("S")
log = logger("lane")

MAX_BYTES = 8 * 1024 * 1024
"""Of values in one transaction."""

_COMMIT_SECONDS = 0.2
"""How long handled offsets wait to be committed with those of the batches behind them."""

_BEHIND_SECONDS = 0.02
"""How often a lane with a backlog looks whether the relay has caught up."""

_CATCH_UP_SECONDS = 2.0
"""How long one batch waits for that: others may fill the outbox as fast as it is emptied, and none may stand still for them."""


class Processor(Generic[S]):
    """Processes what a lane reads; `in_place`, `handle` and `revoked` are what its `Subscription` calls.

    Args:
        topics: real names, prefix included.
        behind: whether the relay has more to send than a round takes.
        consumer: gives the one that reads; None while there is none.
    """

    def __init__(
        self,
        lane: Lane[S],
        topics: Sequence[str],
        engine: AsyncEngine,
        desk: Desk[S],
        reader: Reader,
        health: Health,
        pause: Pause,
        behind: Callable[[], bool],
        consumer: Callable[[], Consumer | None],
    ) -> None:
        self._lane = lane
        self._topics = topics
        self._health = health
        self._pause = pause
        self._behind = behind
        self._consumer = consumer
        self._part = f"lane {lane.name}"
        self._hurry = asyncio.Event()
        self._in_hand = asyncio.Lock()
        self._places = Places(engine, lane.name, lane.on_rewound) if lane.keeps_place else None
        self._settled = self._places is None
        if self._places is not None:
            reader = dataclasses.replace(reader, doubts=self._places.doubts)
        self._batches = Batches(lane.name, desk, reader, health, self._hurry)
        self._handled: dict[Partition, int] = {}
        self._committing: asyncio.Future[None] | None = None
        self._commit_now = asyncio.Event()

    @property
    def settled(self) -> bool:
        """Whether the database is known to be as new as what was read; where it is older, that is noted (`on_rewound`) before."""
        return self._settled

    async def in_place(self, consumer: Consumer) -> bool:
        """Before each reading, since a batch that is on its way while its partition is set back would be handled too early."""
        if self._places is None or (self._settled and self._places.known(consumer.assignment())):
            return True
        try:
            await self._find(self._places, consumer)
        except Exception as failure:
            if not (is_transient(failure) or is_kafka_fault(failure)):
                log.error("the lane's place was not found", lane=self._lane.name, error=told(failure), exc_info=failure)
                self._tell_lost(failure)
        else:
            self._health.clear(f"{self._part} place")
            return True
        await wait(self._hurry, 0.5)
        return False

    async def _find(self, places: Places, consumer: Consumer) -> None:
        if not places.known(consumer.assignment()):
            async with self._in_hand:
                await self.committed()
                await places.find(consumer)
        settled = await places.settled(consumer, self._topics)
        # Asked again: a batch that ended meanwhile may have found the database set back.
        self._settled = settled and places.known(consumer.assignment())
        if self._settled:
            self._health.clear(f"{self._part} members")
        else:
            reason = "the database was set back, and not every member of the group has found its place in it yet"
            self._health.set(f"{self._part} members", reason, "wait a moment, or see why another process does not join")

    def _tell_lost(self, failure: Exception) -> None:
        self._health.set(f"{self._part} place", told(failure), "mend the cause; it is tried again, and nothing counts twice")

    async def handle(self, records: Sequence[Record]) -> None:
        """One wrapper around everything: what escaped from here would take the batch with it."""
        async with self._in_hand:
            if self._places is not None and not self._places.known(map(partition_of, records)):
                self._back_to(records, records)  # their partitions came to this member during this very reading
                return
            if len(records) >= self._lane.max_records:
                # A backlog: it costs nobody time to wait for the relay, and would have a click's answer stand behind it there.
                until = time.monotonic() + _CATCH_UP_SECONDS
                while self._behind() and time.monotonic() < until and not await wait(self._hurry, _BEHIND_SECONDS):
                    pass
            for chunk in _chunks(records):
                if not await self._chunk(chunk):
                    self._back_to(records, chunk)
                    return

    async def _chunk(self, records: Sequence[Record]) -> bool:
        """False: these are to be read again."""
        if self._pause.begun.is_set():
            await asyncio.sleep(0.05)
            return False
        started = time.perf_counter()
        try:
            tally = await self._settle(records)
            self._handled |= ends(records)
            if self._committing is None or self._committing.done():
                self._committing = asyncio.ensure_future(self._commit_soon())
            if tally.buried or self._hurry.is_set() or self._places is not None:
                await self.committed()
        except GaveUp as reason:
            log.warning("batch given back", lane=self._lane.name, messages=len(records), reason=str(reason))
            return False
        except Exception as failure:
            log.error("batch failed as a whole", lane=self._lane.name, error=told(failure), exc_info=failure)
            await wait(self._hurry, 1)
            return False
        self._count(records, tally, time.perf_counter() - started)
        self._pause.judge(records, tally.buried)
        return True

    async def _settle(self, records: Sequence[Record]) -> Tally:
        """A backlog is settled in two transactions side by side: one is decided while the database is busy with the other."""
        if len(records) <= self._lane.max_records:
            return await self._batches.settle(records)
        whole = Tally()
        halves = [self._settle_in_turn(half, whole) for half in _halves(records)]
        for failure in await asyncio.gather(*halves, return_exceptions=True):
            if isinstance(failure, BaseException):
                raise failure  # all are read again: what the other half settled the inbox knows, its dead letters go out twice
        return whole

    async def _settle_in_turn(self, records: Sequence[Record], whole: Tally) -> None:
        """One half may hold nearly all, where most are of one key."""
        for start in range(0, len(records), self._lane.max_records):
            tally = await self._batches.settle(records[start : start + self._lane.max_records])
            whole.counts += tally.counts
            whole.buried += tally.buried

    async def _commit_soon(self) -> None:
        """The transactions are committed: an offset that is not, costs only a second look, which the inbox ends."""
        await wait(self._commit_now, _COMMIT_SECONDS)
        while self._handled:
            offsets, self._handled = self._handled, {}
            await self._commit(offsets)

    async def _commit(self, offsets: Mapping[Partition, int]) -> None:
        consumer = self._consumer()
        if consumer is None:
            return
        try:
            if self._places is not None and not await self._places.keep(offsets):
                self._settled = False
                return
            # With one that is not ours any more, Kafka's client would refuse all.
            if ours := {one: offset for one, offset in offsets.items() if one in consumer.assignment()}:
                await consumer.commit(ours)
        except Exception as failure:
            if self._places is not None:
                self._places.look_again()  # the database may have been replaced by one that lacks what was just handled
            if not (is_kafka_fault(failure) or is_transient(failure)):
                log.error("the lane's place was not kept", lane=self._lane.name, error=told(failure), exc_info=failure)
                self._tell_lost(failure)
                return
            log.info("offsets not committed; the inbox will know these messages", lane=self._lane.name, error=told(failure))
        else:
            self._health.clear(f"{self._part} place")

    def _back_to(self, records: Sequence[Record], chunk: Sequence[Record]) -> None:
        consumer = self._consumer()
        if consumer is not None:
            rewind(consumer, records[records.index(chunk[0]) :])

    def _count(self, records: Sequence[Record], tally: Tally, seconds: float) -> None:
        name = self._lane.name
        for (topic, outcome), count in tally.counts.items():
            metrics.MESSAGES.labels(name, topic, outcome).inc(count)
        metrics.BATCH_SIZE.labels(name).observe(len(records))
        metrics.BATCH_SECONDS.labels(name).observe(seconds)
        log.debug("batch", lane=name, messages=len(records), seconds=round(seconds, 4))

    @contextlib.contextmanager
    def hurried(self) -> Generator[None]:
        """Meanwhile the batch in hand is retried no longer, and ends with its offsets committed."""
        self._hurry.set()
        try:
            yield
        finally:
            self._hurry.clear()

    async def revoked(self) -> None:
        """Before partitions go to another member: the batch in hand ends first."""
        with self.hurried():
            async with self._in_hand:
                await self.committed()
                if self._places is not None:
                    self._places.forget()

    async def committed(self, seconds: float | None = None) -> None:
        """Commits the offsets of all that was handled, now, and waits for that (at most so long)."""
        if self._committing is not None:
            self._commit_now.set()
            await asyncio.wait((self._committing,), timeout=seconds)
            self._commit_now.clear()

    def left(self) -> None:
        """The member has left its group: what it has not committed by now it cannot, and aiokafka would try for ever."""
        if self._committing is not None:
            self._committing.cancel()
        self._committing, self._handled = None, {}
        self._commit_now.clear()


def _halves(records: Sequence[Record]) -> Sequence[Sequence[Record]]:
    """In order, all records of a key in one of them."""
    halves: tuple[list[Record], list[Record]] = ([], [])
    for record in records:
        halves[crc32(record.key or b"") % 2].append(record)
    return [half for half in halves if half]


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """In order, each of at most `MAX_BYTES` (or of one record)."""
    start, size = 0, 0
    for place, record in enumerate(records):
        size += len(record.value or b"")
        if size > MAX_BYTES and place > start:
            yield records[start:place]
            start, size = place, len(record.value or b"")
    yield records[start:]
