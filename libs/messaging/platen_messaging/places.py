"""Where a lane stands, kept in its service's own database, so that a database which was lost, or set back, is noticed.

A group's offsets are Kafka's and survive the database. What lies between its place there and the group's is read again, and up
to where the partition ends at that moment every message is `doubted`: it may have been handled before, without a trace here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .kafka import Consumer, Partition, partitions_of
from .log import logger
from .tables import Operations

log = logger("lane")

CREATE = (
    """create table places (
        lane text not null,
        topic text not null,
        partition int not null,
        next bigint not null,
        doubted bigint not null default 0,
        primary key (lane, topic, partition)
    )""",
    "comment on table places is 'how far each lane has come; behind the group of the lane, it tells that this database is older'",
    "comment on column places.next is 'the offset to be handled next'",
    "comment on column places.doubted is 'below this offset a message may have been handled before this database forgot it'",
)

_HELD = "select topic, partition, next, doubted from places where lane = $1 for update"

_NEXT = "select topic, partition, next from places where lane = $1"

_NOTE = """
insert into places (lane, topic, partition, next, doubted)
select $1, * from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[])
on conflict (lane, topic, partition) do update set next = excluded.next, doubted = greatest(places.doubted, excluded.doubted)
"""

_KEEP = """
update places set next = greatest(places.next, row.next)
from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as row (topic, partition, next, seen)
where places.lane = $1 and places.topic = row.topic and places.partition = row.partition and places.next >= row.seen
"""

Rewound = Callable[[AsyncConnection], Awaitable[None]]
"""Called in the transaction that notes that the database is older than what its lane has read. All of it is, also what belongs
to partitions from which nothing was read since: what was done without a message is forgotten there too."""


def create_places(op: Operations) -> None:
    """The table of `Places`, for a service's migration."""
    for statement in CREATE:
        op.execute(statement)


@dataclass(frozen=True, slots=True)
class Place:
    """Read on from `next`; what stands below `doubted` may have been handled before."""

    next: int
    doubted: int = 0


def place_to_begin(held: Place | None, reached: int | None, first: int, end: int) -> tuple[Place, bool]:
    """Where to read on, and whether that is further back than was handled: then this database is older than its work.

    Args:
        held: what the database says.
        reached: what was handled, by the group's offset or this member's memory; None where nothing was ever finished.
        first, end: what the partition holds now.
    """
    if reached is None:
        known = held is not None and first <= held.next <= end
        return (held if known and held is not None else Place(first, 0 if held is None else held.doubted)), False
    if held is None or held.next < reached:
        begin = first if held is None else max(held.next, first)
        return Place(begin, max(end, 0 if held is None else held.doubted)), True
    return Place(reached, held.doubted), False


