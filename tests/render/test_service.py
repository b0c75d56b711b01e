"""The whole service on the real broker: a request goes in, a print file comes out behind its link."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from PIL import Image
from platen_contracts.catalog import Artwork
from platen_contracts.envelope import decode, encode, encode_headers
from platen_contracts.render import RenderFailed, RenderFinished, RenderRequested
from platen_contracts.topics import CATALOGUE
from platen_messaging.service import Service
from platen_messaging.web import application
from platen_render.gateway import ObjectStore
from platen_render.main import build
from platen_render.settings import Settings

from tests.support import until

from .asking import again, meta, mug, request
from .conftest import Studio
from .room import Room
from .test_collecting import snapshot

FILES_URL = "http://files.test"

Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


@dataclass
class World:
    """The service's surroundings, and the service where a test starts it."""

    environment: dict[str, str]
    prefix: str
    room: Room
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    objects: ObjectStore
    seen: list[Any] = field(default_factory=list[Any])

    @property
    def settings(self) -> Settings:
        return Settings(**{name.removeprefix("PLATEN_").lower(): value for name, value in self.environment.items()})  # type: ignore[arg-type]

    async def ask(self, *messages: RenderRequested | Artwork) -> None:
        for message in messages:
            artwork = isinstance(message, Artwork)
            topic = "catalog.artworks" if artwork else "render.requests"
            key = f"{message.artwork_id}/{message.version}" if artwork else message.order_id
            headers = encode_headers(meta(message))
            await self.producer.send_and_wait(self.prefix + topic, encode(message), key.encode(), headers=headers)

    async def answers(self, count: int) -> list[Any]:
        """The first `count` answers on render.results."""
        async with asyncio.timeout(60):
            while len(self.seen) < count:
                record = await self.consumer.getone()
                self.seen.append(decode(record.value, record.headers, CATALOGUE["render.results"].types))
        return self.seen[:count]


@pytest.fixture
async def world(
    kafka_bootstrap: str,
    topic_prefix: str,
    topics: Callable[..., Awaitable[list[str]]],
    database: Callable[[str], Awaitable[str]],
    tmp_path: Path,
) -> AsyncIterator[World]:
    await topics("render.requests", "render.results", "render.dead-letter", "catalog.artworks", "orders.status")
    url = await database("platen_render")
    environment = {
        "PLATEN_KAFKA": kafka_bootstrap,
        "PLATEN_DATABASE": url,
        "PLATEN_OBJECTS": f"file://{tmp_path}/objects",
        "PLATEN_FILES_URL": FILES_URL + "/",
        "PLATEN_TOPIC_PREFIX": topic_prefix,
        "PLATEN_RENDER_WORKERS": "1",
    }
    room = Room.at(url)
    objects = ObjectStore(environment["PLATEN_OBJECTS"])
    consumer = AIOKafkaConsumer(
        f"{topic_prefix}render.results", bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer, consumer:
        yield World(environment, topic_prefix, room, producer, consumer, objects)
    await room.engine.dispose()


@pytest.fixture
async def service(world: World) -> AsyncIterator[Service]:
    """At work in this process."""
    service, stop = build(world.settings), asyncio.Event()
    serving = asyncio.create_task(service.serve(stop))
    yield service
    stop.set()
    await serving


def client_of(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application(service.health, service.routes)), base_url=FILES_URL)


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def has_counted(client: httpx.AsyncClient) -> bool:
    """A job is counted once its answer is committed, which may be heard before."""
    return 'platen_render_outcomes_total{outcome="drawn"}' in (await client.get("/metrics")).text


async def test_a_request_becomes_a_print_file_behind_a_link(world: World, service: Service, studio: Studio, picture: Any) -> None:
    artwork = studio.artwork(studio.image(picture()), studio.text())
    for data in studio.assets.values():
        await world.objects.put_by_content(data, "image/png")
    asked = request(answers={"name": "สมชาย"})
    await world.ask(asked, artwork)
    (finished,) = await world.answers(1)
    assert isinstance(finished, RenderFinished)
    assert (finished.request_id, finished.input_hash) == (asked.request_id, asked.input_hash)
    async with client_of(service) as client:
        shown = await client.get(finished.link)
        await until(lambda: has_counted(client))
        await until(lambda: is_ready(client))
    image = Image.open(io.BytesIO(shown.content))
    assert (image.size, image.mode, round(image.info["dpi"][0])) == ((300, 400), "RGBA", 300)
    assert len(shown.content) == finished.file.size


