"""An idempotent producer: batches of one partition each, and no other producer of its name beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, cast

from aiokafka import AIOKafkaProducer  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import MessageSizeTooLargeError  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.partitioner import (  # pyright: ignore[reportMissingTypeStubs]
    DefaultPartitioner,
    murmur2,  # pyright: ignore[reportUnknownVariableType]
)

from .errors import TOPIC_FAULTS, KafkaError

MAX_RECORD_BYTES = 2 * 1024 * 1024 + 64 * 1024
"""The largest record sent: a dead letter with its headers."""

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
