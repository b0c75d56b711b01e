"""A member of a consumer group: what it reads, how far it came, and where it reads again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol, cast

from aiokafka import ConsumerRebalanceListener, TopicPartition  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import ConsumerStoppedError, IllegalStateError  # pyright: ignore[reportMissingTypeStubs]
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from platen_messaging.log import logger
from platen_messaging.records import Record

from .errors import KafkaError

log = logger("kafka")

_FETCH_BYTES = 8 * 1024 * 1024
_PARTITION_FETCH_BYTES = 512 * 1024
_POLL_MS = 200
"""How long is waited for records at a time; they are handed over as soon as there are any."""

_AWAY_SECONDS = 0.5
"""Between two looks whether Kafka is back."""

_SESSION_MS = 10_000
_HEARTBEAT_MS = 1_000
_REBALANCE_MS = 60_000
_MAX_POLL_MS = 300_000
_DRAIN_SECONDS = 25.0
"""How long a stop waits for the batch in hand: less than the 30 s that orchestrators give."""


class Partition(Protocol):
    """A topic (with its prefix) and a number."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


def partition_of(record: Record) -> Partition:
    return cast(Partition, TopicPartition(record.topic, record.partition))


def partitions_of(topic: str, consumer: Consumer) -> list[Partition]:
    """All of the topic, whoever reads them; none as long as the consumer has not heard of it."""
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    return [cast(Partition, TopicPartition(topic, number)) for number in numbers]


class Consumer(Protocol):
    """A member of a consumer group."""

    def assignment(self) -> set[Partition]: ...
    def highwater(self, partition: Partition) -> int | None: ...
    async def position(self, partition: Partition) -> int: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    def seek(self, partition: Partition, offset: int) -> None: ...
    async def committed(self, partition: Partition) -> int | None: ...
    async def beginning_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]: ...
    async def end_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]: ...
    async def commit(self, offsets: Mapping[Partition, int]) -> None: ...


def rewind(consumer: Consumer, records: Iterable[Record]) -> None:
    """Makes the consumer read these records again, where their partitions are still its own."""
    earliest: dict[Partition, int] = {}
    for record in records:
        partition = partition_of(record)
        earliest[partition] = min(record.offset, earliest.get(partition, record.offset))
    for partition, offset in earliest.items():
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, offset)


def ends(records: Iterable[Record]) -> dict[Partition, int]:
    """The offsets to commit once all these records are done."""
    offsets: dict[Partition, int] = {}
    for record in records:
        partition = partition_of(record)
        offsets[partition] = max(record.offset + 1, offsets.get(partition, 0))
    return offsets


class Subscription:
    """One member of one consumer group, fed by a FastStream batch subscriber with nothing but raw records.

    Args:
        topics: real names, prefix included. They must exist: nothing is created.
        instance: makes the membership static.
        in_place: awaited before each reading, when all that was read before is handled; False: nothing is read yet.
        handle: gets each batch, commits what it finished, and must not raise.
        revoked: awaited before partitions are shared out anew, at the first joining too.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Iterable[str],
        instance: str | None,
        max_records: int,
        in_place: Callable[[Consumer], Awaitable[bool]],
        handle: Callable[[Sequence[Record]], Awaitable[None]],
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self.refused: asyncio.Future[KafkaError] = asyncio.get_running_loop().create_future()
        """Why this member reads no more. What aiokafka had taken from other partitions in the same reading is gone with the
        refusal, and some come again with every reading: only a new member begins where everything was handled."""
        self._in_place = in_place
        self._handle = handle
        self._max_records = max_records
        self._broker = KafkaBroker(
            bootstrap.split(","),
            client_id=group,
            consumer_only=True,
            allow_auto_create_topics=False,
            graceful_timeout=_DRAIN_SECONDS,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
            apply_types=False,
        )
        self._subscriber = self._broker.subscriber(
            *topics,
            batch=True,
            group_id=group,
            group_instance_id=instance,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            max_records=max_records,
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            rebalance_timeout_ms=_REBALANCE_MS,
            max_poll_interval_ms=_MAX_POLL_MS,
            listener=_Listener(revoked),
            parser=_parse,
            decoder=_decode,
        )
        self._subscriber(self._received)
        cast(Any, self._subscriber).get_msg = self._next

    @property
    def consumer(self) -> Consumer | None:
        """None until started and after stopped."""
        return cast("Consumer | None", self._subscriber.consumer)

    async def start(self) -> None:
        """Joins the group. Raises `KafkaError` or `OSError` at once when no broker answers; then nothing is left open."""
        try:
            await self._broker.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Fetches no more, waits for the batch in hand, leaves the group."""
        await self._broker.stop()

    async def _next(self, consumer: Any) -> tuple[Record, ...]:
        """In place of FastStream's, which sleeps as long as it waited when there was nothing, and 5 s when Kafka is away."""
        if self.refused.done():
            await asyncio.sleep(_AWAY_SECONDS)
            return ()
        if not await self._in_place(consumer):
            return ()
        consumer.resume(*consumer.paused())
        try:
            found: Mapping[Partition, Sequence[Record]] = await consumer.getmany(
                timeout_ms=_POLL_MS, max_records=self._max_records
            )
        except ConsumerStoppedError:
            raise
        except Exception as failure:  # noqa: BLE001  whatever it is, what was taken of other partitions with it is gone
            self._refuse(failure)
            return ()
        if not found and (fetching := consumer._fetcher.error_future).done() and not fetching.cancelled():
            self._refuse(fetching.exception() or KafkaError("it fetches no more"))
        records = tuple(chain.from_iterable(found.values()))
        if 0 < len(records) < self._max_records:
            # aiokafka would fetch at once whatever few have come since, and no more until those are taken: what comes while
            # a batch is in hand would wait for the next but one. Of a backlog, the next records are fetched meanwhile.
            consumer.pause(*consumer.assignment())
        return records

    def _refuse(self, failure: BaseException) -> None:
        self.refused.set_result(failure if isinstance(failure, KafkaError) else KafkaError(repr(failure)))

    async def _received(self, records: Any) -> None:  # a closer type would have FastStream make a model of it
        await self._handle(cast("Sequence[Record]", records))


class _Listener(ConsumerRebalanceListener):
    # aiokafka awaits what these return, whatever its signatures say.
    def __init__(self, revoked: Callable[[], Awaitable[None]]) -> None:
        self._revoked = revoked

    async def on_partitions_revoked(self, revoked: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        await self._revoked()

    async def on_partitions_assigned(self, assigned: Any) -> None: ...  # pyright: ignore[reportIncompatibleMethodOverride]


class _NoConsumer:
    """FastStream's acknowledgements are not used; offsets are committed explicitly."""

    async def commit(self) -> None: ...
    def seek(self, partition: Any, offset: int) -> None: ...


async def _parse(records: Any) -> KafkaMessage:
    """Takes records as they are: FastStream's own parser loses a whole batch over one header that is not UTF-8."""
    return KafkaMessage(raw_message=records, body=b"", consumer=_NoConsumer())


async def _decode(message: KafkaMessage) -> Any:
    """The records. FastStream keeps what is decoded in the message: were that the message, each batch would be a cycle."""
    return message.raw_message
