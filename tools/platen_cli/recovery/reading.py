"""Topics read from some place up to their present end, without a consumer group: nothing is moved by looking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from platen_messaging.kafka import foreign
from platen_messaging.records import Record

from platen_cli.errors import Unreachable, UserError

foreign.install()  # also records whose header names are no UTF-8 are to be seen

SILENCE_S = 30.0

Starts = Mapping[tuple[str, int], int]
"""(full topic name, partition) to the first offset to read; what is not named is read from `since`, or not at all."""


class TopicReader:
    """Reads some topics up to where they end when asked; asked again, what came since."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    async def to_the_end(self) -> AsyncIterator[Record]:
        """Every record up to the present end, in order within each partition. Raises `Unreachable` when none come."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        pending = await self._pending(ends)
        heard = asyncio.get_running_loop().time()
        while pending:
            found = await self._consumer.getmany(*pending, timeout_ms=500)
            for place, records in found.items():
                heard = asyncio.get_running_loop().time()
                for record in records:
                    if record.offset < ends[place]:
                        yield record
            pending = await self._pending({place: ends[place] for place in pending})
            if asyncio.get_running_loop().time() - heard > SILENCE_S:
                raise Unreachable(f"kafka gave nothing for {SILENCE_S:.0f} s, though {len(pending)} partitions hold more")

    async def _pending(self, ends: Mapping[Any, int]) -> list[Any]:
        return [place for place, end in ends.items() if await self._consumer.position(place) < end]


@asynccontextmanager
async def reading(
    bootstrap: str, topics: Sequence[str], *, since: datetime | None = None, starts: Starts | None = None, at_end: bool = False
) -> AsyncIterator[TopicReader]:
    """A reader of topics (full names), from their beginning, from `since`, from `starts`, or from their present end.

    Raises `UserError` for a topic that is not there, `Unreachable` where no broker answers.
    """
    consumer: Any = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        try:
            await consumer.start()
        except UnknownTopicOrPartitionError:
            raise _missing(bootstrap, topics) from None
        except (KafkaError, OSError) as problem:
            raise Unreachable(f"kafka {bootstrap}: {type(problem).__name__}; see that it runs") from None
        assigned = consumer.assignment()
        if absent := sorted(set(topics) - {place.topic for place in assigned}):
            raise _missing(bootstrap, absent)
        if at_end:
            await consumer.seek_to_end(*assigned)
        else:
            await _seek(consumer, assigned, since, starts)
        yield TopicReader(consumer)
    finally:
        await asyncio.shield(consumer.stop())


async def read(
    bootstrap: str,
    topics: Sequence[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    starts: Starts | None = None,
) -> AsyncIterator[Record]:
    """Every record that was there when asked: from `starts` on, or made since `since`; and before `until`, by their own times."""
    first, last = _milliseconds(None if starts else since), _milliseconds(until)
    async with reading(bootstrap, topics, since=since, starts=starts) as reader:
        async for record in reader.to_the_end():
            if (first is None or record.timestamp >= first) and (last is None or record.timestamp < last):
                yield record


async def _seek(consumer: Any, assigned: set[Any], since: datetime | None, starts: Starts | None) -> None:
    """Each partition to where it is to be read from; without either, all stay at their beginning."""
    if starts is None and since is None:
        return
    named = {
        place: starts[place.topic, place.partition] for place in assigned if starts and (place.topic, place.partition) in starts
    }
    first = await consumer.beginning_offsets(list(named)) if named else {}
    for place, offset in named.items():
        consumer.seek(place, max(first[place], offset))
    others = assigned - named.keys()
    found = await consumer.offsets_for_times(dict.fromkeys(others, _milliseconds(since))) if since and others else {}
    for place in others:
        if found.get(place) is None:
            await consumer.seek_to_end(place)
        else:
            consumer.seek(place, found[place].offset)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _missing(bootstrap: str, topics: Sequence[str]) -> UserError:
    return UserError(f"kafka {bootstrap}: no topic {', '.join(topics)}; `platen topics describe` lists those there are")
