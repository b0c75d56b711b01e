"""The service on the real broker and database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_console.main import build
from platen_console.settings import Settings
from platen_contracts import orders
from platen_contracts.envelope import Meta, decode_headers, encode, encode_headers
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.status import OrderStatus
from platen_contracts.topics import CATALOGUE, read_by

from tests.conftest import Database, Topics
from tests.support import until

from . import heard
from .conftest import once


@pytest.mark.flow
async def test_an_order_heard_is_shown_and_a_click_travels_there_and_back(
    database: Database, topics: Topics, topic_prefix: str, kafka_bootstrap: str, port: int
) -> None:
    await topics(*(topic.name for topic in read_by("console")), "orders.commands", "sync.commands", "console.dead-letter")
    address = f"127.0.0.1:{port}"
    settings = Settings(
        kafka=kafka_bootstrap,
        database=await database("platen_console"),
        topic_prefix=topic_prefix,
        http=address,
        console_token=None,
    )
    order = heard.an_order(1, OrderStatus.NEW)
    stop = asyncio.Event()
    service = build(settings)
    serving = asyncio.ensure_future(service.serve(stop))
    commands = AIOKafkaConsumer(f"{topic_prefix}orders.commands", bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    origin = f"http://{address}"
    try:
        async with (
            AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer,
            commands,
            httpx.AsyncClient(base_url=origin, headers={"origin": origin}, timeout=60) as client,
        ):

            async def send(message: Message, topic: str) -> None:
                key = CATALOGUE[topic].key_of(message)
                assert key is not None
                meta = Meta(derived_id(topic, key, message), message.TYPE, "test", key, datetime.now(UTC))
                await producer.send_and_wait(
                    topic_prefix + topic, encode(message), key=key.encode(), headers=encode_headers(meta)
                )

            for message, topic in [*heard.the_catalogue(), *heard.an_order_told(order)]:
                await send(message, topic)

            async def all_heard() -> httpx.Response | None:
                if not service.health.ready:
                    return None
                page = await client.get(f"/orders/{order.order_id}")
                parts = ("Zoë Müller", "Personalise", "Read in the shop", "Print file finished", "Siam Prints")
                return page if page.status_code == 200 and all(part in page.text for part in parts) else None

            page = await until(all_heard)
            assert page is not None
            asked = asyncio.ensure_future(
                client.post(f"/orders/{order.order_id}/archive", data={"once": once(page), "version": "4"})
            )
            record = await asyncio.wait_for(commands.getone(), 60)
            meta = decode_headers(record.headers)
            command = orders.Archive.model_validate_json(record.value or b"")
            assert (meta.type, meta.source, record.key) == (orders.Archive.TYPE, "console", order.order_id.encode())
            assert (command.order_id, command.expected_version, command.actor.kind) == (order.order_id, 4, "operator")

            reply = orders.CommandRefused(
                command_id=meta.id, order_id=order.order_id, version=4, code="stale", reason="Look again."
            )
            await send(reply, "orders.replies")
            answer = await asked
            shown = f"/orders/{order.order_id}?asked={meta.id}" if answer.status_code == 303 else ""

            async def refusal_shown() -> bool:
                return "Look again." in (await client.get(shown) if shown else answer).text

            await until(refusal_shown)
            assert (await client.get("/health")).status_code == 200
    finally:
        stop.set()
        await asyncio.wait_for(serving, 40)
