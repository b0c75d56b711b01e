"""Putting right what went wrong, with `orders` at work on the real broker and database, as an operator would."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import Result
from platen_cli.main import app
from platen_cli.recovery.reading import read
from platen_cli.wire import Sender
from platen_contracts import orders
from platen_contracts.dead_letter import REDRIVE
from platen_contracts.envelope import Meta, decode_headers, encode, encode_headers
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_messaging.outcome import Applied
from platen_messaging.records import Incoming, Record
from platen_orders.handlers import COMMANDS, FACTS
from platen_orders.main import build
from platen_orders.model import Held
from platen_orders.settings import Settings
from platen_orders.store import OrdersStore
from typer.testing import CliRunner

from tests.conftest import Database, Topics
from tests.orders import world as w
from tests.support import until


@dataclass
class Deployment:
    """`orders` with its topics and its database; started when told."""

    kafka: str
    prefix: str
    database: str
    serving: asyncio.Future[None] | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        service = build(Settings(kafka=self.kafka, database=self.database, topic_prefix=self.prefix))
        self.serving = asyncio.ensure_future(service.serve(self.stop))
        await until(lambda: service.health.ready)

    async def end(self) -> None:
        self.stop.set()
        if self.serving is not None:
            await self.serving

    async def platen(self, *words: str, code: int = 0) -> str:
        """What the command says; it must exit with `code`."""
        done: Result = await asyncio.to_thread(CliRunner().invoke, app, words)
        said = f"{done.output}{done.exception or ''}"
        assert done.exit_code == code, said
        return said

    async def read(self, topic: str) -> list[Record]:
        return [record async for record in read(self.kafka, [self.prefix + topic])]

    async def put(self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes | None]], key: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
            await producer.send_and_wait(self.prefix + topic, value, key=key, headers=headers)

    async def query(self, statement: str, *given: Any) -> Sequence[Any]:
        engine = open_engine(self.database, pooled=False)
        try:
            async with engine.begin() as tx:
                found = await tx.exec_driver_sql(statement, given)
                return found.all() if found.returns_rows else ()
        finally:
            await engine.dispose()

    async def replies(self, count: int) -> list[Record]:
        async def enough() -> list[Record]:
            found = await self.read("orders.replies")
            return found if len(found) >= count else []

        return await until(enough)

    async def all_is_sent(self) -> None:
        """Whatever was in the outbox, Kafka has."""

        async def nothing_waits() -> bool:
            return (await self.query("select count(*) from outbox"))[0][0] == 0

        await until(nothing_waits)


@pytest.fixture
async def deployment(
    database: Database, topics: Topics, kafka_bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    await topics(*(name for name in CATALOGUE if not name.startswith(("sync.co", "sync.pro", "catalog.l"))))
    deployment = Deployment(kafka_bootstrap, topic_prefix, await database("platen_orders"))
    monkeypatch.setenv("PLATEN_KAFKA", kafka_bootstrap)
    monkeypatch.setenv("PLATEN_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("PLATEN_DATABASE_ORDERS", deployment.database)
    yield deployment
    await deployment.end()


def archive(order_id: str, **more: Any) -> orders.Archive:
    return orders.Archive(order_id=order_id, actor=w.ANN, **more)


def headers_of(message: Message, message_id: str) -> list[tuple[str, bytes]]:
    return encode_headers(Meta(message_id, message.TYPE, "test", "", datetime.now(UTC)))


async def test_a_dead_letter_is_found_shown_corrected_and_redriven_once_under_its_own_id(
    deployment: Deployment, tmp_path: Path
) -> None:
    assert "there are no dead letters" in await deployment.platen("dead-letters", "list")
    order_id, message_id = "0a" * 16, secrets.token_hex(16)
    command = archive(order_id)
    headers: list[tuple[str, bytes | None]] = [*headers_of(command, message_id), ("x-odd", b"\xff\x00"), ("x-none", None)]
    await deployment.put("orders.commands", b'{"order_id": "0a0a"}', headers, order_id.encode())
    await deployment.start()
    await until(lambda: deployment.read("orders.dead-letter"))

    listed = json.loads(await deployment.platen("dead-letters", "list", "--json", "--service", "orders", "--from", "1h"))
    assert (listed["topic"], listed["message_id"], listed["redriven"]) == ("orders.commands", message_id, [])
    assert "order_id" in listed["reason"]
    assert "no such dead letter" in await deployment.platen("dead-letters", "list", "--to", "1h")
    letter = listed["id"][:12]
    assert letter in await deployment.platen("dead-letters", "list", "--order", order_id, "--topic", "orders.commands")

    value = tmp_path / "value.json"
    shown = await deployment.platen("dead-letters", "show", letter, "--save", str(value))
    assert "x-odd" in shown
    assert value.read_bytes() == b'{"order_id": "0a0a"}'
    value.write_bytes(encode(command) or b"")

    assert "would send" in await deployment.platen("dead-letters", "redrive", letter, "--value", str(value), "--dry-run")
    assert "1 redriven" in await deployment.platen("dead-letters", "redrive", letter, "--value", str(value))
    (reply,) = await deployment.replies(1)
    assert json.loads(reply.value or b"")["command_id"] == message_id
    original, again = await deployment.read("orders.commands")
    assert (again.key, again.partition) == (original.key, original.partition)
    assert list(again.headers) == [*original.headers, (REDRIVE, listed["id"].encode())]

    refused = await deployment.platen("dead-letters", "redrive", letter, code=1)
    assert "it was redriven already" in refused
    assert json.loads(await deployment.platen("dead-letters", "list", "--json"))["redriven"] == [again.offset]
    assert "1 redriven" in await deployment.platen("dead-letters", "redrive", letter, "--force")
    # The forced one is as it was: given up again, as a letter of its own.
    await until(lambda: _count(deployment, "orders.dead-letter", 2))
    assert len((await deployment.platen("dead-letters", "list", "--json")).splitlines()) == 2
    assert "say which" in await deployment.platen("dead-letters", "redrive", code=1)


async def test_a_message_under_a_wrong_key_is_redriven_under_the_right_one(deployment: Deployment) -> None:
    order_id, message_id = "0a" * 16, secrets.token_hex(16)
    command = archive(order_id)
    await deployment.put("orders.commands", encode(command), headers_of(command, message_id), b"0b" * 16)
    await deployment.start()
    await until(lambda: deployment.read("orders.dead-letter"))
    listed = json.loads(await deployment.platen("dead-letters", "list", "--json"))
    assert "the key is" in listed["reason"]

    said = await deployment.platen("dead-letters", "redrive", listed["id"], "--key", order_id)
    assert f"corrected key {order_id}" in said
    (reply,) = await deployment.replies(1)
    assert json.loads(reply.value or b"")["command_id"] == message_id
    refused = await deployment.platen("dead-letters", "redrive", listed["id"], code=1)
    assert "it was redriven already" in refused


async def _count(deployment: Deployment, topic: str, count: int) -> bool:
    return len(await deployment.read(topic)) >= count


async def test_a_dead_letter_whose_key_holds_newer_news_on_a_compacted_topic_is_left(deployment: Deployment) -> None:
    ref = "mug/1"
    artwork = w.MUG.model_copy(update={"artwork_id": "mug", "version": 1})
    await deployment.put("catalog.artworks", b"{}", headers_of(artwork, secrets.token_hex(16)), ref.encode())
    await deployment.put("catalog.artworks", encode(artwork), headers_of(artwork, secrets.token_hex(16)), ref.encode())
    await deployment.start()
    await until(lambda: deployment.read("orders.dead-letter"))
    told = await deployment.platen("dead-letters", "redrive", "--topic", "catalog.artworks", code=1)
    assert "its key holds something newer" in told


async def test_a_paused_lane_is_listed_with_its_reason_and_goes_on_when_resumed(deployment: Deployment) -> None:
    await deployment.query("insert into lanes values ('commands', now(), '120 of the last 200 messages could not be honoured')")
    service = build(Settings(kafka=deployment.kafka, database=deployment.database, topic_prefix=deployment.prefix))
    deployment.serving = asyncio.ensure_future(service.serve(deployment.stop))
    order_id = "0b" * 16
    await deployment.put("orders.commands", encode(archive(order_id)), headers_of(archive(order_id), "1" * 32), order_id.encode())
    await until(lambda: "paused" in str(service.health.as_json()))
    listed = await deployment.platen("lanes", code=1)
    assert "120 of the last 200" in listed
    assert f"{deployment.prefix}orders.commands" in listed
    assert "sync, render, dispatch, tracking, console: whether a lane is paused is not known" in listed
    assert "this lane is not paused" in await deployment.platen("lanes", "resume", "orders", "facts", code=1)
    assert "120 of the last 200" in await deployment.platen("lanes", "resume", "orders", "commands")
    await deployment.replies(1)
    assert "120 of" not in await deployment.platen("lanes")

    await deployment.query("update lanes set paused_at = now(), reason = 'once more'")
    await until(lambda: "once more" in str(service.health.as_json()))
    for number in range(3):
        key = f"{number:032x}"
        await deployment.put("orders.commands", encode(archive(key)), headers_of(archive(key), f"{number:032x}"), key.encode())

    async def all_wait() -> bool:
        """Also what lies in partitions of which the lane has read nothing yet. It leaves with its last place committed."""
        return bool(re.search(r"orders\.commands +3 +once more", await deployment.platen("lanes", code=1)))

    await until(all_wait)


async def test_a_parked_message_is_listed_with_its_reason_and_tried_again_when_asked(deployment: Deployment) -> None:
    row = (
        "insert into outbox (message_id, topic, key, type, headers, value, created_at, error) "
        "values ('{}', 'orders.replies', 'k', 'platen.orders.CommandIgnored.v1', '[]', '{{}}', now(), {})"
    )
    await deployment.query(row.format("a" * 32, "'MessageSizeTooLargeError'"))
    await deployment.query(row.format("b" * 32, "null"))
    listed = await deployment.platen("outbox", code=1)
    assert re.search(r"orders +orders\.replies +k +a{12} +1 +MessageSizeTooLargeError", listed)
    assert "0 parked" in await deployment.platen("outbox", "retry", "orders", "--topic", "orders.status")
    assert "1 parked messages are tried again" in await deployment.platen("outbox", "retry", "orders")
    await deployment.start()
    assert [decode_headers(it.headers).id for it in await deployment.replies(2)] == ["a" * 32, "b" * 32]
    assert "nothing is parked" in await deployment.platen("outbox")


async def failed_orders(deployment: Deployment, *numbers: str) -> list[str]:
    """Orders that the vendor refused, made as messages make them; dispatch's words stand on their topic."""
    engine = open_engine(deployment.database, pooled=False)
    store = OrdersStore()
    facts, commands = Desk(engine, store, FACTS, "orders"), Desk(engine, store, COMMANDS, "orders")

    async def told(desk: Desk[Any], message: Message, topic: str) -> Any:
        meta = Meta(secrets.token_hex(16), message.TYPE, "test", "", datetime.now(UTC))
        (outcome,) = await desk.apply([Incoming(meta, message, "", topic)])
        assert isinstance(outcome, Applied), outcome
        return outcome

    made: list[str] = []
    try:
        await told(facts, w.MUG, "catalog.artworks")
        for number in numbers:
            outcome = await told(facts, w.a_shop_order(shop_order_id=number), "sync.orders")
            (order_id,) = [key for key, it in outcome.states.items() if isinstance(it, Held)]
            outcome = await told(commands, orders.Render(order_id=order_id, actor=w.ANN), "orders.commands")
            for request in [it.message for it in outcome.messages if it.topic == "render.requests"]:
                outcome = await told(facts, w.rendered(request), "render.results")
            version = outcome.states[order_id].order.version
            await told(commands, orders.Send(order_id=order_id, actor=w.ANN, expected_version=version), "orders.commands")
            refused = w.refused().model_copy(update={"order_id": order_id})
            await told(facts, refused, "dispatch.results")
            async with Sender(deployment.kafka, deployment.prefix) as sender:
                await sender.send("dispatch.results", order_id, refused, secrets.token_hex(16), datetime.now(UTC))
            made.append(order_id)
    finally:
        await engine.dispose()
    return made


