"""One run: publish the catalog, make the shop's orders, play the operator until everything is settled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from platen_contracts.orders import CommandRefused, OrderSnapshot
from platen_contracts.sync import SyncShop

from platen_cli.catalog import push, read_catalog
from platen_cli.errors import UserError
from platen_cli.wire import Sender, follow

from . import story
from .board import Board
from .check import mistakes
from .operator import OPERATOR, Operator
from .place import Place

CATALOG = Path(__file__).parent / "catalog"
TOPICS = ("orders.status", "orders.private", "orders.history", "orders.replies")
SMALL = {"WIDTH": "360", "HEIGHT": "480"}
FULL = {"WIDTH": "3600", "HEIGHT": "4800"}

Watch = Callable[[Board, OrderSnapshot], None]


@dataclass
class Result:
    board: Board
    ledger: dict[str, Any]
    seconds: float
    mistakes: list[str] = field(default_factory=list[str])


async def play(place: Place, orders: int, watch: Watch, board: Board, *, small: bool, patience_s: float) -> Result:
    """Runs the story on `place`; ends when all is settled, or at the end of `patience_s` with what is off."""
    began = time.monotonic()
    sizes = SMALL if small else FULL
    catalog = read_catalog(CATALOG, {"SANDBOX": place.sandbox_inside} | sizes)
    await push(catalog, place.kafka, place.objects, place.topic_prefix)
    async with _client(place) as sandbox, Sender(place.kafka, place.topic_prefix, "/platen/demo") as sender:
        await _prepare(place, sandbox)
        for plan in story.plans(orders):
            made = await _call(sandbox, "POST", f"/shops/{story.SHOP}/orders", plan.body)
            board.plans[str(made["id"])] = plan
        command = SyncShop(shop_id=story.SHOP, actor=OPERATOR)
        await sender.send("sync.commands", story.SHOP, command, uuid4().hex, datetime.now(UTC))
        operator = Operator(sender)
        try:
            await asyncio.wait_for(_until_settled(place, board, operator, watch), patience_s)
            late = []
        except TimeoutError:
            late = [f"not settled after {patience_s:.0f} s"]
        ledger = await _call(sandbox, "GET", "/ledger")
    wrong = [*late, *mistakes(board, ledger), *(f"refused: {words}" for words in operator.refusals)]
    return Result(board, ledger, time.monotonic() - began, wrong)


async def _until_settled(place: Place, board: Board, operator: Operator, watch: Watch) -> None:
    async for seen in follow(place.kafka, TOPICS, place.topic_prefix):
        if isinstance(seen.message, CommandRefused):
            await operator.hear(seen.message)
            if (order := board.orders.get(seen.key)) is not None:
                await operator.look_at(order)
        news = board.take(seen)
        if news is not None:
            await operator.look_at(news)
            watch(board, news)
        if board.settled() and board.history_is_whole():
            return


async def _prepare(place: Place, sandbox: httpx.AsyncClient) -> None:
    """The shop and the vendors call back, and things go wrong as the story has it."""
    if place.urls.get("tracking"):
        for vendor in story.VENDORS:
            await _call(
                sandbox,
                "POST",
                f"{place.sandbox}/vendors/{vendor}/webhooks",
                {"url": f"{place.urls['tracking']}/webhooks/{vendor}", "types": ["package_shipped", "order_failed"]},
                {"Authorization": f"Bearer token-{vendor}"},
            )
    await _call(sandbox, "DELETE", "/faults")
    for fault in story.faults():
        await _call(sandbox, "POST", "/faults", fault)
    await _call(sandbox, "POST", "/vendors/south/plans", {"match": {"recipient": story.TWO_PARCELS}, "parcels": 2})


@asynccontextmanager
async def _client(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        client.base_url = httpx.URL(f"{place.sandbox}/sandbox")
        yield client


async def _call(
    sandbox: httpx.AsyncClient, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Any:
    try:
        answer = await sandbox.request(method, path, json=body, headers=headers)
    except httpx.TransportError as problem:
        raise UserError(f"the sandbox at {sandbox.base_url} does not answer ({problem}); is it running?") from None
    if answer.is_error:
        raise UserError(f"the sandbox refused {method} {path}: {answer.text[:300]}")
    return answer.json()
