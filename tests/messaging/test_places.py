"""Where a lane reads on, from what its database and its group say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from platen_messaging.kafka import Consumer, Partition, partition_of_key
from platen_messaging.places import Place, Places, place_to_begin
from toy_counter.contract import Add
from toy_counter.harness import Toy

from tests.support import until

FIRST, END = 100, 500
ONE: Partition = TopicPartition("asks", 0)  # type: ignore[assignment]
OTHER: Partition = TopicPartition("asks", 1)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("held", "committed", "place", "rewound"),
    [
        pytest.param(None, None, Place(100, 0), False, id="a first start doubts nothing"),
        pytest.param(None, 400, Place(100, 500), True, id="an emptied database reads everything again, and doubts it"),
        pytest.param(Place(300), 400, Place(300, 500), True, id="one that was set back reads from where it stands"),
        pytest.param(Place(50), 400, Place(100, 500), True, id="or from the first record that is left"),
        pytest.param(Place(300, 450), 300, Place(300, 450), False, id="doubts outlive a restart"),
        pytest.param(Place(450), 400, Place(400, 0), False, id="offsets that were not committed cost a second look"),
        pytest.param(Place(300, 320), None, Place(300, 320), False, id="a group that Kafka forgot goes on from the database"),
        pytest.param(Place(900), None, Place(100, 0), False, id="a place in a log that is gone counts for nothing"),
    ],
)
def test_a_lane_reads_on_where_its_database_and_its_group_agree(
    held: Place | None, committed: int | None, place: Place, rewound: bool
) -> None:
    assert place_to_begin(held, committed, FIRST, END) == (place, rewound)


def test_a_key_is_looked_for_in_the_partition_to_which_it_was_sent() -> None:
    for key in (b"0f" * 16, b"mugs/1001", b""):
        assert partition_of_key(key, 12) == DefaultPartitioner()(key, list(range(12)), list(range(12)))


class Member:
    """What `Places` asks of a consumer; `group` holds the offsets that every member sees."""

    def __init__(self, group: dict[Partition, int], *assigned: Partition) -> None:
        self.group = group
        self.assigned = set(assigned or (ONE, OTHER))
        self.sought: dict[Partition, int] = {}

    def assignment(self) -> set[Partition]:
        return self.assigned

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1}

    def highwater(self, partition: Partition) -> int | None:
        return END

    async def position(self, partition: Partition) -> int:
        return self.sought[partition]

    def seek(self, partition: Partition, offset: int) -> None:
        self.sought[partition] = offset

    async def committed(self, partition: Partition) -> int | None:
        return self.group.get(partition)

    async def beginning_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, FIRST)

    async def end_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, END)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.group |= offsets


async def found(toy: Toy, consumer: Consumer) -> Places:
    places = Places(toy.engine, "asks", None)
    await places.find(consumer)
    return places


async def held(toy: Toy) -> list[tuple[int, int]]:
    return await toy.query("select next, doubted from places order by partition")


async def test_a_member_that_wakes_after_it_was_replaced_lowers_no_place(still: Toy) -> None:
    group: dict[Partition, int] = {}
    frozen = await found(still, Member(group))
    newer = await found(still, Member(group))
    await newer.keep({ONE: 300})
    group[ONE] = 300
    await frozen.keep({ONE: 200})
    assert await held(still) == [(300, 0), (100, 0)]
    assert (await found(still, Member(group))).doubts == {("asks", 0): 0, ("asks", 1): 0}


async def test_a_member_that_looked_before_it_was_replaced_lowers_no_place(still: Toy) -> None:
    group: dict[Partition, int] = {ONE: 300, OTHER: 100}
    await still.query("insert into places values ('asks', 'asks', 0, 300), ('asks', 'asks', 1, 100)")
    await found(still, Member({ONE: 200, OTHER: 100}))
    assert await held(still) == [(300, 0), (100, 0)]
    assert (await found(still, Member(group))).doubts == {("asks", 0): 0, ("asks", 1): 0}


@pytest.mark.parametrize("told", [pytest.param(300, id="after the group was told"), pytest.param(200, id="or before")])
@pytest.mark.parametrize(
    ("set_back", "begin"),
    [
        pytest.param("update places set next = least(next, 200)", 200, id="set back"),
        pytest.param("truncate places", 100, id="emptied"),
    ],
)
@pytest.mark.parametrize("changed", [pytest.param(ONE, id="of that partition"), pytest.param(OTHER, id="of another")])
async def test_a_database_that_is_set_back_under_a_member_is_noticed_with_its_next_place(
    still: Toy, told: int, set_back: str, begin: int, changed: Partition
) -> None:
    member = Member({ONE: 200, OTHER: 100})
    await still.query("insert into places values ('asks', 'asks', 0, 200), ('asks', 'asks', 1, 100)")
    places = await found(still, member)
    assert await places.keep({ONE: 300})
    member.group[ONE] = told
    await still.query(set_back)
    assert not await places.keep({changed: 310})
    assert not await places.keep({changed: 320})
    assert not places.known([ONE])
    await places.find(member)
    assert (member.sought[ONE], member.group[ONE], places.doubts["asks", 0]) == (begin, begin, END)
    assert (await held(still))[0] == (begin, END)
    assert await places.keep({ONE: 310})


async def test_a_database_is_trusted_once_every_member_of_the_group_has_found_its_place_in_it(still: Toy) -> None:
    group = {ONE: 300, OTHER: 400}
    idle, one, other = (Member(group, partition) for partition in (TopicPartition("else", 0), ONE, OTHER))
    await still.query("insert into places values ('asks', 'asks', 0, 300), ('asks', 'asks', 1, 200)")
    without_partitions = Places(still.engine, "asks", None)
    places = await found(still, one)
    assert not await places.settled(one, ["asks"])
    assert not await without_partitions.settled(idle, ["asks"])
    await found(still, other)
    assert await places.settled(one, ["asks"])
    assert await without_partitions.settled(idle, ["asks"])


async def test_a_group_that_never_finished_anything_has_nothing_that_a_database_could_have_forgotten(still: Toy) -> None:
    assert await Places(still.engine, "asks", None).settled(Member({}), ["asks"])


async def asked_once(toy: Toy) -> None:
    """A lane that has handled one message and ended."""
    running = await toy.start(keeps_place=True)
    await toy.send(Add(by=1))
    await toy.total_is(1)
    await running.end()


async def test_a_lane_that_is_set_back_handles_what_it_forgot_before_what_is_new(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked_once(toy)
    await toy.query("truncate inbox, counters, places")
    seen: list[Any] = []
    find = Places.find

    async def finding(places: Places, consumer: Any) -> Any:
        seen.append(consumer)
        return await find(places, consumer)

    monkeypatch.setattr(Places, "find", finding)
    async with toy.engine.begin() as tx:
        await tx.exec_driver_sql("lock table places")
        await toy.start(keeps_place=True)

        async def looks() -> bool:
            waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            return await toy.value(waiting) > 0

        await until(looks)
        await toy.send(Add(by=10))
        await until(lambda: any(seen[0].highwater(one) == 2 for one in seen[0].assignment()))
    await toy.total_is(11)

    async def totals() -> list[int]:
        said = [json.loads(record.value)["total"] for record in await toy.read("toy.added")]
        return said if len(said) == 3 else []

    assert await until(totals) == [1, 1, 11]


async def test_after_a_place_could_not_be_kept_the_lane_reads_from_where_the_database_stands(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, troubles = Places.keep, [OSError("the database was replaced")]

    async def kept(places: Places, offsets: Any) -> bool:
        if troubles:
            # With it went what was handled last.
            await toy.query("truncate inbox, counters")
            raise troubles.pop()
        return await keep(places, offsets)

    monkeypatch.setattr(Places, "keep", kept)
    await toy.start(keeps_place=True)
    await toy.send(Add(by=1))
    await until(lambda: not troubles)
    await toy.total_is(1)


async def test_a_place_that_cannot_be_kept_makes_the_lane_red_until_it_can(toy: Toy) -> None:
    running = await toy.start(keeps_place=True)
    await toy.send(Add(by=1))
    await toy.total_is(1)

    async def kept() -> bool:
        return await toy.value("select sum(next) from places") == 2

    await until(kept)  # of both that it has read, or it would be red before the next is counted
    await toy.query("alter table places rename to elsewhere")
    await toy.send(Add(by=1))
    await toy.total_is(2)

    def red() -> bool:
        return "lane counts place" in str(running.service.health.as_json())

    await until(red)
    await toy.query("alter table elsewhere rename to places")
    await toy.send(Add(by=1))
    await toy.total_is(3)
    await running.ready()
    assert not red()