async def test_a_slice_of_a_topic_becomes_one_retry_per_order_whose_replies_are_told(deployment: Deployment) -> None:
    first, second = await failed_orders(deployment, "1001", "1002")
    await deployment.start()
    await deployment.all_is_sent()
    for value in (b"not json", b'{"order_id": "somebody else\'s"}'):
        await deployment.put("orders.status", value, [], first.encode())
    words = ("replay", "dispatch.results", "--from", "1h", "--wait", "20")
    asked = await deployment.platen(*words, "--dry-run")
    assert "2 records of dispatch.results speak of 2 orders" in asked
    assert "2 would be retried" in asked
    assert re.search(r"^2 +#\S+, #\S+ +Failed to send +would be retried +it stays Failed to send", asked, re.MULTILINE)
    missed = await deployment.platen(*words[:-1], "0", "--dry-run", code=1)
    assert f"give the same with --dry-run --run {missed.split('run ')[1].split()[0]}" in missed
    assert "nope: not in the catalogue" in await deployment.platen("replay", "nope", code=1)
    requests = len(await deployment.read("dispatch.requests"))

    number = json.loads((await deployment.query("select snapshot::text from orders where id = $1", first))[0][0])["number"]
    assert "1 retried" in await deployment.platen(*words, "--order", number)
    again = await deployment.platen(*words)
    assert "1 refused, 1 retried" in again
    run = again.split("run ")[1].split()[0]
    await until(lambda: _count(deployment, "dispatch.requests", requests + 2))
    repeated = await deployment.platen(*words, "--run", run)
    assert "1 refused, 1 retried" in repeated

    generations = [json.loads(it.value or b"") for it in await deployment.read("dispatch.requests")]
    assert sorted((it["order_id"], it["generation"]) for it in generations) == sorted(
        [(first, 1), (first, 2), (second, 1), (second, 2)]
    )
    retries = [decode_headers(it.headers) for it in await deployment.read("orders.commands")]
    results = {decode_headers(it.headers).id for it in await deployment.read("dispatch.results")}
    assert {meta.replay_of for meta in retries} == results


