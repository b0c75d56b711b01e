"""Lanes on the real broker and database: what comes in is counted once, or can be found."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CorruptRecordException, UnknownError
from platen_contracts import dead_letter
from platen_contracts.envelope import encode, encode_headers
from platen_messaging import member as member_module
from platen_messaging import pauses, processor, waiting
from platen_messaging.batches import Batches, GaveUp, Tally
from platen_messaging.health import Health
from platen_messaging.kafka import partition_of
from platen_messaging.records import Record
from platen_messaging.relay import Relay
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_counter.contract import Add, AddPlease, Elsewhere
from toy_counter.harness import Running, Toy, meta_of
from toy_counter.main import LANE

from tests.support import until


async def test_a_fact_is_counted_and_told(toy: Toy) -> None:
    await toy.start()
    message_id = await toy.send(Add(by=2), key="k")
    await toy.total_is(2)

    async def told() -> bool:  # of two topics, either may have it first
        return [len(await toy.read(topic)) for topic in ("toy.added", "toy.totals")] == [1, 1]

    await until(told)
    (record,) = await toy.read("toy.added")
    assert record.value == b'{"by":2,"total":2,"text":""}'
    assert record.key == b"all"
    headers = dict(record.headers)
    assert headers["ce_type"] == b"platen.toy.Added.v1"
    assert headers["ce_source"] == b"toy"
    assert headers["ce_subject"] == b"all"
    assert headers["ce_causationid"] == message_id.encode()


async def test_a_message_sent_twice_counts_once(toy: Toy) -> None:
    await toy.start()
    for _ in range(3):
        await toy.send(Add(by=2), message_id="a" * 32)
    await toy.send(Add(by=40))
    await toy.total_is(42)


async def test_the_guilty_message_is_buried_and_its_neighbours_count(toy: Toy) -> None:
    for number in range(20):
        await toy.send(Add(by={7: 13, 11: 99}.get(number, 1)))
    await toy.send(Add(by=5000, counter="too much for the database"))
    await toy.start()
    await toy.total_is(18)
    reasons = sorted(dict(letter.headers)[dead_letter.REASON].decode() for letter in await toy.dead(3))
    assert [reason.partition(":")[0] for reason in reasons] == ["IntegrityError", "RuntimeError", "TooLarge"]
    assert "thirteen is bad luck" in reasons[1]


async def test_a_dead_letter_keeps_every_byte_and_says_why_and_where(toy: Toy) -> None:
    await toy.start()
    headers = [("ce_id", b"\xff\xfe"), ("x", b"a\x00b"), ("none", None), ("ce_type", b"")]
    await toy.produce("toy.adds", b"\x00not json\xff", headers, key=b"\xc3\x28")
    (letter,) = await toy.dead(1)
    assert letter.value == b"\x00not json\xff"
    assert letter.key == b"\xc3\x28"
    assert list(letter.headers[:4]) == headers
    said = dict(letter.headers[4:])
    assert said[dead_letter.REASON] == b"the key is not UTF-8"
    assert said[dead_letter.READER] == b"toy.counts"
    assert said[dead_letter.TOPIC] == b"toy.adds"
    assert {dead_letter.PARTITION, dead_letter.OFFSET, dead_letter.TIME} <= set(said)


async def test_whatever_cannot_be_understood_is_buried_with_its_reason(toy: Toy) -> None:
    await toy.start()
    good = encode_headers(meta_of(Add(by=1), "all"))
    named = dict(good)
    bad = {
        "header ce_id is not UTF-8": (b"{}", [("ce_id", b"\xff")]),
        "header ce_id is missing; CloudEvents 1.0 binary mode is expected": (b"{}", []),
        "header ce_id stands twice; send it once": (b"{}", [*good, ("ce_id", b"b")]),
        "platen.toy.Add.v1: by: Field required": (b"{}", good),
        "platen.toy.Add.v1: by: Input should be a valid integer": (b'{"by":null}', good),
        "header ce_type is 'platen.toy.New.v9', which toy.adds does not carry": (
            b"{}",
            list({**named, "ce_type": b"platen.toy.New.v9"}.items()),
        ),
        "the value is absent; toy.adds is not compacted, so tombstones mean nothing on it": (None, good),
        "nobody counts with this number": (encode(Add(by=666)), good),
    }
    for value, headers in bad.values():
        await toy.produce("toy.adds", value, headers)
    letters = await toy.dead(len(bad))
    assert sorted(dict(letter.headers)[dead_letter.REASON].decode() for letter in letters) == sorted(bad)
    await toy.send(Add(by=1))
    await toy.total_is(1)


async def test_a_dead_letter_can_come_again_under_its_own_id(toy: Toy) -> None:
    await toy.start()
    await toy.send(Add(by=666), message_id="again")
    await toy.dead(1)
    await toy.send(Add(by=5), message_id="again")
    await toy.total_is(5)


async def test_a_fact_past_the_memory_is_buried_and_a_command_is_refused(toy: Toy) -> None:
    await toy.start()
    long_ago = datetime.now(UTC) - timedelta(days=31)
    await toy.send(Add(by=1), time=long_ago)
    await toy.send(AddPlease(by=1), "toy.commands", time=long_ago)
    (letter,) = await toy.dead(1)
    assert dict(letter.headers)[dead_letter.REASON].startswith(b"older than 30 days")

    async def refused() -> bool:
        return [record.value for record in await toy.read("toy.added")] == [b'{"code":"too_old"}']

    await until(refused)


async def test_messages_of_no_use_here_are_passed_over(toy: Toy) -> None:
    await toy.start()
    await toy.send(Elsewhere())
    await toy.send(Add(by=3))
    await toy.total_is(3)
    assert await toy.read("toy.dead-letter") == []
    assert await toy.value("select count(*) from inbox") == 1


async def test_a_tombstone_ends_a_state_even_without_headers(toy: Toy) -> None:
    await toy.start()
    await toy.send(Add(by=3))
    await toy.total_is(3)
    await toy.produce("toy.totals", None, [], b"all")
    await toy.total_is(0)


async def test_a_lost_connection_is_waited_out_and_nothing_counts_twice(toy: Toy) -> None:
    running = await toy.start()
    running.store.gate.clear()
    await toy.send(Add(by=8))
    await asyncio.wait_for(running.store.reached.wait(), 60)
    await toy.query("select pg_terminate_backend($1)", running.store.backend)
    running.store.gate.set()
    await toy.total_is(8)
    assert await toy.value("select count(*) from outbox_sent where topic = 'toy.dead-letter'") == 0
    assert await toy.value("select count(*) from inbox") == 1


async def test_a_lane_pauses_when_most_is_bad_and_stays_so_until_resumed(toy: Toy) -> None:
    for _ in range(60):
        await toy.produce("toy.adds", b"?", [])
    running = await toy.start(wait_ready=False)

    async def paused() -> bool:
        return "counts" in await pauses.paused(toy.engine)

    await until(paused)
    await running.end()
    await toy.send(Add(by=1))
    running = await toy.start(wait_ready=False)

    async def red() -> bool:
        return any("paused: " in str(trouble) for trouble in running.service.health.as_json()["reasons"])  # type: ignore[union-attr]

    await until(red)
    assert await toy.total() == 0
    assert await pauses.resume(toy.engine, "counts")
    assert not await pauses.resume(toy.engine, "counts")
    await running.ready()
    await toy.total_is(1)
    assert len(await toy.dead(60)) == 60


async def test_a_lane_that_goes_bad_while_it_looks_whether_it_is_paused_pauses_all_the_same(
    still: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = pauses.Pause(still.engine, "counts", Health())
    looked = pauses.paused

    async def meanwhile(engine: AsyncEngine) -> Mapping[str, str]:
        found = await looked(engine)
        records: list[Any] = [SimpleNamespace(topic="t", partition=0, offset=place) for place in range(pauses.AT_LEAST)]
        pause.judge(records, records)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(pauses, "paused", meanwhile)
        assert await pause.is_paused(), "it may not go on reading"
    assert await pause.is_paused()
    assert "counts" in await pauses.paused(still.engine)


async def test_two_members_share_the_work_and_nothing_counts_twice(toy: Toy) -> None:
    await toy.query("alter table counters drop constraint counters_total_check")
    first = await toy.start()

    async def feed(start: int) -> None:
        for number in range(start, start + 300):
            name = f"c{number % 7}"
            await toy.send(Add(by=1, counter=name), key=name, message_id=f"{number}")

    feeding = asyncio.ensure_future(feed(0))
    await toy.start()
    await feeding
    feeding = asyncio.ensure_future(feed(300))
    await first.end()
    await feeding

    async def all_counted() -> bool:
        return await toy.value("select sum(total) from counters") == 600

    await until(all_counted)
    totals = await toy.query("select name, total from counters where total > 0 order by name")
    assert [total for _, total in totals] == [86, 86, 86, 86, 86, 85, 85]

    async def all_sent() -> bool:
        return await toy.value("select count(*) from outbox") == 0

    await until(all_sent)
    added = [record for record in await toy.read("toy.added") if record.key == b"c0"]
    assert len({dict(record.headers)["ce_id"] for record in added}) == 86


async def test_a_backlog_lets_the_relay_catch_up_and_a_few_messages_do_not_wait(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(LANE.max_records):
        await toy.send(Add(by=1), key="k")
    behind = True
    monkeypatch.setattr(processor, "_CATCH_UP_SECONDS", 3600)
    monkeypatch.setattr(Relay, "behind", property(lambda _: behind, lambda _, told: None), raising=False)
    asked = asyncio.Event()
    waits = waiting.wait

    async def seen(event: asyncio.Event, seconds: float) -> bool:
        if seconds == processor._BEHIND_SECONDS:
            asked.set()
        return await waits(event, seconds)

    monkeypatch.setattr(processor, "wait", seen)
    await toy.start()
    await asyncio.wait_for(asked.wait(), 30)
    assert await toy.value("select count(*) from inbox") == 0
    behind = False
    await toy.total_is(LANE.max_records)
    behind = True
    await toy.send(Add(by=1), key="k")
    await toy.total_is(LANE.max_records + 1)


async def test_what_comes_while_a_batch_is_in_hand_is_in_the_next(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    in_hand, go_on, sizes, settle = asyncio.Event(), asyncio.Event(), list[int](), Batches.settle

    async def held_up(batches: Batches[Any], records: Sequence[Record]) -> Tally:
        sizes.append(sum(record.topic.endswith("toy.adds") for record in records))
        in_hand.set()
        await go_on.wait()
        return await settle(batches, records)

    monkeypatch.setattr(Batches, "settle", held_up)
    await toy.start()
    await toy.send(Add(by=1), key="first")
    await in_hand.wait()
    for number in range(4):
        await toy.send(Add(by=1), key=f"k{number}")
    go_on.set()
    await toy.total_is(5)
    assert [size for size in sizes if size] == [1, 4]


def handled(running: Running) -> int:
    """The offsets of `toy.adds` that are to be committed, of all partitions together: noted a moment after the count is."""
    return of_adds(running.service._members["counts"]._processor._handled)


def of_adds(offsets: Mapping[Any, int]) -> int:
    return sum(offset for partition, offset in offsets.items() if partition.topic.endswith("toy.adds"))


class Commits:
    """The offsets of `toy.adds` that members commit, of all partitions together; those of other topics alone go by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[int] = []
        commit = AIOKafkaConsumer.commit

        async def noted(consumer: AIOKafkaConsumer, offsets: Mapping[Any, int]) -> None:
            await commit(consumer, offsets)
            if made := of_adds(offsets):
                self.made.append(made)

        monkeypatch.setattr(AIOKafkaConsumer, "commit", noted)
        monkeypatch.setattr(processor, "_COMMIT_SECONDS", 3600)


