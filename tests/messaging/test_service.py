"""A whole service: how it starts when nothing is there, what it says, and how it stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from platen_cli.local import Kafka
from platen_cli.local.ports import free_port
from platen_cli.provision import provision_topics
from platen_messaging.health import Health
from platen_messaging.service import Service
from platen_messaging.settings import ServiceSettings
from platen_messaging.waiting import Task, supervise
from platen_messaging.web import PortBusy
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs
from toy_counter.contract import CATALOGUE, TOPICS, Add
from toy_counter.harness import Toy

from tests.support import until

HERE = Path(__file__).parent


class Process:
    """The toy as a process of its own; reads its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.raw.append(line.decode())
            if line.startswith(b"{"):
                self.lines.append(json.loads(line))

    async def url(self) -> str:
        async def listening() -> str:
            return next((line["url"] for line in self.lines if line["event"] == "listening"), "")

        return await until(listening)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=60) as client:
            return await client.get(await self.url() + path)

    async def ready(self) -> None:
        async def green() -> bool:
            return (await self.get("/ready")).status_code == 200

        await until(green)

    async def not_ready(self, part: str) -> dict[str, str]:
        """The trouble of that part, once it is told."""

        async def red() -> dict[str, str] | None:
            troubles = (await self.get("/ready")).json()["reasons"]
            return next(
                (trouble for trouble in troubles if trouble["part"] == part and trouble["remedy"] != "wait a moment"), None
            )

        return await until(red)

    async def end(self, number: int = signal.SIGTERM) -> int:
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        code = await asyncio.wait_for(self._process.wait(), 40)
        await self._reading
        return code

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


@asynccontextmanager
async def process(**variables: str) -> AsyncGenerator[Process]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLATEN_")}
    environment = {**clean, "PYTHONPATH": str(HERE), **{f"PLATEN_{name.upper()}": value for name, value in variables.items()}}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "toy_counter.main", env=environment, stderr=asyncio.subprocess.PIPE
    )
    running = Process(started)
    try:
        yield running
    finally:
        running.kill()
        await running.ended()


def variables_of(toy: Toy) -> dict[str, str]:
    return {"kafka": toy.settings.kafka, "database": toy.settings.database, "topic_prefix": toy.prefix}


async def test_a_process_works_tells_and_stops_in_good_order(toy: Toy) -> None:
    async with process(**variables_of(toy)) as running:
        await running.ready()
        await toy.send(Add(by=3))
        await toy.total_is(3)
        assert (await running.get("/health")).text == "alive"
        assert (await running.get("/ready")).json() == {"ready": True, "reasons": []}

        async def counted() -> bool:  # a moment after it was committed
            figures = (await running.get("/metrics")).text
            return 'platen_messages_total{lane="counts",outcome="applied",topic="toy.adds"} 1.0' in figures

        await until(counted)
        assert await running.end() == 0
        assert {"listening", "lane reads", "relay sends", "stopping", "stopped"} <= {line["event"] for line in running.lines}
        assert all(line["service"] == "toy" for line in running.lines)
    assert not any("Traceback" in line for line in running.raw)


async def test_a_stop_under_load_loses_and_doubles_nothing(toy: Toy) -> None:
    await toy.query("alter table counters drop constraint counters_total_check")

    async def feed() -> None:
        for number in range(400):
            await toy.send(Add(by=1), message_id=f"{number}")

    async with process(**variables_of(toy)) as first:
        await first.ready()
        feeding = asyncio.ensure_future(feed())

        async def some() -> bool:
            return await toy.total() > 50

        await until(some)
        assert await first.end() == 0
        assert await toy.value("select count(*) from outbox") == 0
        await feeding
    async with process(**variables_of(toy)) as second:
        await second.ready()  # the first may have counted all: before it is up, a signal just ends it
        await toy.total_is(400)
        assert await second.end() == 0
    assert {dict(record.headers)["ce_type"] for record in await toy.read("toy.added")} == {b"platen.toy.Added.v1"}
    assert len(await toy.read("toy.added")) == 400


async def test_a_stop_waits_for_the_batch_in_hand_and_sends_what_it_left(toy: Toy) -> None:
    running = await toy.start()
    running.store.gate.clear()
    await toy.send(Add(by=5))
    await asyncio.wait_for(running.store.reached.wait(), 60)
    with capture_logs() as lines:
        running.stop.set()
        await until(lambda: any({"event": "stopping", "log_level": "info"}.items() <= line.items() for line in lines))
        assert not running.serving.done()
        running.store.gate.set()
        await running.end()
    assert await toy.total() == 5
    assert [record.value for record in await toy.read("toy.added")] == [b'{"by":5,"total":5,"text":""}']
    again = await toy.start()
    await toy.send(Add(by=1))
    await toy.total_is(6)
    assert again.store.loads == [["all"]]


async def test_a_service_waits_for_its_broker_with_one_line_and_no_traceback(
    tmp_path: Path, database: Callable[[str], Awaitable[str]]
) -> None:
    kafka = Kafka(tmp_path / "kafka", port=free_port())
    url = await database("toy_counter")
    async with process(kafka=kafka.bootstrap, database=url) as running:
        trouble = await running.not_ready("lane counts")
        assert trouble["reason"].startswith(f"Kafka at {kafka.bootstrap}: KafkaConnectionError")
        assert trouble["remedy"] == "see that it runs; it is tried again"
        assert (await running.get("/health")).status_code == 200
        async with kafka:
            trouble = await running.not_ready("lane counts")
            await provision_topics(kafka.bootstrap, TOPICS)
            await running.ready()
            assert await running.end() == 0
        told = [line for line in running.lines if line["event"] == "not ready" and line["trouble"] == "lane counts"]
        assert len({line["reason"] for line in told}) == len(told)
    assert not any("Traceback" in line for line in running.raw)