async def test_a_topic_that_lost_records_is_told_again_until_it_equals_the_database(deployment: Deployment) -> None:
    first, *_ = await failed_orders(deployment, "1001", "1002", "1003")
    await deployment.query("delete from outbox where topic = 'orders.status' and id % 2 = 0")
    await deployment.query("delete from outbox where topic = 'orders.history' and id % 3 = 0")
    await deployment.query("delete from outbox where topic = 'orders.private'")
    await deployment.start()
    await deployment.put("orders.private", b"not json", [], first.encode())
    for topic in ("orders.status", "orders.history", "orders.private"):
        lost = await deployment.platen("topics", "rebuild", topic, "--check", code=1)
        assert "not in the topic as they are" in lost
        assert f"{topic} equals the database" in await deployment.platen("topics", "rebuild", topic)
    assert "nothing was missing" in await deployment.platen("topics", "rebuild", "orders.history")
    assert "equals the database" in await deployment.platen("topics", "rebuild", "orders.status", "--check")
    events = [json.loads(record.value or b"") for record in await deployment.read("orders.history")]
    versions = sorted({(event["order_id"], event["version"]) for event in events})
    assert len(versions) == (await deployment.query("select count(*) from history"))[0][0]

    # Put back behind later ones; the auditor takes history by its versions.
    assert "I4" not in (await asyncio.to_thread(CliRunner().invoke, app, ["audit"])).output

    await deployment.query("delete from history where version = 2")
    older = await deployment.platen("topics", "rebuild", "orders.history", code=1)
    assert "not in the database, which is older: 3" in older


