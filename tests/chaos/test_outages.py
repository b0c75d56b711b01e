"""The broker or the database goes away: services wait, say so, and go on by themselves; I1 to I8 hold."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
from platen_cli.local import Kafka, Postgres
from platen_cli.provision import ensure_database, migrate, provision_topics
from platen_cli.recovery.reach import Reach
from platen_cli.recovery.rebuild import rebuilding
from platen_contracts.common import Actor
from platen_contracts.orders import Archive
from platen_messaging import sending as sending_module
from platen_messaging.outcome import Outgoing

from tests.orders.world import MUG, a_shop_order
from tests.support import until

from .hall import Hall, Running

ANN = Actor(kind="operator", name="ann")
UNKNOWN = "ab" * 16
"""An order that nobody made: the command is refused, which is an answer too."""

FIRST_PROGRESS_S = 3.0
"""After the other side is back; held to in the marked tests alone, since `make test` shares its two cores."""


@asynccontextmanager
async def own_hall(folder: Path, data: Path | None = None) -> AsyncIterator[tuple[Hall, Kafka, Postgres]]:
    """A hall with a broker and a cluster that nobody else uses, so that they may be broken. `data` is the cluster's folder."""
    async with Kafka(folder / "kafka") as kafka, Postgres(data or folder / "postgres") as postgres:
        await provision_topics(kafka.bootstrap)

        async def database(package: str) -> str:
            url = await ensure_database(postgres.admin_url, package, package)
            await migrate(url, package)
            return url

        hall = Hall(kafka.bootstrap, "", database, folder)
        try:
            await hall.send("catalog.artworks", "mug/1", MUG)
            yield hall, kafka, postgres
        finally:
            await hall.close()


async def observe(hall: Hall, first: int, count: int) -> None:
    for number in range(first, first + count):
        await hall.send("sync.orders", f"mugs/{number}", a_shop_order(shop_order_id=f"{number}"))


async def says(running: Running, *words: str) -> str:
    """What readiness says, once it holds one of the words."""

    async def told() -> str:
        troubles = str(running.service.health.as_json()["reasons"])
        return troubles if any(word in troubles for word in words) else ""

    return await until(told, 90)


async def progress(hall: Hall, orders: int, seconds: float = 60) -> float:
    """Waits until that many orders are told of; returns how many seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def there() -> bool:
        return len({it["order_id"] for it in await hall.bodies("orders.status")}) >= orders

    await until(there, seconds)
    return loop.time() - began


async def test_a_database_that_is_killed_and_cut_in_mid_batch_is_waited_for(tmp_path: Path) -> None:
    async with own_hall(tmp_path / "own") as (hall, _, postgres):
        running = await hall.start("orders")
        await observe(hall, 0, 20)
        sending = asyncio.create_task(observe(hall, 20, 100))
        await postgres.kill()
        trouble = await says(running, "see that the database runs")
        await postgres.start()
        connection = await asyncpg.connect(postgres.admin_url)
        for _ in range(5):
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'platen_orders' and state <> 'idle'"
            )
            await asyncio.sleep(0.2)
        await connection.close()
        await sending
        await progress(hall, 120)
        verdict = await hall.clean()
        await running.ready()
    assert "it is tried again" in trouble
    assert verdict.counts["orders"] == 120


async def test_a_broker_that_is_killed_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_module, "DEADLINE", 3.0)  # half a minute of it would be spent on waiting
    async with own_hall(tmp_path / "own") as (hall, kafka, _):
        running = await hall.start("orders")
        await observe(hall, 0, 20)
        await progress(hall, 20)
        sending = asyncio.create_task(observe(hall, 20, 20))
        await kafka.kill()
        await running.service.post([Outgoing("orders.commands", UNKNOWN, Archive(order_id=UNKNOWN, actor=ANN), UNKNOWN)])
        trouble = await says(running, "nothing is lost meanwhile")
        await kafka.start()
        await sending
        await progress(hall, 40)
        verdict = await hall.clean()
        await running.ready()
    assert kafka.bootstrap in trouble
    assert verdict.counts["orders"] == 40


@pytest.mark.chaos
@pytest.mark.parametrize("how", ["kill", "pause"])
@pytest.mark.parametrize("away", ["broker", "database"])
async def test_half_a_minute_without_one_ends_within_three_seconds(tmp_path: Path, away: str, how: str) -> None:
    async with own_hall(tmp_path / "own") as (hall, kafka, postgres):
        server = kafka if away == "broker" else postgres
        running = await hall.start("orders")
        await observe(hall, 0, 20)
        await progress(hall, 20)
        if how == "kill":
            await server.kill()
            await asyncio.sleep(30)
            await server.start()
        else:
            server.pause()
            await asyncio.sleep(30)
            server.resume()
        await observe(hall, 20, 20)
        seconds = await progress(hall, 21)
        await progress(hall, 40)
        verdict = await hall.clean()
        await running.ready()
    assert verdict.counts["orders"] == 40
    assert seconds <= FIRST_PROGRESS_S


async def test_after_kafka_was_put_back_from_an_older_copy_its_topics_are_told_again(tmp_path: Path) -> None:
    async with own_hall(tmp_path / "own") as (hall, kafka, _):
        running = await hall.start("orders")
        await observe(hall, 0, 10)
        await progress(hall, 10)
        await kafka.stop()
        shutil.copytree(kafka.folder / "topics", tmp_path / "older")
        await kafka.start()
        await observe(hall, 10, 10)
        await progress(hall, 20)
        await running.end()
        await kafka.stop()
        shutil.rmtree(kafka.folder / "topics")
        shutil.move(tmp_path / "older", kafka.folder / "topics")
        await kafka.start()

        await hall.reconnect()
        await observe(hall, 20, 10)
        await hall.start("orders")
        await progress(hall, 20)
        where = Reach(kafka.bootstrap, "", hall.databases)
        for topic in ("orders.status", "orders.history", "orders.private"):
            async with rebuilding(where, topic) as work:
                before = await work.compare()
                told = await work.rebuild(30)
            assert (before.equal, told.now.equal) == (False, True), (topic, before, told)
        assert len({it["order_id"] for it in await hall.bodies("orders.status")}) == 30


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "platen-chaos", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.chaos
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may mount a small disk")
async def test_a_full_disk_under_the_database_is_waited_for_until_there_is_room_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 160) as disk:
        async with own_hall(tmp_path / "own", disk / "postgres") as (hall, _, _):
            running = await hall.start("orders")
            await observe(hall, 0, 10)
            await progress(hall, 10)
            with (disk / "ballast").open("wb") as ballast:
                while shutil.disk_usage(disk).free > 64 * 1024:
                    ballast.write(b"x" * min(1024 * 1024, shutil.disk_usage(disk).free))
                    ballast.flush()
            await observe(hall, 10, 300)
            trouble = await says(running, "No space left", "could not extend", "DiskFull", "recovery", "refused", "closed")
            (disk / "ballast").unlink()
            await progress(hall, 310, 90)
            verdict = await hall.clean(90)
            await running.ready()
    assert trouble
    assert verdict.counts["orders"] == 310
