"""A dead letter sent again: to its own topic, partition and key, under its own id, byte for byte or corrected."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from platen_contracts.dead_letter import REDRIVE
from platen_messaging.kafka import MAX_RECORD_BYTES

from platen_cli.errors import Unreachable

from .letters import Letter, Since
from .pile import Found
from .reach import Reach


@dataclass(frozen=True, slots=True)
class Redriven:
    """What was done with one letter: sent to `partition` and `offset` of its topic, or why not."""

    letter: Letter
    offset: int | None
    why_not: str = ""
    partition: int | None = None


def why_not(fate: Since) -> str:
    """What speaks against sending it again; empty where nothing does."""
    if fate.redriven:
        return f"it was redriven already (offset {', '.join(map(str, fate.redriven))})"
    if fate.newer is not None:
        return f"its key holds something newer (offset {fate.newer}); sent again, the old would be the last word"
    return ""


async def redrive(
    where: Reach,
    chunks: Iterable[Sequence[Found]],
    *,
    value: bytes | None = None,
    key: bytes | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> AsyncGenerator[Sequence[Redriven], None]:
    """Sends the letters, in their order, where nothing speaks against it or by `force`; `value` and `key` replace theirs.

    Gives what was done with each chunk once Kafka has all of it, before it asks for the next. Each letter bears its own headers,
    and besides one that names it, by which it is known as redriven: who is interrupted may begin anew. The inbox of every
    reader knows its id or does not, so that whoever has handled the record already ignores it.
    """
    async with _producer(where.kafka) as producer:
        for chunk in chunks:
            done: list[Redriven] = []
            for letter, since in chunk:
                reason = "" if force else why_not(since)
                if reason or dry_run:
                    done.append(Redriven(letter, None, reason))
                else:
                    done.append(await _send(producer, where.prefix + letter.topic, letter, value, key))
            yield done


async def _send(producer: Any, topic: str, letter: Letter, value: bytes | None, key: bytes | None) -> Redriven:
    headers = [(name, held) for name, held in letter.headers if name != REDRIVE]
    value = letter.value if value is None else value
    # A corrected key has a partition of its own.
    partition = letter.partition if key is None else None
    key = letter.key if key is None else key
    # aiokafka takes no record without key and value; an empty key says the same.
    key = b"" if key is None and value is None else key
    try:
        sent = await producer.send_and_wait(
            topic, value, key=key, partition=partition, headers=[*headers, (REDRIVE, letter.id.encode())]
        )
    except (KafkaError, AssertionError) as problem:
        return Redriven(letter, None, f"Kafka does not take it: {type(problem).__name__}")
    return Redriven(letter, sent.offset, partition=sent.partition)


@asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[Any]:
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_request_size=MAX_RECORD_BYTES
    )
    try:
        await producer.start()
    except (KafkaError, OSError) as problem:
        await producer.stop()
        raise Unreachable(f"kafka {bootstrap}: {type(problem).__name__}; see that it runs") from None
    try:
        yield producer
    finally:
        await producer.stop()
