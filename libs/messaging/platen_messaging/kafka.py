"""The narrow port to Kafka: all that is used of aiokafka and FastStream, typed. Nothing else here imports them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, Protocol, cast

from aiokafka import (  # pyright: ignore[reportMissingTypeStubs]
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.errors import (  # pyright: ignore[reportMissingTypeStubs]
    CorruptRecordException,
    IllegalStateError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)
from aiokafka.partitioner import (  # pyright: ignore[reportMissingTypeStubs]
    DefaultPartitioner,
    murmur2,  # pyright: ignore[reportUnknownVariableType]
)
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from . import foreign
from .log import logger
from .records import Record

__all__ = [
    "ROW_FAULTS",
    "TOPIC_FAULTS",
    "Consumer",
    "KafkaError",
    "Partition",
    "Producer",
    "ProducerFenced",
    "Subscription",
    "open_producer",
]

ROW_FAULTS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    CorruptRecordException,
    InvalidTimestampError,
    PolicyViolationError,
    UnsupportedForMessageFormatError,
)
"""Kafka will never take this record."""

TOPIC_FAULTS = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError, InvalidTopicError)
"""Kafka takes no record for this topic, until somebody makes it or lets us in."""

MAX_RECORD_BYTES = 2 * 1024 * 1024 + 64 * 1024
"""The largest record sent: a dead letter with its headers."""

foreign.install()
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
        if not await self._in_place(consumer):
            return ()
        try:
            found: Mapping[Partition, Sequence[Record]] = await consumer.getmany(
                timeout_ms=_POLL_MS, max_records=self._max_records
            )
        except KafkaError as failure:
            log.warning("Kafka refuses a reading; it is tried again", error=repr(failure))
            await asyncio.sleep(_AWAY_SECONDS)
            return ()
        return tuple(chain.from_iterable(found.values()))

    async def _received(self, message: KafkaMessage) -> None:
        await self._handle(cast("Sequence[Record]", message.raw_message))


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


async def _decode(message: KafkaMessage) -> KafkaMessage:
    return message


_TRANSACTION_MS = 60_000
"""Kafka wants to know it with the name; no transaction is ever begun."""

_OPEN_SECONDS = 30.0
"""Kafka makes its topic of transactions for the first name that it hears."""

_hash = lru_cache(maxsize=20_000)(cast("Callable[[bytes], int]", murmur2))


def _partitioner(key: bytes | None, partitions: list[int], available: list[int]) -> int:
    """Java's choice, as aiokafka makes it, but hashed once per key: an order's key goes to several topics again and again."""
    if key is None:
        return cast(int, DefaultPartitioner()(key, partitions, available))  # pyright: ignore[reportUnknownMemberType]
    return partitions[partition_of_key(key, len(partitions))]


def partition_of_key(key: bytes, count: int) -> int:
    """Which of `count` partitions the records of this key are in."""
    return (_hash(key) & 0x7FFFFFFF) % count


class Sendable(NamedTuple):
    """A record to be sent to a topic, its name with prefix."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Producer:
    """An idempotent producer that waits for all replicas."""

    def __init__(self, bootstrap: str) -> None:
        self._producer: Any = AIOKafkaProducer(
            bootstrap_servers=cast(Any, bootstrap.split(",")),
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=64 * 1024,
            max_request_size=MAX_RECORD_BYTES,
            partitioner=cast(Any, _partitioner),
        )
        self._requests: set[asyncio.Task[Any]] = set()
        self._keep_requests()

    async def send_all(self, records: Sequence[Sendable]) -> list[asyncio.Future[object]]:
        """Hands the records over in few batches. Each one's future ends when its batch is acknowledged, or fails with all of it.

        Records of a partition keep their order. One that is too large by itself fails alone.
        """
        partitions = {topic: sorted(await self._producer.partitions_for(topic)) for topic in {it.topic for it in records}}
        sending = _Sending(self._producer, partitions)
        try:
            for place, record in enumerate(records):
                sending.add(place, record)
            await sending.submit()
        except BaseException:
            abandon(sending.futures.values())
            raise
        return [sending.futures[place] for place in range(len(records))]

    async def knows(self, topic: str, seconds: float) -> bool:
        """True if the topic exists, as far as can be told in that time."""
        try:
            return bool(await asyncio.wait_for(self._producer.partitions_for(topic), seconds))
        except (*TOPIC_FAULTS, TimeoutError):
            return False

    async def close(self, seconds: float = 5.0) -> None:
        """Sends what was handed over if that takes no longer than `seconds`; after that nothing of it is ever sent."""
        closing = asyncio.ensure_future(self._producer.stop())
        await asyncio.wait({closing}, timeout=seconds)
        sending = self._producer._sender.sender_task
        if not closing.done() and sending is not None:
            # aiokafka's stop waits for the broker however long it takes, unless its sender has ended, and that for its requests.
            for task in (sending, *self._requests):
                task.cancel()
        with contextlib.suppress(KafkaError, asyncio.CancelledError):
            await closing
        # Or its flush would wait for ever for what nobody sends any more, and be complained of when it is destroyed.
        held = self._producer._message_accumulator
        for batch in chain(*held._batches.values(), held._pending_batches):
            batch.future.cancel()

    def _keep_requests(self) -> None:
        """Makes aiokafka's sender tell of the requests that are on their way."""
        sender = self._producer._sender
        request = sender._send_produce_req

        async def kept(node: int, batches: Any) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._requests.add(task)
            try:
                await request(node, batches)
            finally:
                self._requests.discard(task)

        sender._send_produce_req = kept


