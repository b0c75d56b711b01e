"""SIGKILL between each two steps of how a message is handled: after the restart nothing is lost, doubled or left over."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from platen_cli.local.daemon import marked
from platen_cli.stack.process import ServiceProcess
from platen_contracts.common import Actor
from platen_contracts.ids import order_id
from platen_contracts.orders import Archive

from tests.orders.world import MUG, a_shop_order
from tests.support import until

from .hall import Hall
from .load import Operators, sell
from .schedule import SERVICES
from .soak import audited, settled
from .world import running_world

SITE = Path(__file__).parent / "crash_site"
sys.path.insert(0, str(SITE))

from crash_points import POINTS  # noqa: E402


def environment(folder: Path) -> dict[str, str]:
    """What makes services started with it mortal."""
    return {"PLATEN_CRASH_FOLDER": str(folder), "PYTHONPATH": ":".join([str(SITE), *(it for it in sys.path if it)])}


@asynccontextmanager
async def orders_process(hall: Hall, folder: Path) -> AsyncIterator[ServiceProcess]:
    """Orders as a process of its own, started again when it dies."""
    settings = await hall.settings("orders")
    variables = {f"PLATEN_{name.upper()}": str(value) for name, value in settings.items()}
    whole = marked(folder, **variables, **environment(folder), PLATEN_INSTANCE="one")
    process = ServiceProcess(
        "orders", [sys.executable, "-m", "platen_orders"], whole, "", "", folder / "orders.log", lambda *_: None
    )
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


async def test_orders_killed_between_any_two_steps_loses_and_doubles_nothing(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platen_cli.stack.process.pause_before_restart", lambda _: 0.05)
    await hall.send("catalog.artworks", "mug/1", MUG)
    async with orders_process(hall, tmp_path) as process:
        for number, point in enumerate(POINTS):
            (tmp_path / "orders").write_text(point)
            order, shop_order = order_id("mugs", f"{number}", "1"), a_shop_order(shop_order_id=f"{number}")
            await hall.send("sync.orders", f"mugs/{number}", shop_order)
            await hall.send("orders.commands", order, Archive(order_id=order, actor=Actor(kind="operator", name="ann")))
            await until(lambda: not (tmp_path / "orders").exists())
        await until(lambda: process.restarts == len(POINTS))  # the last death may leave nothing that waits for it
        verdict = await hall.clean(90)
        assert process.restarts == len(POINTS)
    assert verdict.counts["orders"] == len(POINTS)


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_every_service_killed_between_any_two_steps_keeps_every_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platen_cli.stack.process.pause_before_restart", lambda _: 0.05)
    folder = tmp_path / "points"
    folder.mkdir()
    async with running_world(tmp_path / "stack", extra_env=environment(folder)) as world:
        operators = Operators(world, random.Random(1))
        tasks = [asyncio.create_task(operators.watch()), asyncio.create_task(operators.work())]
        selling = asyncio.create_task(sell(world, operators, random.Random(1), 600, 1.5))
        try:
            for point in POINTS:
                for service in _reaching(point):
                    (folder / service).write_text(point)
                await until(lambda: not list(folder.iterdir()), 120)
            selling.cancel()
            await world.ready()
            operators.finishing = True
            late, _ = await settled(world, operators)
            assert late == []
            assert await audited(world) == []
            restarts = {service: world.stack.process(service).restarts for service in SERVICES}
        finally:
            for task in (*tasks, selling):
                task.cancel()
    assert restarts == {service: sum(service in _reaching(point) for point in POINTS) for service in SERVICES}


def _reaching(point: str) -> list[str]:
    """The console sends nothing unless somebody clicks."""
    return [service for service in SERVICES if service != "console" or point not in ("sent", "moved")]
