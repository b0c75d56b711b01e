"""What the README promises a newcomer is run here, word for word."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from platen_cli.wire import Sender
from platen_contracts.orders import OrderSnapshot

from tests.conftest import Topics

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "libs/contracts/platen_contracts/examples/orders.OrderSnapshot.v1"


def _subscriber() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- subscriber -->\n```python\n(.*?)```\n<!-- /subscriber -->", readme, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_subscriber_is_no_longer_than_twenty_lines() -> None:
    assert len([line for line in _subscriber().splitlines() if line.strip()]) <= 20


async def test_the_subscriber_follows_orders_and_skips_what_it_holds_already(
    kafka_bootstrap: str, topics: Topics, topic_prefix: str
) -> None:
    (topic,) = await topics("orders.status")
    first = OrderSnapshot.model_validate_json(next(iter(sorted(EXAMPLES.glob("*.json")))).read_bytes())
    later = first.model_copy(update={"version": first.version + 1})
    async with Sender(kafka_bootstrap, topic_prefix) as sender:
        for number, snapshot in enumerate((first, later, first, later.model_copy(update={"version": first.version + 2}))):
            await sender.send("orders.status", first.order_id, snapshot, f"{number:032x}", first.created_at)
    room: dict[str, Any] = {}
    exec(_subscriber(), room)
    seen: list[tuple[str, str, int]] = []

    async def follow() -> None:
        async for news in room["follow"](kafka_bootstrap, topic):
            seen.append(news)
            if len(seen) == 3:
                return

    await asyncio.wait_for(follow(), 60)
    assert seen == [(first.number, first.status, first.version + more) for more in range(3)]
