"""The relay on the real broker: everything is sent, in the order of each key, and nothing holds up the rest."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from platen_cli.local import Kafka
from platen_cli.provision import delete_topics, provision_topics
from platen_messaging import relay as relay_module
from platen_messaging import sending as sending_module
from platen_messaging.databases import driver_of
from platen_messaging.health import Health
from platen_messaging.kafka import Sendable, open_producer
from platen_messaging.relay import Relay, unpark
from platen_messaging.sending import Sender, Session
from toy_counter.contract import CATALOGUE
from toy_counter.harness import Toy

from tests.support import until

ROW = """
insert into outbox (message_id, topic, key, type, headers, value, created_at)
values ($1, $2, convert_to($3, 'UTF8'), 'platen.toy.Added.v1', '[]', convert_to($4, 'UTF8'), now())
"""


class Sending:
    """A relay of its own, as another process would run one."""

    def __init__(self, toy: Toy, bootstrap: str | None = None) -> None:
        self.health = Health()
        self.stop = asyncio.Event()
        self.relay = Relay(toy.engine, bootstrap or toy.settings.kafka, toy.prefix, "toy", self.health)
        self.running = asyncio.ensure_future(self.relay.run(self.stop))

    async def end(self) -> None:
        self.stop.set()
        self.relay.wake()
        await asyncio.wait_for(self.running, 30)


async def put(toy: Toy, key: str, text: str, topic: str = "toy.added") -> None:
    await toy.query(ROW, text[:40], topic, key, text)


async def arrived(toy: Toy, count: int, topic: str = "toy.added") -> list[bytes]:
    async def enough() -> list[bytes]:
        values = [record.value for record in await toy.read(topic)]
        return values if len(values) >= count else []

    return await until(enough)


async def moved(toy: Toy, count: int) -> None:
    """That many are sent, and known to be."""

    async def enough() -> bool:
        return await toy.value("select count(*) from outbox_sent") >= count

    await until(enough)


async def test_rows_of_a_key_arrive_in_their_order(toy: Toy) -> None:
    for number in range(200):
        await put(toy, f"k{number % 3}", f"{number}")
    sending = Sending(toy)
    await arrived(toy, 200)
    await sending.end()
    for key in (b"k0", b"k1", b"k2"):
        numbers = [int(record.value) for record in await toy.read("toy.added") if record.key == key]
        assert numbers == sorted(numbers)
    assert await toy.value("select count(*) from outbox") == 0
    assert await toy.value("select count(*) from outbox_sent") == 200


async def test_a_row_committed_late_under_a_smaller_id_is_sent_too(toy: Toy) -> None:
    sending = Sending(toy)
    async with toy.engine.begin() as slow:
        await slow.exec_driver_sql(ROW, ("slow", "toy.added", "a", "slow"))
        await put(toy, "b", "quick")
        assert await arrived(toy, 1) == [b"quick"]
    assert sorted(await arrived(toy, 2)) == [b"quick", b"slow"]
    await sending.end()


async def test_a_row_that_kafka_never_takes_parks_its_key_and_no_other(toy: Toy) -> None:
    small = replace(CATALOGUE["toy.added"], name="toy.small", max_bytes=1000, partitions=1)
    await provision_topics(toy.settings.kafka, [small], toy.prefix)
    await put(toy, "a", "a1", "toy.small")
    await put(toy, "a", "x" * 2000, "toy.small")
    await put(toy, "a", "a2", "toy.small")
    await put(toy, "b", "b1", "toy.small")
    await put(toy, "a", "elsewhere")
    sending = Sending(toy)
    assert await arrived(toy, 2, "toy.small") == [b"a1", b"b1"]
    assert await arrived(toy, 1) == [b"elsewhere"]
    await put(toy, "b", "b2", "toy.small")
    assert await arrived(toy, 3, "toy.small") == [b"a1", b"b1", b"b2"]

    async def two_left() -> bool:
        return await toy.value("select count(*) from outbox") == 2

    await until(two_left)
    assert "MessageSizeTooLarge" in await toy.value("select error from outbox where error is not null")
    await toy.query("delete from outbox where error is not null")
    assert await arrived(toy, 4, "toy.small") == [b"a1", b"b1", b"b2", b"a2"]
    await sending.end()


async def test_a_clock_that_kafka_does_not_believe_parks_nothing(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    append, hours_ahead = BatchBuilder.append, [2]

    def stamped(self: Any, *, timestamp: int | None, **record: Any) -> Any:
        return append(self, timestamp=int((time.time() + 3600 * sum(hours_ahead)) * 1000), **record)

    monkeypatch.setattr(BatchBuilder, "append", stamped)
    await put(toy, "k", "1")
    sending = Sending(toy)
    await until(lambda: "InvalidTimestamp" in str(sending.health.as_json()))
    assert await toy.value("select count(*) from outbox where error is not null") == 0
    hours_ahead.clear()
    assert await arrived(toy, 1) == [b"1"]
    await sending.end()


async def test_what_was_sent_before_a_failover_is_not_taken_for_what_bears_its_ids_now(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_module, "_FIND_TOPIC", 60)  # it is there, however long a busy broker takes to say so
    sender = Sender(toy.settings.kafka, toy.prefix, "toy")
    await put(toy, "k", "before")
    async with toy.engine.connect() as connection:
        assert await sender.round(Session(await driver_of(connection))) == 1
        await connection.invalidate()
    # The standby never knew of that row, and gave its id to another.
    await toy.query("update outbox set value = 'after'")
    async with toy.engine.connect() as connection:
        session = Session(await driver_of(connection))
        assert await sender.round(session) == 1
        assert await sender.round(session) == 0
    assert await arrived(toy, 2) == [b"before", b"after"]
    await sender.close()


async def test_parked_rows_are_tried_again_when_asked(toy: Toy) -> None:
    await put(toy, "a", "a1")
    await toy.query("update outbox set error = 'by hand'")
    assert await unpark(toy.engine, "toy.totals") == 0
    assert await unpark(toy.engine) == 1
    sending = Sending(toy)
    assert await arrived(toy, 1) == [b"a1"]
    await sending.end()


async def test_a_missing_topic_is_told_and_holds_up_no_other(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_module, "_HOLD_TOPIC", 0.5)
    monkeypatch.setattr(sending_module, "_FIND_TOPIC", 0.5)
    await put(toy, "a", "lost", "toy.missing")
    await put(toy, "a", "found")
    sending = Sending(toy)
    assert await arrived(toy, 1) == [b"found"]

    async def told() -> bool:
        return "toy.missing" in str(sending.health.as_json())

    await until(told)
    await provision_topics(toy.settings.kafka, [replace(CATALOGUE["toy.added"], name="toy.missing")], toy.prefix)
    assert await arrived(toy, 1, "toy.missing") == [b"lost"]

    async def over() -> bool:
        return "toy.missing" not in str(sending.health.as_json())

    await until(over)
    await sending.end()


async def test_however_many_rows_are_gone_the_outbox_is_read_by_its_indexes(toy: Toy) -> None:
    async with toy.engine.begin() as tx:
        await tx.exec_driver_sql(
            "insert into outbox (message_id, topic, headers, value, created_at) "
            "select n::text, 'toy.added', '[]', convert_to(repeat('x', 500), 'UTF8'), now() from generate_series(1, 20000) as n"
        )
    async with toy.engine.begin() as tx:
        await tx.exec_driver_sql("delete from outbox")
        await tx.exec_driver_sql("select pg_stat_force_next_flush()")
    scans = "select {} from pg_stat_user_tables where relname = 'outbox'"
    whole, indexed = await toy.value(scans.format("seq_scan")), await toy.value(scans.format("idx_scan"))
    sending = Sending(toy)
    for number in range(5):
        await put(toy, "k", f"{number}")
        await arrived(toy, number + 1)
    await sending.end()

    async def counted() -> bool:  # the relay's session tells as it ends
        return await toy.value(scans.format("idx_scan")) > indexed

    await until(counted)
    assert await toy.value(scans.format("seq_scan")) == whole


async def test_the_relay_waits_for_no_disk(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, read = list[str](), sending_module.Sender._read

    async def watched(sender: sending_module.Sender, session: Session) -> Any:
        async with session as driver:
            asked.append(await driver.fetchval("show synchronous_commit"))
        return await read(sender, session)

    monkeypatch.setattr(sending_module.Sender, "_read", watched)
    sending = Sending(toy)
    await put(toy, "a", "1")
    await arrived(toy, 1)
    await sending.end()
    assert set(asked) == {"off"}
    assert await toy.value("show synchronous_commit") == "on"


async def test_one_relay_sends_and_the_next_takes_over(toy: Toy) -> None:
    first = Sending(toy)
    await put(toy, "a", "1")
    await arrived(toy, 1)
    second = Sending(toy)
    await first.end()
    await put(toy, "a", "2")
    assert await arrived(toy, 2) == [b"1", b"2"]
    await second.end()


async def test_a_silent_holder_loses_its_session(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "SILENT", 1.0)
    monkeypatch.setattr(relay_module, "_STANDBY", 0.2)
    async with toy.engine.connect() as frozen:
        pid = (await frozen.exec_driver_sql("select pg_backend_pid()")).scalar_one()
        await frozen.exec_driver_sql(f"select pg_advisory_lock({relay_module._LOCK})")
        await frozen.exec_driver_sql("insert into relay (holder, beat_at) values ('frozen', now())")
        await frozen.commit()
        await put(toy, "a", "1")
        sending = Sending(toy)
        assert await arrived(toy, 1) == [b"1"]
        assert await toy.value("select count(*) from pg_stat_activity where pid = $1", pid) == 0
        await frozen.invalidate()
    await sending.end()


async def test_a_relay_whose_session_is_ended_starts_again(toy: Toy) -> None:
    sending = Sending(toy)
    await put(toy, "a", "1")
    await moved(toy, 1)  # or it would be sent again
    # This database's alone: the server is shared, and so are its locks' names.
    await toy.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    await put(toy, "a", "2")
    assert (await arrived(toy, 2))[-1] == b"2"
    await sending.end()


async def test_a_stop_sends_what_is_left(toy: Toy) -> None:
    sending = Sending(toy)
    await put(toy, "a", "1")
    await arrived(toy, 1)
    for number in range(50):
        await put(toy, "a", f"more {number}")
    await sending.end()
    assert await toy.value("select count(*) from outbox") == 0
    assert len(await toy.read("toy.added")) == 51


async def test_a_producer_closed_while_kafka_is_away_leaves_nothing_that_waits(tmp_path: Path) -> None:
    async with Kafka(tmp_path / "kafka") as kafka:
        await provision_topics(kafka.bootstrap, [CATALOGUE["toy.added"]])
        before = asyncio.all_tasks()
        producer = await open_producer(kafka.bootstrap, "one")
        await (await producer.send_all([Sendable("toy.added", b"1", b"a", [])]))[0]
        kafka.pause()
        try:
            # The first is on its way, the others wait for it.
            futures = [(await producer.send_all([Sendable("toy.added", b"2", key, [])]))[0] for key in (b"a", b"b", b"c")]
            await asyncio.wait_for(producer.close(0.5), 10)

            async def left() -> list[str]:
                return [str(task.get_coro()) for task in asyncio.all_tasks() - before]

            await until(lambda: asyncio.all_tasks() <= before, 5, left)
            assert all(future.done() for future in futures)
        finally:
            kafka.resume()


async def test_a_relay_is_behind_while_a_round_does_not_take_all_there_is(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_module, "ROWS", 5)
    for number in range(12):
        await put(toy, "k", f"{number}")
    sending = Sending(toy)
    rounds, behind = sending.relay._sender.round, list[bool]()

    async def watched(session: Session) -> int:
        behind.append(sending.relay.behind)
        return await rounds(session)

    monkeypatch.setattr(sending.relay._sender, "round", watched)
    await arrived(toy, 12)
    await sending.end()
    assert behind[:4] == [False, True, True, False]
    assert not sending.relay.behind


async def test_a_topic_that_goes_away_holds_up_no_other(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_module, "DEADLINE", 2.0)
    passing = replace(CATALOGUE["toy.added"], name="toy.passing", partitions=1)
    (report,) = await provision_topics(toy.settings.kafka, [passing], toy.prefix)
    await put(toy, "k", "before", "toy.passing")
    sending = Sending(toy)
    await arrived(toy, 1, "toy.passing")
    await delete_topics(toy.settings.kafka, [report.name])
    await put(toy, "k", "for nobody", "toy.passing")
    for number in range(3):
        await put(toy, "k", f"{number}")
    # A round that was given up with the topic is sent again: of those it has brought, each may come once more.
    await moved(toy, 4)
    assert list(dict.fromkeys(await arrived(toy, 3))) == [b"0", b"1", b"2"]

    async def held() -> bool:
        return report.name in sending.relay._sender.held

    await until(held)
    await sending.end()
    assert await toy.query("select topic, error from outbox") == [("toy.passing", None)]