async def test_a_service_says_which_topics_are_missing(toy: Toy) -> None:
    async with process(**{**variables_of(toy), "topic_prefix": toy.prefix + "no."}) as running:
        trouble = await running.not_ready("lane counts")
        assert trouble["reason"].startswith(f"no such topic: {toy.prefix}no.toy.adds, ")
        assert await running.end(signal.SIGINT) == 0


async def test_a_service_waits_for_its_database(toy: Toy) -> None:
    async with process(**{**variables_of(toy), "database": f"postgresql://me:pass@127.0.0.1:{free_port()}/db"}) as running:
        trouble = await running.not_ready("database")
        assert trouble["reason"].startswith("postgresql://me:***@127.0.0.1:")
        assert "ConnectionRefusedError" in trouble["reason"]
        assert await running.end() == 0
    assert not any("Traceback" in line for line in running.raw)


async def test_a_service_says_which_migration_is_missing(toy: Toy) -> None:
    await toy.query("delete from alembic_version")
    async with process(**variables_of(toy)) as running:
        trouble = await running.not_ready("database")
        assert trouble["reason"] == "the database is at revision none, toy_counter needs 0001"
        assert trouble["remedy"] == "run python -m platen_messaging.migrate toy_counter"
        await toy.query("insert into alembic_version values ('0001')")
        await running.ready()


async def test_a_database_ahead_of_the_code_is_fine(toy: Toy) -> None:
    await toy.query("update alembic_version set version_num = '0009'")
    await toy.start()


async def test_another_services_database_is_refused_at_once(toy: Toy) -> None:
    await toy.query("comment on table alembic_version is 'platen_render'")
    async with process(**variables_of(toy)) as running:
        assert await running.ended() == 1
        line = running.raw[-1]
        assert line.startswith("PLATEN_DATABASE: postgresql://")
        assert line.endswith(": it is the database of platen_render; give toy_counter its own\n")
        assert not any("Traceback" in line for line in running.raw)


async def test_a_busy_port_is_told_with_its_remedy(toy: Toy) -> None:
    async with process(**variables_of(toy)) as first:
        address = (await first.url()).removeprefix("http://")
        async with process(**variables_of(toy), http=address) as second:
            assert await second.ended() == 1
            assert second.raw == [f"PLATEN_HTTP: {address}: Address already in use; give a free host:port, or port 0 for any\n"]


async def test_a_wrong_setting_stops_at_once_with_a_line(toy: Toy) -> None:
    async with process(database="mysql://root:hush@h/db", http="nowhere") as running:
        assert await running.ended() == 2
        assert len(running.raw) == 3
        assert running.raw[0].startswith("PLATEN_KAFKA is not set; allowed: bootstrap brokers of Kafka")
        assert running.raw[1].startswith("PLATEN_DATABASE: 'mysql://root:***@h/db': it begins with mysql://; postgresql:// is")
        assert running.raw[2].startswith("PLATEN_HTTP: 'nowhere': it is not host:port; allowed: host:port to listen on")


async def test_a_service_serves_its_own_routes(toy: Toy) -> None:
    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse("own")

    service = Service("toy", toy.settings, routes=[Route("/own", page)], package="toy_counter", catalogue=CATALOGUE)
    port = free_port()
    object.__setattr__(service, "settings", toy.settings.model_copy(update={"http": f"127.0.0.1:{port}"}))
    stop = asyncio.Event()
    serving = asyncio.ensure_future(service.serve(stop))

    async def own() -> bool:
        async with httpx.AsyncClient(timeout=60) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{port}/own")).text == "own"
            except httpx.ConnectError:
                return False

    await until(own)
    stop.set()
    await serving


async def test_serving_on_a_busy_port_raises(toy: Toy) -> None:
    first = ServiceSettings(kafka="h:1", database="postgresql://h/d", http=f"127.0.0.1:{free_port()}")
    service = Service("toy", first, package="toy_counter")
    other = Service("toy", first, package="toy_counter")
    stop = asyncio.Event()
    serving = asyncio.ensure_future(service.serve(stop))
    await asyncio.sleep(0)
    with pytest.raises(PortBusy):
        await other.serve(stop)
    stop.set()
    await serving


async def test_a_failing_task_is_told_and_started_again() -> None:
    health, stop, runs = Health(), asyncio.Event(), 0

    async def fails_twice(stop: asyncio.Event) -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("not yet")

    supervised = asyncio.ensure_future(supervise(Task("poll", fails_twice), stop, health))

    async def told() -> bool:
        return "RuntimeError: not yet" in str(health.as_json())

    await until(told)
    await asyncio.wait_for(supervised, 10)
    assert runs == 3
    assert health.ready


async def test_messages_can_be_posted_without_a_decision(toy: Toy) -> None:
    from platen_messaging.outcome import Outgoing

    running = await toy.start()
    await running.service.post([Outgoing("toy.adds", "all", Add(by=9), "posted-1")])
    await toy.total_is(9)