async def test_offsets_of_several_batches_are_committed_together_and_at_the_latest_when_the_lane_ends(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = Commits(monkeypatch)
    running = await toy.start()
    for number in range(3):
        await toy.send(Add(by=1))
        await toy.total_is(number + 1)
    await until(lambda: handled(running) == 3)
    assert commits.made == []
    await running.end()
    assert commits.made == [3]


async def test_the_offset_of_a_dead_letter_is_committed_at_once(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = Commits(monkeypatch)
    await toy.start()
    await toy.send(Add(by=666))
    await toy.dead(1)

    await until(lambda: commits.made == [1])


async def test_a_lane_that_keeps_its_place_commits_every_batch_at_once(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = Commits(monkeypatch)
    await toy.start(keeps_place=True)
    await toy.send(Add(by=1))
    await until(lambda: 1 in commits.made)


async def test_offsets_of_a_partition_that_went_to_another_member_keep_no_others_from_being_committed(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = Commits(monkeypatch)
    running = await toy.start()
    foreign = partition_of(SimpleNamespace(topic=f"{toy.prefix}toy.adds", partition=77))
    running.service._members["counts"]._processor._handled[foreign] = 5
    await toy.send(Add(by=1))
    await toy.total_is(1)
    await running.end()
    assert commits.made == [1]


async def test_a_commit_that_is_never_answered_keeps_no_member_from_leaving_or_joining(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_module, "_LAST_COMMIT_SECONDS", 0.2)
    commit, read = AIOKafkaConsumer.commit, AIOKafkaConsumer.getmany
    hanging, refused = asyncio.Event(), asyncio.Event()

    async def commits(consumer: AIOKafkaConsumer, offsets: Any) -> None:
        if not refused.is_set():
            hanging.set()
            await asyncio.Event().wait()
        await commit(consumer, offsets)

    async def refuses(*given: Any, **named: Any) -> Any:
        if hanging.is_set() and not refused.is_set():
            refused.set()
            raise UnknownError("of the coordinator")
        return await read(*given, **named)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", commits)
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", refuses)
    await toy.start()
    await toy.send(Add(by=1))
    await asyncio.wait_for(refused.wait(), 30)
    await toy.send(Add(by=10))
    await toy.total_is(11)


async def test_a_member_whose_client_has_stopped_fetching_joins_anew(toy: Toy) -> None:
    async def fails() -> None:
        raise AssertionError("Unexpected error in fetcher routine")

    running = await toy.start()
    consumer: Any = running.service._members["counts"]._consumer()
    consumer._fetcher._fetch_task.cancel()
    consumer._fetcher._fetch_task = asyncio.ensure_future(fails())
    await toy.send(Add(by=1))
    await toy.total_is(1)


class Settling:
    """How many batches are settled at a time; the first `failures` of those that are not alone are given up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failures: int = 0) -> None:
        self.at_once = self.most = self.longest = 0
        self.failures = failures
        settle = Batches.settle

        async def watched(batches: Batches[Any], records: Sequence[Record]) -> Tally:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.longest = max(self.longest, len(records))
            try:
                if self.failures and self.most == 2:
                    self.failures -= 1
                    raise GaveUp("the database went away")
                return await settle(batches, records)
            finally:
                self.at_once -= 1

        monkeypatch.setattr(Batches, "settle", watched)


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_a_backlog_is_settled_by_two_side_by_side_and_each_key_in_order(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    settling, keys = Settling(monkeypatch, failures), [f"c{number}" for number in range(8)]
    sent = [(keys[place % len(keys)], str(place)) for place in range(4 * LANE.max_records)]
    for key, text in sent:
        await toy.send(Add(by=1, counter=key, text=text), key=key)
    await toy.start()

    async def all_told() -> bool:
        return len(await toy.read("toy.added")) == len(sent)

    await until(all_told)
    told = [((record.key or b"").decode(), json.loads(record.value or b"")["text"]) for record in await toy.read("toy.added")]
    for key in keys:
        assert [text for one, text in told if one == key] == [text for one, text in sent if one == key]
    assert (settling.most, settling.failures) == (2, 0)


async def test_a_backlog_of_one_key_is_settled_in_transactions_that_are_no_larger(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    settling = Settling(monkeypatch)
    for _ in range(4 * LANE.max_records):
        await toy.send(Add(by=1), key="all")
    await toy.start()
    await toy.total_is(4 * LANE.max_records)
    assert (settling.most, settling.longest) == (1, LANE.max_records)


async def test_what_is_no_backlog_is_settled_in_one(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    settling = Settling(monkeypatch)
    for number in range(LANE.max_records):
        await toy.send(Add(by=1), key=str(number))
    await toy.start()
    await toy.total_is(LANE.max_records)
    assert settling.most == 1


async def test_a_lane_whose_reading_is_refused_joins_anew_and_what_was_read_beside_it_is_not_lost(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = AIOKafkaConsumer.getmany
    refusals = [CorruptRecordException("a bad checksum"), UnknownError("of the coordinator"), ValueError("not to be unpacked")]

    async def torn(*given: Any, **named: Any) -> Any:
        found = await read(*given, **named)
        if found and refusals:
            raise refusals.pop()
        return found

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", torn)
    for number in range(12):
        await toy.send(Add(by=1), key=f"k{number}")
    await toy.start()
    await toy.total_is(12)
    assert not refusals


async def test_what_is_handled_is_not_left_to_the_collector_of_cycles(toy: Toy) -> None:
    await toy.start()
    gc.collect()
    gc.disable()
    try:
        for number in range(3):  # a batch each, so that no more than the last one is in hand
            await toy.send(Add(by=1))
            await toy.total_is(number + 1)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [each for each in gc.garbage if isinstance(each, ConsumerRecord)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left


async def test_a_lane_whose_client_gets_no_answer_says_so(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is stuck remembers an end that it has reached: nothing else would ever look wrong."""
    monkeypatch.setattr(member_module, "_ASK_SECONDS", 0)
    monkeypatch.setattr(member_module, "_ANSWER_SECONDS", 0.2)
    running = await toy.start()
    (member,) = running.service._members.values()
    consumer: Any = member._consumer()

    async def never(partitions: Any) -> Any:
        await asyncio.Event().wait()

    async def reasons() -> str:
        return str(running.service.health.as_json()["reasons"])

    with monkeypatch.context() as stuck:
        stuck.setattr(consumer, "end_offsets", never)

        async def red() -> bool:
            return "does not answer" in await reasons()

        await until(red)
    await running.ready()