async def test_an_order_is_traced_through_all_topics_by_its_number_its_id_and_its_correlation(deployment: Deployment) -> None:
    run, ids = secrets.token_hex(16), {number: secrets.token_hex(16) for number in ("1001", "1002")}
    for number, message_id in ids.items():
        observed = w.a_shop_order(w.a_line("1"), shop_order_id=number)
        # As sync sends it: every shop order of a run follows from the same command.
        meta = Meta(message_id, observed.TYPE, "sync", "", datetime.now(UTC), correlation_id=run, causation_id=run)
        await deployment.put("sync.orders", encode(observed), encode_headers(meta), f"{observed.shop_id}/{number}".encode())
    await deployment.start()
    await until(lambda: _count(deployment, "orders.private", 2))
    found = [(it.key or b"", json.loads(it.value or b"")) for it in await deployment.read("orders.status")]
    order_id, number = next((key.decode(), body["number"]) for key, body in found if body["shop_order_id"] == "1001")

    told = await deployment.platen("trace", number)
    lines = [line.split()[2:] for line in told.splitlines()]
    assert {line[0] for line in lines} == {run[:8]}
    assert [line[3] for line in lines if line[2] == "ShopOrderObserved"] == [ids["1001"][:8]]
    assert lines[0][2] == "ShopOrderObserved"
    assert {line[2] for line in lines} >= {"OrderChanged", "OrderSnapshot"}
    assert await deployment.platen("trace", order_id) == told

    work = await deployment.platen("trace", run)
    assert set(told.splitlines()) < set(work.splitlines())
    assert all(message_id[:8] in work for message_id in ids.values())
    assert "no topic tells of it" in await deployment.platen("trace", "#0", code=1)


async def test_the_audit_finds_a_record_that_nobody_sent_and_counts_dead_letters(deployment: Deployment) -> None:
    order_id = "0a" * 16
    await deployment.put("orders.commands", b"?", headers_of(archive(order_id), secrets.token_hex(16)), order_id.encode())
    await deployment.start()
    await until(lambda: deployment.read("orders.dead-letter"))

    said = await deployment.platen("audit")
    assert "0 violations" in said
    assert "1 dead letters" in said
    assert "the database of render is not known" in said
    assert "vendors' own books are not looked at" in said
    assert "vendor orders" not in said
    assert "I7: orders buried orders.commands" in await deployment.platen("audit", "--strict", code=1)

    reply = orders.CommandRefused(command_id="x", order_id=order_id, version=0, code="stale", reason="Look again.")
    headers = encode_headers(Meta(secrets.token_hex(16), reply.TYPE, "orders", order_id, datetime.now(UTC)))
    await deployment.put("orders.replies", encode(reply), headers, order_id.encode())
    said = await deployment.platen("audit", code=1)
    assert "I8: CommandRefused at orders.replies" in said
    assert f"--- order {order_id}" in said