class Places:
    """The places of one member of a lane. `doubts`: (topic, partition) to the offset below which messages are doubted."""

    def __init__(self, engine: AsyncEngine, lane: str, rewound: Rewound | None) -> None:
        self._engine = engine
        self._lane = lane
        self._rewound = rewound
        self._found: set[Partition] = set()
        self._seen: dict[Partition, int] = {}
        """What the database held at least, the last time that it was looked at: a lower one was set back."""
        self.doubts: dict[tuple[str, int], int] = {}

    def known(self, partitions: Iterable[Partition]) -> bool:
        """Whether all of these are read from their places."""
        return self._found.issuperset(partitions)

    def look_again(self) -> None:
        """All are read on from where the database stands, whatever was handled since."""
        self._found.clear()

    def forget(self) -> None:
        """The partitions go to others, who may move on, or back."""
        self._found.clear()
        self._seen.clear()

    async def find(self, consumer: Consumer) -> None:
        """Has every assigned partition that is not known read from its place.

        Only while nothing that was read from it before is still to be handled or kept. Raises what Kafka or the database raise.
        """
        new = sorted(consumer.assignment() - self._found, key=lambda one: (one.topic, one.partition))
        if not new:
            return
        first, end = await asyncio.gather(consumer.beginning_offsets(new), consumer.end_offsets(new))
        reached = {one: await self._reached(one, consumer) for one in new}
        async with self._engine.begin() as tx:
            rows: Sequence[Any] = (await tx.exec_driver_sql(_HELD, (self._lane,))).all()
            by_name = {(row[0], row[1]): Place(row[2], row[3]) for row in rows}
            held = {one: by_name.get((one.topic, one.partition)) for one in new}
            found = {one: place_to_begin(held[one], reached[one], first[one], end[one]) for one in new}
            begins = {one: place for one, (place, _) in found.items()}
            back = [one for one, (_, is_back) in found.items() if is_back]
            # A place that is ahead stays: while this member looked, another may have moved on.
            ahead = {one: place for one, place in held.items() if place and reached[one] is not None and one not in back}
            await _note(tx, self._lane, begins | ahead)
            if back and self._rewound is not None:
                await self._rewound(tx)
        if back:
            self._tell({one: (begins[one].next, reached[one]) for one in back})
            # Noted: who is given these partitions next finds nothing amiss.
            await consumer.commit({one: begins[one].next for one in back})
        for one, place in begins.items():
            self.doubts[one.topic, one.partition] = place.doubted
            consumer.seek(one, place.next)
        self._seen.update({one: place.next for one, place in (begins | ahead).items()})
        self._found.update(new)

    async def settled(self, consumer: Consumer, topics: Sequence[str]) -> bool:
        """Whether the database is behind the group nowhere (any more), in the partitions of other members neither.

        Raises what Kafka or the database raise.
        """
        partitions = [partitions_of(topic, consumer) for topic in topics]
        everywhere = list(chain.from_iterable(partitions))
        # Asked before the places: those are raised first, and a group that is set back was noted before.
        reached = await asyncio.gather(*(consumer.committed(one) for one in everywhere))
        async with self._engine.begin() as tx:
            rows: Sequence[Any] = (await tx.exec_driver_sql(_NEXT, (self._lane,))).all()
        held = {(row[0], row[1]): row[2] for row in rows}
        stands = (held.get((one.topic, one.partition), -1) for one in everywhere)
        return all(partitions) and all(has is None or at >= has for at, has in zip(stands, reached, strict=True))

    async def _reached(self, partition: Partition, consumer: Consumer) -> int | None:
        """How far it was handled: what this member remembers counts too, since the group may not have been told of it."""
        committed, seen = await consumer.committed(partition), self._seen.get(partition)
        return committed if seen is None else max(seen, committed or 0)

    async def keep(self, offsets: Mapping[Partition, int]) -> bool:
        """Notes that these are to be handled next; to be awaited before they are committed to the group.

        No place is lowered by it, so that a member which was replaced without knowing it changes nothing. False: the database
        holds less than it did, here or for another partition, since it was set back under this member; all are to be found again.
        """
        if not self.known(offsets):
            return False
        after = {one: max(self._seen[one], offsets.get(one, 0)) for one in self._found}
        async with self._engine.begin() as tx:
            kept = await tx.exec_driver_sql(
                _KEEP,
                (
                    self._lane,
                    [one.topic for one in after],
                    [one.partition for one in after],
                    list(after.values()),
                    [self._seen[one] for one in after],
                ),
            )
        if kept.rowcount != len(after):
            self.look_again()
            return False
        self._seen.update(after)
        return True

    def _tell(self, back: Mapping[Partition, tuple[int, int | None]]) -> None:
        log.warning(
            "the database is older than what was read; reading again from where it stands",
            lane=self._lane,
            partitions={f"{one.topic}[{one.partition}]": f"{begin} to {reached}" for one, (begin, reached) in back.items()},
        )


async def _note(tx: AsyncConnection, lane: str, places: Mapping[Partition, Place]) -> None:
    await tx.exec_driver_sql(
        _NOTE,
        (
            lane,
            [one.topic for one in places],
            [one.partition for one in places],
            [place.next for place in places.values()],
            [place.doubted for place in places.values()],
        ),
    )
