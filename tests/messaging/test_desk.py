"""What one transaction does, on the real Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from platen_contracts.message import Message
from platen_messaging.desk import SEEN, Desk, Unhonoured
from platen_messaging.outbox import TooLarge
from platen_messaging.outcome import Applied, Ignored, Refused
from platen_messaging.records import Incoming
from sqlalchemy.exc import IntegrityError
from toy_counter.contract import CATALOGUE, Add, Added, AddPlease
from toy_counter.decide import HANDLERS
from toy_counter.harness import Toy, meta_of
from toy_counter.store import Counters

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def desk(toy: Toy, store: Counters | None = None) -> Desk[int]:
    return Desk(toy.engine, store or Counters(), HANDLERS, "toy", lambda: NOW, catalogue=CATALOGUE)


def fact(message: Message, message_id: str, topic: str = "toy.adds", time: datetime = NOW, **meta: Any) -> Incoming:
    return Incoming(meta_of(message, "all", message_id, time, **meta), message, "all", topic)


async def sent(toy: Toy) -> Sequence[tuple[str, str]]:
    return await toy.query("select topic, convert_from(value, 'UTF8') from outbox order by id")


async def test_messages_of_a_batch_are_decided_in_order_on_the_same_states(still: Toy) -> None:
    outcomes = await desk(still).apply([fact(Add(by=2), "a"), fact(Add(by=3), "b")])
    assert [outcome.states for outcome in outcomes if isinstance(outcome, Applied)] == [{"all": 2}, {"all": 5}]
    assert await still.total() == 5


async def test_closing_messages_are_sent_once_per_batch_after_the_others(still: Toy) -> None:
    await desk(still).apply([fact(Add(by=2), "a"), fact(Add(by=3), "b")])
    assert await sent(still) == [
        ("toy.added", '{"by":2,"total":2,"text":""}'),
        ("toy.added", '{"by":3,"total":5,"text":""}'),
        ("toy.totals", '{"total":5}'),
    ]


async def test_an_id_counts_once_within_a_batch_and_ever_after(still: Toy) -> None:
    first = await desk(still).apply([fact(Add(by=2), "a"), fact(Add(by=2), "a")])
    again = await desk(still).apply([fact(Add(by=2), "a"), fact(Add(by=1), "b")])
    assert first[1] is SEEN
    assert again[0] is SEEN
    assert await still.total() == 3


@pytest.mark.parametrize("message_id", ["x" * 128, "日" * 42, "a\x00b", "'; drop table inbox; --", "0" * 32, "O" * 32])
async def test_any_message_id_is_remembered(still: Toy, message_id: str) -> None:
    await desk(still).apply([fact(Add(by=1), message_id)])
    assert await desk(still).apply([fact(Add(by=1), message_id)]) == [SEEN]


async def test_the_same_message_gives_the_same_ids(still: Toy) -> None:
    await desk(still).apply([fact(Add(by=1), "a")])
    ids = await still.query("select message_id from outbox order by id")
    await still.query("truncate inbox, outbox, counters")
    await desk(still).apply([fact(Add(by=1), "a")])
    assert await still.query("select message_id from outbox order by id") == ids


async def test_whatever_fails_leaves_nothing_behind(still: Toy) -> None:
    with pytest.raises(IntegrityError):
        await desk(still).apply([fact(Add(by=1), "a"), fact(Add(by=1001, counter="other"), "b")])
    for table in ("inbox", "outbox", "counters"):
        assert await still.value(f"select count(*) from {table}") == 0


async def test_states_are_loaded_once_sorted(still: Toy) -> None:
    store = Counters()
    await desk(still, store).apply([fact(Add(by=1, counter=name), name) for name in ("b", "a", "c", "a2", "b")])
    assert store.loads == [["a", "a2", "b", "c"]]


async def test_what_follows_names_its_cause_and_keeps_the_conversation(still: Toy) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await desk(still).apply([fact(Add(by=1), "a", correlation_id="c", replay_of="r", traceparent=trace)])
    headers = await still.value("select headers from outbox where topic = 'toy.added'")
    assert headers == (
        '[["ce_correlationid", "c"], ["ce_causationid", "a"], ["ce_replayof", "r"], ["traceparent", "' + trace + '"]]'
    )


async def test_a_message_that_begins_a_conversation_gives_it_its_id(still: Toy) -> None:
    await desk(still).apply([fact(Add(by=1), "a")])
    assert (
        await still.value("select headers from outbox where topic = 'toy.totals'")
        == '[["ce_correlationid", "a"], ["ce_causationid", "a"]]'
    )


async def test_a_command_past_the_memory_is_refused_with_a_reply(still: Toy) -> None:
    late = NOW - timedelta(days=30, seconds=1)
    (outcome,) = await desk(still).apply([fact(AddPlease(by=1), "a", "toy.commands", late)])
    assert isinstance(outcome, Refused)
    assert await sent(still) == [("toy.added", '{"code":"too_old"}')]
    assert await still.total() == 0


async def test_a_message_just_within_the_memory_counts(still: Toy) -> None:
    await desk(still).apply([fact(Add(by=1), "a", time=NOW - timedelta(days=30))])
    assert await still.total() == 1


async def test_a_tombstone_is_decided_like_a_message(still: Toy) -> None:
    await desk(still).apply([fact(Add(by=4), "a")])
    (outcome,) = await desk(still).apply([Incoming(meta_of(Added(by=0, total=0), "all", "t"), None, "all", "toy.totals")])
    assert isinstance(outcome, Applied)
    assert await still.total() == 0
    assert await still.value("select value is null from outbox order by id desc limit 1")


async def test_a_local_fact_passes_the_desk_once(still: Toy) -> None:
    own = desk(still)
    local = own.fact(Add(by=7), "effect-1", "all", cause=meta_of(AddPlease(by=7), "all", "begin"))
    await own.apply([local])
    assert await own.apply([local]) == [SEEN]
    assert await still.total() == 7
    assert '["ce_correlationid", "begin"]' in await still.value("select headers from outbox limit 1")


async def test_an_unusable_local_fact_is_its_makers_error(still: Toy) -> None:
    own = desk(still)
    with pytest.raises(Unhonoured, match="nobody counts"):
        await own.apply([own.fact(Add(by=666), "effect-1", "all")])


async def test_a_message_its_topic_does_not_take_is_found_before_the_commit(still: Toy) -> None:
    with pytest.raises(TooLarge, match=r"platen\.toy\.Added\.v1 for toy\.added key .* bytes; the topic takes 1048576"):
        await desk(still).apply([fact(Add(by=1, text="x" * 1_100_000), "a")])
    assert await still.value("select count(*) from outbox") == 0


async def test_an_ignored_tombstone_needs_no_state(still: Toy) -> None:
    (outcome,) = await desk(still).apply([Incoming(meta_of(Added(by=0, total=0), "x", "t"), None, "x", "toy.totals")])
    assert isinstance(outcome, Ignored)