async def test_every_request_gets_one_answer_whatever_comes_of_it(world: World, service: Service) -> None:
    fine, too_long = request(), request(answers={"name": "x" * 21})
    no_such_side = request(side="sleeve")
    await world.ask(mug(), fine, too_long, no_such_side)
    answers = {answer.request_id: answer for answer in await world.answers(3)}
    assert isinstance(answers[fine.request_id], RenderFinished)
    failed = answers[too_long.request_id]
    assert isinstance(failed, RenderFailed)
    assert (failed.code, failed.field) == ("answer_invalid", "name")
    assert failed.remedy == "shorten the text to 20 characters"
    assert answers[no_such_side.request_id].code == "side_unknown"
    await world.ask(fine)
    assert (await world.answers(4))[3] == answers[fine.request_id]
    await world.ask(again(fine))
    assert (await world.answers(5))[4].link == answers[fine.request_id].link
    assert not await world.room.rows("select 1 from jobs")


async def test_a_buyers_photo_is_fetched_and_drawn_and_everything_goes_with_its_order(
    world: World, studio: Studio, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n" + picture(300, 400, form="JPEG"))
        await writer.drain()
        writer.close()

    shop = await asyncio.start_server(give, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{shop.sockets[0].getsockname()[1]}"
    monkeypatch.setattr("platen_render.poll.EVERY_S", 0.05)
    layer = {"kind": "photo", "option": "photo", "width": 300, "height": 400, "good_dpi": 600}
    artwork = studio.artwork(layer, photo={"label": "Photo", "kind": "photo"})
    asked = request(answers={"photo": f"{origin}/a.jpg"})
    settings = world.settings.model_copy(update={"photo_hosts": [origin]})
    service, stop = build(settings), asyncio.Event()
    serving = asyncio.create_task(service.serve(stop))
    await world.ask(artwork, asked)
    (finished,) = await world.answers(1)
    assert isinstance(finished, RenderFinished)
    assert (finished.warnings, set(finished.views)) == (["photo_blurred photo"], {"preview"})
    async with client_of(service) as client:
        preview = await client.get(f"{finished.link}/preview")
        assert Image.open(io.BytesIO(preview.content)).format == "WEBP"
        erased = snapshot(asked.order_id, {asked.item_id: None}, erased=True)
        await world.producer.send_and_wait(
            world.prefix + "orders.status", encode(erased), asked.order_id.encode(), headers=encode_headers(meta(erased))
        )
        collected = (await world.answers(2))[1]
        assert (collected.item_id, collected.sha256) == (asked.item_id, finished.file.sha256)
        assert (await client.get(finished.link)).status_code == 404
    await until(lambda: _is_empty(world))
    assert files_in(world) == []
    stop.set()
    await serving
    shop.close()


def files_in(world: World) -> list[Path]:
    folder = Path(world.environment["PLATEN_OBJECTS"].removeprefix("file://"))
    return [file for file in folder.rglob("*") if file.is_file()]


async def _is_empty(world: World) -> bool:
    return await world.room.rows("select 1 from files") == []


async def test_a_service_killed_in_the_middle_of_a_job_leaves_it_to_the_next(world: World, start: Start) -> None:
    asked = request()
    await world.ask(mug(), asked)
    async with world.room.engine.begin() as tx:
        await tx.exec_driver_sql("lock table links in exclusive mode")  # so that the job cannot end before the service does
        first = await start()
        await until(lambda: world.room.rows("select 1 from jobs where lease is not null"))
        drawing = await until(lambda: psutil.Process(first.pid).children(recursive=True))
        first.send_signal(signal.SIGKILL)
        await first.wait()
    assert [row[0] for row in await world.room.rows("select request_id from jobs")] == [asked.request_id]
    await world.room.rows("update jobs set due_at = now()")  # its lease ends; waiting for that proves nothing more
    second = await start()
    (finished,) = await world.answers(1)
    second.send_signal(signal.SIGTERM)
    assert await second.wait() == 0
    assert isinstance(finished, RenderFinished)
    assert (await world.objects.get(finished.file.sha256)).startswith(b"\x89PNG")
    assert await world.room.rows("select count(*) from outbox") == [(0,)]
    await asyncio.to_thread(psutil.wait_procs, drawing, 20)
    assert not [process for process in drawing if process.is_running()]


@pytest.fixture
async def start(world: World, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts the service as a process of its own."""
    made: list[asyncio.subprocess.Process] = []

    async def start() -> asyncio.subprocess.Process:
        environment = {**os.environ, **world.environment, "TMPDIR": str(tmp_path)}
        made.append(await asyncio.create_subprocess_exec(sys.executable, "-m", "platen_render", env=environment))
        return made[-1]

    yield start
    for process in made:
        if process.returncode is None:
            process.kill()
            await process.wait()
