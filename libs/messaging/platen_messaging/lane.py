"""A lane: some topics read together by one consumer group, batch by batch."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from . import metrics, pauses
from .batches import Batches, GaveUp, Tally
from .desk import Desk, Store
from .faults import is_kafka_fault, is_transient, told
from .handlers import Handlers
from .health import Health
from .kafka import TOPIC_FAULTS, Consumer, KafkaError, Subscription, ends, partition_of, rewind
from .log import logger
from .places import Places, Rewound
from .records import Reader, Record
from .settings import ServiceSettings
from .waiting import Backoff, wait

S = TypeVar("S")
log = logger("lane")

MAX_BYTES = 8 * 1024 * 1024
"""Of values in one transaction."""

_JOIN_SECONDS = 2.0
"""How long joining may take before it is looked for missing topics."""

_BEHIND_SECONDS = 0.02
"""How often a lane with a backlog looks whether the relay has caught up."""

_LOOK_SECONDS = 1.0
"""How often a lane looks at its lag and at whether it was paused or resumed."""


@dataclass(frozen=True, slots=True)
class Lane(Generic[S]):
    """What to read and how to decide it.

    Attributes:
        name: with the service's name it makes the consumer group; renaming it reads everything again.
        topics: names in the catalogue.
        max_records: messages in one transaction.
        store: where its states are kept; default is the service's.
        keeps_place: in the database too (table `places`), so that one which is older than what was read is noticed: the lane
            reads again from there, and decisions are told which messages are doubted. `Service.in_place` tells when
            that is known.
        on_rewound: called then, in the transaction that notes it.
    """

    name: str
    topics: tuple[str, ...]
    handlers: Handlers[S]
    max_records: int = 500
    store: Store[S] | None = None
    keeps_place: bool = False
    on_rewound: Rewound | None = None


class LaneRun(Generic[S]):
    """A lane at work, until it is stopped; it waits while it is paused or Kafka is away.

    Args:
        behind: whether the relay has more to send than a round takes.
    """

    def __init__(
        self,
        lane: Lane[S],
        service: str,
        settings: ServiceSettings,
        engine: AsyncEngine,
        desk: Desk[S],
        reader: Reader,
        health: Health,
        behind: Callable[[], bool],
    ) -> None:
        self._lane = lane
        self._behind = behind
        self._group = settings.group(service, lane.name)
        self._settings = settings
        self._engine = engine
        self._health = health
        self._part = f"lane {lane.name}"
        self._hurry = asyncio.Event()
        self._in_hand = asyncio.Lock()
        self._topics = [settings.topic_prefix + topic for topic in lane.topics]
        self._places = Places(engine, lane.name, lane.on_rewound) if lane.keeps_place else None
        self._settled = self._places is None
        if self._places is not None:
            reader = dataclasses.replace(reader, doubts=self._places.doubts)
        self._batches = Batches(lane.name, desk, reader, health, self._hurry)
        self._bad = pauses.Bad()
        self._paused = asyncio.Event()
        self._verdict: str | None = None
        self._subscription: Subscription | None = None
        self._committing: asyncio.Future[None] | None = None

    @property
    def in_place(self) -> bool:
        """Whether the database is known to be as new as what was read; where it is older, that is noted (`on_rewound`) before."""
        return self._settled

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until `stop` is set; then the batch in hand is finished and its offsets committed."""
        backoff = Backoff(0.5, 5)
        while not stop.is_set():
            if await self._is_paused():
                await wait(stop, _LOOK_SECONDS)
                continue
            self._subscription = self._subscribe()
            try:
                await self._join(self._subscription, stop)
            except Exception as failure:
                if not is_kafka_fault(failure):
                    raise
                self._tell_away(self._subscription, failure)
                await wait(stop, backoff.next())
                continue
            backoff.reset()
            try:
                await self._watch(stop)
            finally:
                await self._leave(self._subscription)

    async def _join(self, subscription: Subscription, stop: asyncio.Event) -> None:
        """Returns as a member of the group, or when stopped. While a topic is missing, joining takes until it is there."""
        joining, stopping = asyncio.ensure_future(subscription.start()), asyncio.ensure_future(stop.wait())
        try:
            while not (joining.done() or stop.is_set()):
                await asyncio.wait({joining, stopping}, timeout=_JOIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not joining.done() and (missing := self._missing(subscription)):
                    self._tell_missing(missing)
            if joining.done():
                await joining
                log.info("lane reads", lane=self._lane.name, group=self._group, topics=self._lane.topics)
        finally:
            stopping.cancel()
            joining.cancel()
            with contextlib.suppress(asyncio.CancelledError, KafkaError, OSError):
                await joining

    def _missing(self, subscription: Subscription) -> list[str]:
        consumer = subscription.consumer
        return [] if consumer is None else [name for name in self._topics if not consumer.partitions_for_topic(name)]

    def _tell_missing(self, missing: Sequence[str]) -> None:
        self._health.set(self._part, f"no such topic: {', '.join(missing)}", "create the topics of the catalogue")

    def _tell_away(self, subscription: Subscription, failure: Exception) -> None:
        if isinstance(failure, TOPIC_FAULTS):
            self._tell_missing(self._missing(subscription) or self._lane.topics)
        else:
            reason = f"Kafka at {self._settings.kafka}: {told(failure)}"
            self._health.set(self._part, reason, "see that it runs; it is tried again")

    def _subscribe(self) -> Subscription:
        settings = self._settings
        return Subscription(
            settings.kafka,
            self._group,
            self._topics,
            settings.instance,
            self._lane.max_records,
            self._in_place,
            self._handle,
            self._revoked,
        )

    async def _leave(self, subscription: Subscription) -> None:
        self._hurry.set()
        try:
            await self._committed()
            await subscription.stop()
        finally:
            self._hurry.clear()

    async def _is_paused(self) -> bool:
        if self._verdict is not None:
            await pauses.pause(self._engine, self._lane.name, self._verdict)
            self._verdict = None
        reason = (await pauses.paused(self._engine)).get(self._lane.name)
        metrics.PAUSED.labels(self._lane.name).set(reason is not None)
        if self._verdict is not None:  # it came while the database was asked, and is written down at the next look
            return True
        if reason is None:
            if self._paused.is_set():
                self._paused.clear()
                self._bad.forgive()
            return False
        self._paused.set()
        self._health.set(self._part, f"paused: {reason}", "see the dead letters, mend the cause, then resume the lane")
        return True

    async def _watch(self, stop: asyncio.Event) -> None:
        """Returns when the lane has to stop or pause."""
        while not (stop.is_set() or self._paused.is_set()):
            await self._report()
            stopping, pausing = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._paused.wait())
            await asyncio.wait({stopping, pausing}, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            pausing.cancel()
            try:
                await self._is_paused()
            except Exception as failure:
                if not is_transient(failure):
                    raise

    async def _report(self) -> None:
        consumer = self._subscription and self._subscription.consumer
        if consumer is None:
            return
        lag = 0
        for partition in consumer.assignment():
            end = consumer.highwater(partition)
            if end is not None:
                with contextlib.suppress(TimeoutError, KafkaError):
                    lag += max(0, end - await asyncio.wait_for(consumer.position(partition), 1))
        metrics.LAG.labels(self._lane.name).set(lag)
        self._health.clear(self._part)

    async def _revoked(self) -> None:
        """Before partitions go to another member: the batch in hand ends first, retried no longer."""
        self._hurry.set()
        try:
            async with self._in_hand:
                await self._committed()
                if self._places is not None:
                    self._places.forget()
        finally:
            self._hurry.clear()

    async def _handle(self, records: Sequence[Record]) -> None:
        """One wrapper around everything: what escaped from here would take the batch with it."""
        async with self._in_hand:
            if self._places is not None and not self._places.known(map(partition_of, records)):
                self._back_to(records, records)  # their partitions came to this member during this very reading
                return
            if len(records) >= self._lane.max_records:
                # A backlog: it costs nobody time to wait for the relay, and would have a click's answer stand behind it there.
                while self._behind() and not await wait(self._hurry, _BEHIND_SECONDS):
                    pass
            for chunk in _chunks(records):
                if not await self._chunk(chunk):
                    self._back_to(records, chunk)
                    return

    async def _in_place(self, consumer: Consumer) -> bool:
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
                await self._committed()
                await places.find(consumer)
        self._settled = await places.settled(consumer, self._topics)
        if self._settled:
            self._health.clear(f"{self._part} members")
        else:
            reason = "the database was set back, and not every member of the group has found its place in it yet"
            self._health.set(f"{self._part} members", reason, "wait a moment, or see why another process does not join")

    def _tell_lost(self, failure: Exception) -> None:
        self._health.set(f"{self._part} place", told(failure), "mend the cause; it is tried again, and nothing counts twice")

    async def _chunk(self, records: Sequence[Record]) -> bool:
        """False: these are to be read again."""
        if self._paused.is_set():
            await asyncio.sleep(0.05)
            return False
        started = time.perf_counter()
        try:
            tally = await self._batches.settle(records)
            await self._committed()
            self._committing = asyncio.ensure_future(self._commit(records))
            if self._hurry.is_set():
                await self._committed()
        except GaveUp as reason:
            log.warning("batch given back", lane=self._lane.name, messages=len(records), reason=str(reason))
            return False
        except Exception as failure:
            log.error("batch failed as a whole", lane=self._lane.name, error=told(failure), exc_info=failure)
            await wait(self._hurry, 1)
            return False
        self._count(records, tally, time.perf_counter() - started)
        self._judge(records, tally)
        return True

    async def _committed(self) -> None:
        """Waits for the last batch's offsets; they are committed while the next one is decided, never more than one behind."""
        if self._committing is not None:
            await asyncio.wait((self._committing,))

    async def _commit(self, records: Sequence[Record]) -> None:
        """The transaction is committed: an offset that is not, costs only a second look, which the inbox ends."""
        consumer = self._subscription and self._subscription.consumer
        if consumer is None:
            return
        offsets = ends(records)
        try:
            if self._places is not None and not await self._places.keep(offsets):
                self._settled = False
                return
            await consumer.commit(offsets)
        except Exception as failure:
            if not (is_kafka_fault(failure) or is_transient(failure)):
                log.error("the lane's place was not kept", lane=self._lane.name, error=told(failure), exc_info=failure)
                self._tell_lost(failure)
                return
            log.info("offsets not committed; the inbox will know these messages", lane=self._lane.name, error=told(failure))
        else:
            self._health.clear(f"{self._part} place")

    def _back_to(self, records: Sequence[Record], chunk: Sequence[Record]) -> None:
        consumer = self._subscription and self._subscription.consumer
        if consumer is not None:
            rewind(consumer, records[records.index(chunk[0]) :])

    def _count(self, records: Sequence[Record], tally: Tally, seconds: float) -> None:
        name = self._lane.name
        for (topic, outcome), count in tally.counts.items():
            metrics.MESSAGES.labels(name, topic, outcome).inc(count)
        metrics.BATCH_SIZE.labels(name).observe(len(records))
        metrics.BATCH_SECONDS.labels(name).observe(seconds)
        log.debug("batch", lane=name, messages=len(records), seconds=round(seconds, 4))

    def _judge(self, records: Sequence[Record], tally: Tally) -> None:
        """Pauses at once; `_is_paused` writes it down."""
        self._bad.count(records, tally.buried)
        if (verdict := self._bad.verdict) is not None:
            self._verdict = verdict
            self._paused.set()


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """In order, each of at most `MAX_BYTES` (or of one record)."""
    start, size = 0, 0
    for place, record in enumerate(records):
        size += len(record.value or b"")
        if size > MAX_BYTES and place > start:
            yield records[start:place]
            start, size = place, len(record.value or b"")
    yield records[start:]


AnyLane = Lane[Any]
