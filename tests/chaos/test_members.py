"""Members of a consumer group come and go while batches run: nothing is lost or doubled, a woken member writes nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
from platen_cli.local.daemon import guarded, marked
from platen_contracts.common import Actor
from platen_contracts.ids import order_id
from platen_contracts.orders import Archive, Unarchive

from tests.orders.world import MUG, a_shop_order
from tests.support import until

from .faults import Guest
from .hall import Hall

ANN = Actor(kind="operator", name="ann")
Ending = Literal["terminate", "kill", "freeze"]
PAST_THE_SESSION_S = 11.0


class Member(Guest):
    """A process of orders in a hall."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._command = guarded([sys.executable, "-m", "platen_orders"], signal.SIGKILL)
        self._process = None


async def _member(hall: Hall, folder: Path) -> Member:
    variables = {f"PLATEN_{name.upper()}": str(value) for name, value in (await hall.settings("orders")).items()}
    member = Member(marked(folder, **variables, PYTHONPATH=":".join(it for it in sys.path if it)))
    await member.come()
    return member


async def _come_and_go(hall: Hall, folder: Path, endings: list[Ending], every: float) -> None:
    """One more member in `every` seconds; each stays twice as long, then ends as its turn says."""
    frozen: list[Member] = []
    before: tuple[Member, Ending] | None = None
    for ending in endings:
        member = await _member(hall, folder)
        await asyncio.sleep(every)
        if before is not None:
            await _end(*before, frozen)
        before = member, ending
    assert before is not None
    await _end(*before, frozen)
    if frozen:
        await asyncio.sleep(PAST_THE_SESSION_S)
    for member in frozen:
        member.signal(signal.SIGCONT)
    await asyncio.gather(*(member.go() for member in frozen))


async def _end(member: Member, ending: Ending, frozen: list[Member]) -> None:
    if ending == "freeze":
        member.signal(signal.SIGSTOP)
        frozen.append(member)
    else:
        await member.go(ending)


async def _traffic(hall: Hall, orders: int, pause: float) -> None:
    """Shop orders, and for each a couple of commands that are sent twice."""
    await hall.send("catalog.artworks", "mug/1", MUG)
    for number in range(orders):
        order = order_id("mugs", f"{number}", "1")
        await hall.send("sync.orders", f"mugs/{number}", a_shop_order(shop_order_id=f"{number}"))
        for turn, kind in enumerate((Archive, Unarchive)):
            for _ in range(2):
                command = kind(order_id=order, actor=ANN)
                await hall.send("orders.commands", order, command, f"{number * 2 + turn:032x}")
        await asyncio.sleep(pause)


async def test_members_that_come_and_go_lose_and_double_nothing(hall: Hall, tmp_path: Path) -> None:
    running = await hall.start("orders")
    await asyncio.gather(_come_and_go(hall, tmp_path, ["terminate", "kill"], 2.0), _traffic(hall, 120, 0.04))
    verdict = await hall.clean(90)
    assert verdict.counts["orders"] == 120
    await running.ready()


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_a_minute_of_members_that_leave_die_and_freeze_loses_and_doubles_nothing(hall: Hall, tmp_path: Path) -> None:
    endings: list[Ending] = ["terminate", "kill", "freeze"]
    await hall.start("orders")
    await asyncio.gather(_come_and_go(hall, tmp_path, endings * 8, 2.0), _traffic(hall, 1500, 0.03))
    verdict = await hall.clean(120)
    assert verdict.counts["orders"] == 1500


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize("wakes", ["with its transaction open", "when the database has ended it"])
async def test_a_member_that_freezes_with_a_batch_in_its_hands_holds_up_no_other_for_good(
    hall: Hall, tmp_path: Path, wakes: str
) -> None:
    survivor = await hall.start("orders")
    await hall.send("catalog.artworks", "mug/1", MUG)
    for number in range(24):
        await hall.send("sync.orders", f"mugs/{number}", a_shop_order(shop_order_id=f"{number}"))

    async def having(status: str) -> bool:
        newest = {it["order_id"]: it["status"] for it in await hall.bodies("orders.status")}
        return list(newest.values()).count(status) == 24

    await until(lambda: having("New"))
    member = await _member(hall, tmp_path)
    lane = survivor.service._members["commands"]
    await until(lambda: 0 < len(lane._consumer().assignment()) < 12)  # type: ignore[union-attr]

    connection = await asyncpg.connect(hall.databases["orders"])
    async with connection.transaction():
        await connection.execute("select from shop_orders for update")
        for number in range(24):
            order = order_id("mugs", f"{number}", "1")
            await hall.send("orders.commands", order, Archive(order_id=order, actor=ANN))

        async def both_wait() -> bool:
            waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            return await connection.fetchval(waiting) >= 2

        await until(both_wait)
        member.signal(signal.SIGSTOP)
    await connection.close()
    if wakes == "with its transaction open":
        await asyncio.sleep(PAST_THE_SESSION_S)
    else:
        await until(lambda: having("Archived"), 120)
    member.signal(signal.SIGCONT)
    await until(lambda: having("Archived"), 60)
    await hall.clean(60)
    await member.go()
