"""The whole service on the real broker and database, and how it tells of wrong settings."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_contracts.dispatch import DispatchAccepted, DispatchStarted
from platen_contracts.envelope import Meta, decode, encode, encode_headers
from platen_contracts.message import Message
from platen_contracts.topics import MESSAGES
from platen_dispatch.main import build
from platen_dispatch.settings import Settings
from platen_messaging.settings import load
from platen_sandbox.testing import running_sandbox

from .asked import ORDER, VENDOR, requested, vendor
from .conftest import DEADLINE_S, now

Database = Callable[[str], Awaitable[str]]
Topics = Callable[..., Awaitable[list[str]]]


async def test_a_request_on_the_topic_is_answered_on_the_topic(
    database: Database, topics: Topics, kafka_bootstrap: str, topic_prefix: str, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, catalog, results, _ = await topics("dispatch.requests", "catalog.vendors", "dispatch.results", "dispatch.dead-letter")
    monkeypatch.setenv("PLATEN_KAFKA", kafka_bootstrap)
    monkeypatch.setenv("PLATEN_DATABASE", await database("platen_dispatch"))
    monkeypatch.setenv("PLATEN_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("PLATEN_VENDOR_SECRETS", json.dumps({VENDOR: {"token": f"token-{VENDOR}", "webhook_secret": "x"}}))
    stop = asyncio.Event()
    async with running_sandbox(pace=None) as sandbox:
        serving = asyncio.create_task(build(load(Settings)).serve(stop))
        await _send(kafka_bootstrap, asked, ORDER, requested(link=link))
        await _send(kafka_bootstrap, catalog, VENDOR, vendor(url=sandbox.vendor(VENDOR)))
        try:
            started, accepted = await asyncio.wait_for(_read(kafka_bootstrap, results, 2), DEADLINE_S)
        finally:
            stop.set()
            await serving
        books = (await sandbox.ledger(account=VENDOR))["orders"]
    assert isinstance(started, DispatchStarted)
    assert isinstance(accepted, DispatchAccepted)
    assert [str(order["id"]) for order in books if order["live"]] == [accepted.vendor_order_id]


async def _send(bootstrap: str, topic: str, key: str, message: Message) -> None:
    meta = Meta(id=secrets.token_hex(16), type=message.TYPE, source="test", subject=key, time=now())
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(topic, encode(message), key=key.encode(), headers=encode_headers(meta))


async def _read(bootstrap: str, topic: str, count: int) -> list[Message | None]:
    found: list[Message | None] = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            found.append(decode(record.value, record.headers, MESSAGES))
            if len(found) == count:
                return found
    return found


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PLATEN_VENDOR_SECRETS", "{", "it is not JSON"),
        ("PLATEN_VENDOR_SECRETS", '{"prints": {"key": "hush"}}', "PLATEN_VENDOR_SECRETS.prints.token"),
        ("PLATEN_DISPATCH_CONCURRENCY", "0", "2 to 64"),
        ("PLATEN_DISPATCH_LEASE_S", "-1", "0.5 to 3600"),
        ("PLATEN_DISPATCH_RATE_SHARE", "2", "over 0 to 1"),
    ],
)
def test_a_wrong_setting_is_told_on_one_line_without_secrets(
    variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLATEN_KAFKA", "127.0.0.1:9092")
    monkeypatch.setenv("PLATEN_DATABASE", "postgresql:///platen_dispatch")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(variable)
    assert told in line
    assert "hush" not in line
