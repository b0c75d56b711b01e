"""Kafka as a person at a terminal uses it: send commands and documents, follow topics from their beginning."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from platen_contracts.envelope import Meta, Undecodable, decode_headers, decode_value, encode, encode_headers
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE

from platen_cli.errors import Unreachable


def json_object(value: bytes | None) -> dict[str, Any]:
    """The value of a record as a JSON object; empty where it is none. Anybody may have written it, so it may be anything."""
    try:
        found = json.loads(value or b"null")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


class Sender:
    """`async with Sender(…) as sender: await sender.send(topic, key, message, id, now)`; returns when Kafka has it.

    Raises `Unreachable` where no broker answers.
    """

    def __init__(self, bootstrap: str, topic_prefix: str = "", source: str = "/platen/cli") -> None:
        self._bootstrap = bootstrap
        self._prefix = topic_prefix
        self._source = source

    async def __aenter__(self) -> Self:
        self._producer: Any = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
        await _start(self._producer, self._bootstrap)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._producer.stop()

    async def send(
        self, topic: str, key: str, message: Message, message_id: str, now: datetime, *, replay_of: str | None = None
    ) -> None:
        meta = Meta(id=message_id, type=message.TYPE, source=self._source, subject=key, time=now, replay_of=replay_of)
        await self._producer.send_and_wait(self._prefix + topic, encode(message), key=key.encode(), headers=encode_headers(meta))


@dataclass(frozen=True, slots=True)
class Seen:
    """A record read back. `topic` is the catalogue's name; `message` None is a tombstone."""

    topic: str
    key: str
    meta: Meta | None
    message: Message | None
    value: bytes = b""


async def follow(
    bootstrap: str, topics: Sequence[str], topic_prefix: str = "", *, from_start: bool = True
) -> AsyncIterator[Seen]:
    """Every record of the topics, old ones first, without a group; ends when its task is cancelled.

    Records that are not Platen's (or of a version not known here) are skipped. Raises `Unreachable` where no broker answers.
    """
    consumer: Any = AIOKafkaConsumer(
        *(topic_prefix + topic for topic in topics),
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest" if from_start else "latest",
        enable_auto_commit=False,
    )
    await _start(consumer, bootstrap)
    try:
        async for record in consumer:
            topic = record.topic.removeprefix(topic_prefix)
            seen = _read(topic, record, CATALOGUE[topic].types)
            if seen is not None:
                yield seen
    finally:
        await asyncio.shield(consumer.stop())


async def _start(client: Any, bootstrap: str) -> None:
    try:
        await client.start()
    except (KafkaError, OSError, ValueError) as problem:
        await client.stop()
        raise Unreachable(f"kafka {bootstrap}: {type(problem).__name__}; start it, or correct the address") from None


def _read(topic: str, record: Any, types: Mapping[str, type[Message]]) -> Seen | None:
    key = (record.key or b"").decode(errors="replace")
    if record.value is None:
        return Seen(topic, key, None, None)
    try:
        meta = decode_headers(record.headers)
        if meta.type not in types:
            return None
        return Seen(topic, key, meta, decode_value(record.value, types[meta.type]), record.value)
    except Undecodable:
        return None
