"""A member of a lane's consumer group: it joins, reads while nothing is in the way, and leaves with nothing in hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from . import metrics
from .desk import Desk
from .faults import is_kafka_fault, is_transient, told
from .health import Health
from .kafka import TOPIC_FAULTS, Consumer, KafkaError, Subscription
from .lane import Lane
from .log import logger
from .pauses import Pause
from .processor import Processor
from .records import Reader
from .settings import ServiceSettings
from .waiting import AWAY_SECONDS, Backoff, wait

S = TypeVar("S")
log = logger("lane")

_JOIN_SECONDS = 2.0
"""How long joining may take before it is looked for missing topics."""

_LOOK_SECONDS = 1.0
"""How often a lane looks at its lag and at whether it was paused or resumed."""

_ASK_SECONDS = 10.0
"""How often Kafka is asked something that takes a connection that works, and an answer."""

_ANSWER_SECONDS = 2.0

_LAST_COMMIT_SECONDS = 5.0
"""How long a member that leaves waits for its last offsets to be committed; those that are not cost a second look."""


class Member(Generic[S]):
    """Reads a lane until it is stopped; it waits while the lane is paused or Kafka is away.

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
        self._settings = settings
        self._health = health
        self._group = settings.group(service, lane.name)
        self._topics = [settings.topic_prefix + topic for topic in lane.topics]
        self._part = f"lane {lane.name}"
        self._subscription: Subscription | None = None
        self._pause = Pause(engine, lane.name, health)
        self._processor = Processor(lane, self._topics, engine, desk, reader, health, self._pause, behind, self._consumer)

    @property
    def in_place(self) -> bool:
        """Whether the database is known to be as new as what was read; where it is older, that is noted (`on_rewound`) before."""
        return self._processor.settled

    def _consumer(self) -> Consumer | None:
        return self._subscription and self._subscription.consumer

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until `stop` is set; then the batch in hand is finished and its offsets committed."""
        away, refused = Backoff(0.5, AWAY_SECONDS), Backoff(0.5, 5)
        while not stop.is_set():
            if await self._pause.is_paused():
                await wait(stop, _LOOK_SECONDS)
                continue
            self._subscription = self._subscribe()
            try:
                await self._join(self._subscription, stop)
            except Exception as failure:
                if not is_kafka_fault(failure):
                    raise
                self._tell_away(self._subscription, failure)
                await wait(stop, away.next())
                continue
            away.reset()
            try:
                refusal = await self._watch(self._subscription, stop)
            finally:
                await self._leave(self._subscription)
            if refusal is not None:
                self._tell_refused(refusal)
                await wait(stop, refused.next())

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
            2 * self._lane.max_records,
            self._processor.in_place,
            self._processor.handle,
            self._processor.revoked,
        )

    async def _leave(self, subscription: Subscription) -> None:
        self._health.clear(f"{self._part} reading")
        with self._processor.hurried():
            await self._processor.committed(_LAST_COMMIT_SECONDS)
            await subscription.stop()
        self._processor.left()

    def _tell_refused(self, refusal: KafkaError) -> None:
        log.warning("Kafka refuses a reading; the lane joins anew", lane=self._lane.name, error=repr(refusal))
        reason = f"Kafka at {self._settings.kafka} refuses a reading: {told(refusal)}"
        self._health.set(f"{self._part} reading", reason, "mend what it names; the lane joins anew until it is read")

    async def _watch(self, subscription: Subscription, stop: asyncio.Event) -> KafkaError | None:
        """Returns when the lane has to stop or pause, or with the refusal after which it has to join anew."""
        clock = asyncio.get_running_loop().time
        heard = clock()
        while not (stop.is_set() or self._pause.begun.is_set() or subscription.refused.done()):
            await self._report()
            if clock() - heard >= _ASK_SECONDS and await self._answers():
                heard = clock()
            stopping, pausing = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._pause.begun.wait())
            await asyncio.wait(
                {stopping, pausing, subscription.refused}, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            stopping.cancel()
            pausing.cancel()
            try:
                await self._pause.is_paused()
            except Exception as failure:
                if not is_transient(failure):
                    raise
        return subscription.refused.result() if subscription.refused.done() else None

    async def _answers(self) -> bool:
        """Whether Kafka tells this member where its partitions end."""
        consumer = self._consumer()
        partitions = list(consumer.assignment()) if consumer is not None else []
        part = f"{self._part} reading"
        if consumer is None or not partitions:
            self._health.clear(part)
            return True
        try:
            await asyncio.wait_for(consumer.end_offsets(partitions), _ANSWER_SECONDS)
        except (TimeoutError, KafkaError) as failure:
            reason = f"Kafka at {self._settings.kafka} does not answer: {told(failure)}"
            self._health.set(part, reason, "see that it runs; where it does and this stays, start the service anew")
            return False
        self._health.clear(part)
        return True

    async def _report(self) -> None:
        consumer = self._consumer()
        if consumer is None:
            return
        lag = 0
        # The last of them: a partition went to another member meanwhile.
        with contextlib.suppress(TimeoutError, KafkaError, AssertionError):
            async with asyncio.timeout(_LOOK_SECONDS):
                for partition in consumer.assignment():
                    end = consumer.highwater(partition)
                    if end is not None:
                        lag += max(0, end - await consumer.position(partition))
        metrics.LAG.labels(self._lane.name).set(lag)
        self._health.clear(self._part)
