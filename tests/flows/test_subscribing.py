"""What docs/subscribing.md tells other systems to do is run here, word for word, against a real broker."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from platen_cli.wire import Sender
from platen_contracts.orders import OrderSnapshot

from tests.conftest import Topics

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/subscribing.md"
EXAMPLES = ROOT / "libs/contracts/platen_contracts/examples/orders.OrderSnapshot.v1"


def _follower() -> Any:
    found = re.search(r"<!-- follower -->\n```python\n(.*?)```\n<!-- /follower -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    room: dict[str, Any] = {}
    exec(found[1], room)
    return room["follow"]


async def _take(follow: AsyncIterator[Any], count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(follow), 60) for _ in range(count)]


@pytest.fixture
def snapshot() -> OrderSnapshot:
    return OrderSnapshot.model_validate_json((EXAMPLES / "fulfilled.json").read_bytes())


async def test_the_follower_holds_every_order_skips_old_news_and_goes_on_after_a_restart(
    kafka_bootstrap: str, topics: Topics, topic_prefix: str, snapshot: OrderSnapshot, tmp_path: Path
) -> None:
    (topic,) = await topics("orders.status")
    kept, key, first = tmp_path / "orders.json", snapshot.order_id, snapshot.version
    words = [snapshot, snapshot.model_copy(update={"version": first + 2, "number": "#7"}), snapshot]
    async with Sender(kafka_bootstrap, topic_prefix) as sender:
        for number, word in enumerate(words):
            await sender.send("orders.status", key, word, f"{number:032x}", snapshot.created_at)
        (_, whole), (_, patch) = await _take(_follower()(kafka_bootstrap, kept, topic), 2)
        assert whole["status"] == snapshot.status
        assert patch == {"version": first + 2, "number": "#7"}
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
            headers = [("ce_specversion", b"1.0"), ("ce_id", b"x"), ("ce_type", b"platen.orders.OrderSnapshot.v2")]
            headers += [("ce_source", b"orders"), ("ce_time", b"2026-11-23T12:00:00Z")]
            await producer.send_and_wait(topic, b"{}", key=key.encode(), headers=headers)
            await producer.send_and_wait(topic, None, key=key.encode())
        again = _follower()(kafka_bootstrap, kept, topic)
        assert await _take(again, 1) == [(key, None)]
    assert json.loads(kept.read_text()) == {}


def test_the_page_links_to_what_exists() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / link).exists(), link