def abandon(futures: Iterable[asyncio.Future[object]]) -> None:
    """Waits for none of them any more; what they come to is nobody's concern."""
    for future in futures:
        if not (future.cancel() or future.cancelled()):
            future.exception()  # looked at, or asyncio would complain later


class _Sending:
    """Records on their way into batches. Handed over one by one, each would cost a future and a result of its own."""

    def __init__(self, producer: Any, partitions: Mapping[str, list[int]]) -> None:
        self._producer = producer
        self._partitions = partitions
        self._batches: list[tuple[str, int, Any, list[int]]] = []
        """Topic, partition, records, and the records' places: for each partition in the order of its records."""
        self._open: dict[tuple[str, int], tuple[Any, list[int]]] = {}
        self.futures: dict[int, asyncio.Future[object]] = {}
        """By the records' places."""

    def add(self, place: int, record: Sendable) -> None:
        # aiokafka takes no record without key and value; an empty key says the same.
        key = b"" if record.key is None and record.value is None else record.key
        if len(record.value or b"") + len(key or b"") > MAX_RECORD_BYTES:
            refused = self.futures[place] = asyncio.get_running_loop().create_future()
            refused.set_exception(MessageSizeTooLargeError(f"more than {MAX_RECORD_BYTES} bytes"))
            return
        partitions = self._partitions[record.topic]
        target = (record.topic, _partitioner(key, partitions, partitions))
        if target in self._open:
            builder, places = self._open[target]
            if builder.append(timestamp=None, key=key, value=record.value, headers=record.headers) is not None:
                places.append(place)
                return
        builder, places = self._producer.create_batch(), [place]
        builder.append(timestamp=None, key=key, value=record.value, headers=record.headers)
        self._open[target] = builder, places
        self._batches.append((*target, builder, places))

    async def submit(self) -> None:
        for topic, partition, builder, places in self._batches:
            future = await self._producer.send_batch(builder, topic, partition=partition)
            for place in places:
                self.futures[place] = future


async def open_producer(bootstrap: str, name: str) -> Producer:
    """A started producer, after which earlier ones of that name are fenced: of what they still hold, Kafka takes nothing.

    Each partition takes nothing older once the new one has written to it. `name` is a transactional id, used for that alone:
    asking for it raises the producer's epoch, and without it the records are sent as ever, outside any transaction.
    Raises `KafkaError` or `OSError` when no broker answers.
    """
    producer = Producer(bootstrap)
    inner = producer._producer  # pyright: ignore[reportPrivateUsage]
    try:
        inner._txn_manager.transactional_id = name
        inner._txn_manager.transaction_timeout_ms = _TRANSACTION_MS
        async with asyncio.timeout(_OPEN_SECONDS):
            await inner.start()
        inner._txn_manager.transactional_id = None
    except BaseException:
        await producer.close(0)
        raise
    return producer


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
