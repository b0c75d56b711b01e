"""Where a lane stands, kept in its service's own database, so that a database which was lost, or set back, is noticed.

A group's offsets are Kafka's and survive the database. What lies between its place there and the group's is read again, and up
to where the partition ends at that moment every message is `doubted`: it may have been handled before, without a trace here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .kafka import Consumer, Partition, partition_of_key
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

_SAVE = """
insert into places (lane, topic, partition, next, doubted)
select $1, * from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[])
on conflict (lane, topic, partition) do update set next = excluded.next, doubted = greatest(places.doubted, excluded.doubted)
"""

Rewound = Callable[[AsyncConnection, Callable[[str], bool]], Awaitable[None]]
"""Called in the transaction that notes that the database is older than what its lane has read, with whether it is so of a key."""


def create_places(op: Operations) -> None:
    """The table of `Places`, for a service's migration."""
    for statement in CREATE:
        op.execute(statement)


@dataclass(frozen=True, slots=True)
class Place:
    """Read on from `next`; what stands below `doubted` may have been handled before."""

    next: int
    doubted: int = 0


def place_to_begin(held: Place | None, committed: int | None, first: int, end: int) -> tuple[Place, bool]:
    """Where to read on, and whether that is further back than the group was: then this database is older than its work.

    Args:
        held: what the database says.
        committed: the group's offset; None where it never committed one, so that it finished nothing.
        first, end: what the partition holds now.
    """
    if committed is None:
        known = held is not None and first <= held.next <= end
        return (held if known and held is not None else Place(first, 0 if held is None else held.doubted)), False
    if held is None or held.next < committed:
        begin = first if held is None else max(held.next, first)
        return Place(begin, max(end, 0 if held is None else held.doubted)), True
    return Place(committed, held.doubted), False


class Places:
    """The places of one member of a lane. `doubts`: (topic, partition) to the offset below which messages are doubted."""

    def __init__(self, engine: AsyncEngine, lane: str, rewound: Rewound | None) -> None:
        self._engine = engine
        self._lane = lane
        self._rewound = rewound
        self._found: set[Partition] = set()
        self.doubts: dict[tuple[str, int], int] = {}

    def forget(self) -> None:
        """The partitions go to others, who may move on."""
        self._found.clear()

    async def find(self, consumer: Consumer) -> set[Partition]:
        """Has every assigned partition read from its place; returns those that are read from elsewhere now.

        Nothing of a partition may be handled before. Raises what Kafka or the database raise.
        """
        new = sorted(consumer.assignment() - self._found, key=lambda one: (one.topic, one.partition))
        if not new:
            return set()
        first, end = await asyncio.gather(consumer.beginning_offsets(new), consumer.end_offsets(new))
        committed = dict(zip(new, await asyncio.gather(*(consumer.committed(one) for one in new)), strict=True))
        async with self._engine.begin() as tx:
            rows: Sequence[Any] = (await tx.exec_driver_sql(_HELD, (self._lane,))).all()
            held = {(row[0], row[1]): Place(row[2], row[3]) for row in rows}
            begins = {
                one: place_to_begin(held.get((one.topic, one.partition)), committed[one], first[one], end[one]) for one in new
            }
            back = [one for one in new if begins[one][1]]
            if back:
                await _save(tx, self._lane, {one: begins[one][0] for one in back})
                if self._rewound is not None:
                    await self._rewound(tx, _keys_in(back, consumer))
        if back:
            # Noted: who is given these partitions next finds nothing amiss.
            await consumer.commit({one: begins[one][0].next for one in back})
        moved: set[Partition] = set()
        for one in new:
            place, _ = begins[one]
            self.doubts[one.topic, one.partition] = place.doubted
            if place.next != committed[one]:
                consumer.seek(one, place.next)
                moved.add(one)
        self._found.update(new)
        self._tell(back, begins, committed)
        return moved

    async def keep(self, offsets: Mapping[Partition, int]) -> None:
        """These are to be handled next. Before the group's own are committed, so that the group is never ahead by itself."""
        async with self._engine.begin() as tx:
            await _save(tx, self._lane, {partition: Place(offset) for partition, offset in offsets.items()})

    def _tell(
        self, back: Sequence[Partition], begins: Mapping[Partition, tuple[Place, bool]], committed: Mapping[Partition, Any]
    ) -> None:
        if back:
            log.warning(
                "the database is older than what was read; reading again from where it stands",
                lane=self._lane,
                partitions={f"{one.topic}[{one.partition}]": f"{begins[one][0].next} to {committed[one]}" for one in back},
            )


def _keys_in(partitions: Sequence[Partition], consumer: Consumer) -> Callable[[str], bool]:
    places = {(one.topic, one.partition) for one in partitions}
    counts = {one.topic: len(consumer.partitions_for_topic(one.topic) or ()) for one in partitions}
    return lambda key: any((topic, partition_of_key(key.encode(), count)) in places for topic, count in counts.items())


async def _save(tx: AsyncConnection, lane: str, places: Mapping[Partition, Place]) -> None:
    await tx.exec_driver_sql(
        _SAVE,
        (
            lane,
            [one.topic for one in places],
            [one.partition for one in places],
            [place.next for place in places.values()],
            [place.doubted for place in places.values()],
        ),
    )
