"""A batch in hand: tried until it is settled, whatever is in it. Passing failures are waited out, guilty messages are found."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .desk import Desk
from .faults import UNIQUE_VIOLATION, is_transient, sqlstate, told
from .health import Health
from .log import logger
from .metrics import DEAD_LETTERS, RETRIES
from .outcome import Applied, Ignored, Outcome, Refused, Unusable
from .records import DeadLetter, Incoming, Reader, Record
from .waiting import AWAY_SECONDS, Backoff, wait

S = TypeVar("S")
log = logger("lane")

PATIENCE = 60.0
"""Seconds a batch is tried in place. Well below max.poll.interval, after which the group would expel us."""


class GaveUp(Exception):
    """The failure goes on, or the batch is wanted back: it is to be read again later."""


@dataclass(slots=True)
class Tally:
    """What came of a batch: (topic, outcome) counts, and the records that became dead letters."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    buried: list[Record] = field(default_factory=list[Record])


class Batches(Generic[S]):
    """Settles batches of one lane.

    Args:
        hurry: while set, nothing is waited for: the partitions or the process are about to go.
    """

    def __init__(self, lane: str, desk: Desk[S], reader: Reader, health: Health, hurry: asyncio.Event) -> None:
        self._lane = lane
        self._desk = desk
        self._reader = reader
        self._health = health
        self._hurry = hurry
        self._part = f"lane {lane} batch"

    async def settle(self, records: Sequence[Record]) -> Tally:
        """Every record applied, ignored, refused or in the dead letters, committed. Raises `GaveUp`."""
        tally = Tally()
        incoming: list[Incoming] = []
        dead: list[DeadLetter] = []
        for record in records:
            match self._reader.read(record):
                case Incoming() as message:
                    incoming.append(message)
                case DeadLetter() as letter:
                    dead.append(letter)
                case None:
                    tally.counts[self._reader.name_of(record), "other"] += 1
        if incoming or dead:
            await self._settle(incoming, dead, tally)
        return tally

    async def _settle(self, incoming: Sequence[Incoming], dead: Sequence[DeadLetter], tally: Tally) -> None:
        try:
            outcomes = await self._patiently(incoming, dead)
        except GaveUp:
            raise
        except Exception as failure:
            if not incoming:
                raise
            await self._divide(incoming, dead, failure, tally)
            return
        for letter in dead:
            self._buried(letter, tally)
        for message, outcome in zip(incoming, outcomes, strict=True):
            if isinstance(outcome, Unusable) and message.record is not None:
                self._buried(DeadLetter(message.record, message.topic, outcome.reason), tally)
            else:
                tally.counts[message.topic, _word(outcome)] += 1

    async def _divide(self, incoming: Sequence[Incoming], dead: Sequence[DeadLetter], failure: Exception, tally: Tally) -> None:
        """One of them is guilty. Whoever is found alone and still fails, is."""
        if dead:
            await self._settle((), dead, tally)
            await self._settle(incoming, (), tally)
        elif len(incoming) > 1:
            middle = len(incoming) // 2
            await self._settle(incoming[:middle], (), tally)
            await self._settle(incoming[middle:], (), tally)
        else:
            (guilty,) = incoming
            if guilty.record is None:
                raise failure
            log.warning("a message could not be handled", error=told(failure), exc_info=failure, **_place(guilty.record))
            await self._settle((), (DeadLetter(guilty.record, guilty.topic, told(failure)),), tally)

    async def _patiently(self, incoming: Sequence[Incoming], dead: Sequence[DeadLetter]) -> Sequence[Outcome[S]]:
        """Applies; after a passing failure again and again. Raises `GaveUp`, or the failure that does not pass."""
        backoff = Backoff(0.1, AWAY_SECONDS)
        deadline = asyncio.get_running_loop().time() + PATIENCE
        collisions = 0
        while True:
            try:
                outcomes = await self._desk.apply(incoming, self._reader, dead)
            except Exception as failure:
                collisions += sqlstate(failure) == UNIQUE_VIOLATION
                if not is_transient(failure) and not (sqlstate(failure) == UNIQUE_VIOLATION and collisions <= 2):
                    raise
                await self._wait_out(failure, backoff, deadline)
            else:
                self._health.clear(self._part)
                return outcomes

    async def _wait_out(self, failure: Exception, backoff: Backoff, deadline: float) -> None:
        RETRIES.labels(self._lane).inc()
        delay = backoff.next()
        if delay > 1:  # shorter ones, such as a deadlock, are everyday life
            self._health.set(self._part, told(failure), "it is tried again by itself; see that the database runs")
        late = asyncio.get_running_loop().time() + delay > deadline
        if late or self._hurry.is_set() or await wait(self._hurry, delay):
            raise GaveUp(told(failure)) from failure

    def _buried(self, letter: DeadLetter, tally: Tally) -> None:
        tally.counts[letter.topic, "dead"] += 1
        tally.buried.append(letter.record)
        DEAD_LETTERS.labels(self._lane, letter.topic).inc()
        log.warning("dead letter", reason=letter.reason, reader=self._reader.name, **_place(letter.record))


def _place(record: Record) -> dict[str, Any]:
    headers = dict(record.headers)
    named = {"order": record.key, "message": headers.get("ce_id"), "correlation": headers.get("ce_correlationid")}
    texts = {name: raw.decode("utf-8", "replace")[:128] for name, raw in named.items() if raw is not None}
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset, **texts}


def _word(outcome: Outcome[Any]) -> str:
    match outcome:
        case Applied():
            return "applied"
        case Ignored():
            return "ignored"
        case Refused():
            return "refused"
        case Unusable():
            return "dead"
