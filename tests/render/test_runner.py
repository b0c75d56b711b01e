"""The worker on the real queue. What draws is a press that does as it is told, so that it can fail in every way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef, OutputProfile
from platen_contracts.render import RenderFailed, RenderFinished
from platen_messaging.health import Health
from platen_outside.fetch import Fetched, FetchProblem
from platen_render.gateway import ObjectStore
from platen_render.worker import RenderPool, RenderProblem
from platen_render.worker.assets import Assets
from platen_render.worker.buyers import BuyersPhotos
from platen_render.worker.job import RENDERER, Jobs
from platen_render.worker.outputs import Printed
from platen_render.worker.photos import Inspected, inspect
from platen_render.worker.runner import Pace, Runner
from prometheus_client import REGISTRY
from sqlalchemy.exc import InterfaceError
from structlog.testing import capture_logs

from tests.support import until

from .asking import again, mug, request, take_in
from .room import Room


@dataclass
class Press:
    """Draws the buyer's name, unless it has something in `does`, which it then does first."""

    does: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    drawn: list[str] = field(default_factory=list[str])
    workers: int = 1
    alive: bool = True

    async def render(
        self,
        artwork: Artwork,
        side: str,
        answers: Mapping[str, Answer],
        profile: OutputProfile,
        assets: Mapping[str, bytes],
        photos: Mapping[str, bytes],
    ) -> Printed:
        name = str(answers["name"])
        self.drawn.append(name)
        if self.does:
            await self.does.pop(0)()
        return Printed(name.encode(), {"preview": b"small " + name.encode()}, ["photo_blurred photo"])

    async def inspect(self, data: bytes, declared: str, field: str | None = None) -> Inspected:
        return inspect(data, declared, field)


class Shelf(ObjectStore):
    """A folder that is away for the first `away` files put into it."""

    def __init__(self, folder: Path, away: int = 0) -> None:
        super().__init__(f"file://{folder}")
        self.away = away
        self.read = 0

    async def put_by_content(self, data: bytes, media_type: str) -> FileRef:
        if self.away:
            self.away -= 1
            raise ConnectionRefusedError("nobody listens")
        return await super().put_by_content(data, media_type)

    async def get(self, sha256: str) -> bytes:
        self.read += 1
        return await super().get(sha256)


@dataclass
class Shop:
    """A runner at work until the block ends."""

    room: Room
    press: Press
    shelf: Shelf
    health: Health = field(default_factory=Health)
    web: dict[str, bytes | FetchProblem] = field(default_factory=dict[str, bytes | FetchProblem])
    fetched: list[str] = field(default_factory=list[str])

    async def fetch(self, address: str) -> Fetched:
        self.fetched.append(address)
        found = self.web[address]
        if isinstance(found, FetchProblem):
            raise found
        return Fetched(found, "image/png")

    @asynccontextmanager
    async def at_work(self, **pace: float) -> AsyncIterator[asyncio.Event]:
        @asynccontextmanager
        async def press() -> AsyncIterator[Press]:
            yield self.press

        def new_pool() -> RenderPool:
            return cast(RenderPool, press())

        held = Pace(**{"poll": 0.02, **pace})
        photos = BuyersPhotos(self.room.shelf, self.shelf, self.fetch)
        jobs = Jobs(self.room.shelf, self.shelf, photos, self.health, held.patience)
        runner = Runner(self.room.outcomes, self.room.queue, jobs, self.health, new_pool, held)
        stop = asyncio.Event()
        work = asyncio.create_task(runner.run(stop))
        yield stop
        stop.set()
        await work

    async def answered(self, count: int = 1) -> list[Any]:
        async def enough() -> list[Any]:
            answers = await self.room.answers()
            return answers if len(answers) >= count else []

        return await until(enough)


@pytest.fixture
async def shop(room: Room, tmp_path: Path) -> Shop:
    await take_in(room.requests, mug())
    return Shop(room, Press(), Shelf(tmp_path))


async def fails(error: Exception) -> None:
    raise error


def died() -> RenderProblem:
    return RenderProblem("worker_died", None, "the process ended", "render it again")


async def test_a_file_is_in_the_store_before_its_answer_names_it(shop: Shop) -> None:
    asked = request()
    async with shop.at_work():
        await take_in(shop.room.requests, asked)
        (finished,) = await shop.answered()
    assert isinstance(finished, RenderFinished)
    assert await shop.shelf.get(finished.file.sha256) == b"Anna"
    assert (finished.request_id, finished.renderer) == (asked.request_id, RENDERER)
    assert finished.link.startswith("http://files/f/")


async def test_an_unknown_failure_is_answered_and_logged_once_and_the_next_job_is_drawn(shop: Shop) -> None:
    shop.press.does = [lambda: fails(KeyError("Anna of all people"))]
    with capture_logs() as lines:
        async with shop.at_work():
            await take_in(shop.room.requests, request())
            (failed,) = await shop.answered()
            await take_in(shop.room.requests, request())
            assert isinstance((await shop.answered(2))[1], RenderFinished)
    assert isinstance(failed, RenderFailed)
    assert failed.code == "internal"
    (line,) = (line for line in lines if line["log_level"] == "error")
    assert (line["kind"], line["request"], line["order"]) == ("KeyError", failed.request_id, failed.order_id)
    assert line.keys() >= {"message", "correlation"}
    assert "Anna" not in f"{failed} {lines}"


async def test_what_the_renderer_refuses_is_answered_without_the_buyers_words(shop: Shop) -> None:
    problem = RenderProblem("glyph_missing", "name", "no font has 'Anna'", "use other characters")
    shop.press.does = [lambda: fails(problem)]
    async with shop.at_work():
        await take_in(shop.room.requests, request())
        (failed,) = await shop.answered()
    assert isinstance(failed, RenderFailed)
    assert (failed.code, failed.field, failed.remedy) == ("glyph_missing", "name", "use other characters")
    assert "Anna" not in failed.model_dump_json()


async def test_a_job_whose_process_died_is_drawn_again(shop: Shop) -> None:
    shop.press.does = [lambda: fails(died())]
    async with shop.at_work():
        await take_in(shop.room.requests, request())
        (answer,) = await shop.answered()
    assert isinstance(answer, RenderFinished)
    assert len(shop.press.drawn) == 2


async def test_a_job_that_three_processes_died_with_is_given_up(shop: Shop) -> None:
    shop.press.does = [lambda: fails(died())] * 4
    async with shop.at_work():
        await take_in(shop.room.requests, request())
        (answer,) = await shop.answered()
    assert isinstance(answer, RenderFailed)
    assert answer.code == "worker_died"
    assert len(shop.press.drawn) == 3


async def test_a_job_waits_in_hand_while_the_object_store_is_away_and_is_not_drawn_twice(shop: Shop) -> None:
    shop.shelf.away = 1
    async with shop.at_work():
        await take_in(shop.room.requests, request())
        await until(lambda: _trouble(shop, "object store"))
        (answer,) = await shop.answered()
    assert isinstance(answer, RenderFinished)
    assert len(shop.press.drawn) == 1
    assert not await _trouble(shop, "object store")


async def test_a_job_is_put_back_when_the_object_store_stays_away(shop: Shop) -> None:
    shop.shelf.away = 2
    async with shop.at_work(patience=0, put_back=0):
        await take_in(shop.room.requests, request())
        (answer,) = await shop.answered()
    assert isinstance(answer, RenderFinished)
    assert len(shop.press.drawn) == 3


async def test_a_job_that_a_lost_connection_ended_is_due_again_soon(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, apply = (
        [InterfaceError("", None, Exception("connection is closed"), connection_invalidated=True)],
        shop.room.outcomes.apply,
    )

    async def once(*told: Any) -> Any:
        if lost:
            raise lost.pop()
        return await apply(*told)

    monkeypatch.setattr(shop.room.outcomes, "apply", once)
    async with shop.at_work(put_back=3600, soon=0.1):
        await take_in(shop.room.requests, request())
        (answer,) = await shop.answered()
    assert isinstance(answer, RenderFinished)


async def test_the_same_inputs_of_many_orders_are_drawn_once_for_those_that_wait(shop: Shop) -> None:
    await take_in(shop.room.requests, *[request(input_hash="1" * 64) for _ in range(40)])
    async with shop.at_work():
        answers = await shop.answered(40)
        await take_in(shop.room.requests, request(input_hash="1" * 64))
        answers = await shop.answered(41)
    assert len({answer.request_id for answer in answers}) == 41
    assert len({answer.link for answer in answers}) == 41
    assert len(shop.press.drawn) <= shop.press.workers + 1


async def test_a_request_answered_before_is_answered_again_with_the_same_link_and_not_drawn(shop: Shop) -> None:
    asked = request()
    async with shop.at_work():
        await take_in(shop.room.requests, asked)
        await shop.answered()
        await take_in(shop.room.requests, asked)
        await shop.answered(2)
        await take_in(shop.room.requests, again(asked))
        first, second, third = await shop.answered(3)
    assert first == second
    assert (third.link, third.file) == (first.link, first.file)
    assert shop.press.drawn == ["Anna"]


async def test_a_lease_is_renewed_while_its_job_is_drawn(shop: Shop) -> None:
    held = asyncio.Event()
    shop.press.does = [lambda: _wait(held)]
    leases = "select due_at from jobs where lease is not null"
    lease = timedelta(seconds=5)  # on a machine that is so busy that a renewal comes seconds late, too
    async with shop.at_work(lease=lease.total_seconds()):
        await take_in(shop.room.requests, request())
        first = await until(lambda: shop.room.rows(leases))

        async def outlived() -> bool:
            assert await shop.room.claim() is None
            return (await shop.room.rows(leases))[0][0] > first[0][0] + lease

        await until(outlived)
        held.set()
        assert isinstance((await shop.answered())[0], RenderFinished)


async def test_the_service_is_not_ready_while_nothing_can_draw(shop: Shop) -> None:
    shop.press.alive = False
    async with shop.at_work(lease=0.2):
        await until(lambda: _trouble(shop, "drawing processes"))
        shop.press.alive = True
        await until(lambda: _ready(shop))


async def test_open_jobs_are_counted_by_what_they_wait_for(shop: Shop) -> None:
    held = asyncio.Event()
    shop.press.does = [lambda: _wait(held)] * 2
    await take_in(shop.room.requests, *[request() for _ in range(5)], request(artwork={"artwork_id": "cap", "version": 1}))
    async with shop.at_work(lease=0.2, grace=0):
        await until(lambda: _figures({"waiting_for_artwork": 1, "waiting": 3, "drawing": 2}))


async def test_stopping_lets_the_job_in_hand_end_and_takes_no_other(shop: Shop) -> None:
    held = asyncio.Event()
    shop.press.does = [lambda: _wait(held)] * 3
    async with shop.at_work() as stop:
        await take_in(shop.room.requests, *[request() for _ in range(3)])
        await until(lambda: _count(shop, 2))
        stop.set()
        held.set()
    assert len(await shop.room.answers()) == 2
    assert (await shop.room.queue.counted()).waiting == 1


async def test_a_job_that_outlives_the_grace_is_put_back_at_once(shop: Shop) -> None:
    shop.press.does = [lambda: _wait(asyncio.Event())]
    async with shop.at_work(grace=0.05) as stop:
        await take_in(shop.room.requests, request())
        await until(lambda: _count(shop, 1))
        stop.set()
    claim = await shop.room.claim()
    assert claim is not None
    assert claim.lost == 0


async def test_images_are_read_once_and_the_oldest_go_when_there_are_too_many(shop: Shop) -> None:
    files = [await shop.shelf.put_by_content(bytes([place]) * 10, "image/png") for place in range(3)]
    gone = FileRef(sha256="0" * 64, size=1, media_type="image/png")
    assets = Assets(shop.shelf, kept_bytes=20)
    assert await assets.of([*files[:2], gone]) == {file.sha256: bytes([place]) * 10 for place, file in enumerate(files[:2])}
    await assets.of(files[:1])
    assert shop.shelf.read == 3
    await assets.of(files[2:])
    await assets.of([files[0], files[2]])
    assert shop.shelf.read == 4
    await assets.of(files[1:2])
    assert shop.shelf.read == 5


async def test_views_and_warnings_come_with_the_file_and_again_when_it_is_reused(shop: Shop) -> None:
    asked = request()
    async with shop.at_work():
        await take_in(shop.room.requests, asked)
        await shop.answered()
        await take_in(shop.room.requests, again(asked))
        first, second = await shop.answered(2)
    assert first.warnings == second.warnings == ["photo_blurred photo"]
    assert first.views == second.views
    assert await shop.shelf.get(first.views["preview"].sha256) == b"small Anna"


PHOTO = {"label": "Photo", "kind": "photo", "required": False}


def with_photo(version: int = 7) -> Artwork:
    document = mug(version).model_dump()
    document["options"]["photo"] = PHOTO
    return Artwork.model_validate(document)


def asking_with(photo: object, **changes: Any) -> Any:
    return request(artwork={"artwork_id": "mug", "version": 7}, answers={"name": "Anna", "photo": photo}, **changes)


async def test_a_photo_at_an_address_is_fetched_once_for_an_order_and_kept(shop: Shop, picture: Callable[..., bytes]) -> None:
    shop.web["https://shop.example/a.png"] = picture()
    asked = asking_with("https://shop.example/a.png")
    await take_in(shop.room.requests, with_photo(), asked)
    async with shop.at_work():
        await shop.answered()
        await take_in(shop.room.requests, again(asked, input_hash="2" * 64))
        _, second = await shop.answered(2)
    assert isinstance(second, RenderFinished)
    assert shop.fetched == ["https://shop.example/a.png"]
    ((sha256,),) = await shop.room.rows("select sha256 from photos where source is not null")
    assert await shop.shelf.get(sha256) == picture()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("photo_address_refused", FetchProblem("address_refused", "it is inside")),
        ("photo_unreachable", FetchProblem("not_found", "nothing there")),
        ("photo_too_large", FetchProblem("too_large", "it is large")),
        ("photo_unsupported", FetchProblem("type_refused", "a page")),
        ("photo_unsupported", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("photo_corrupt", b"\x89PNG\r\n\x1a\n"),
    ],
)
async def test_a_photo_that_cannot_be_had_fails_the_request_and_names_the_option(
    shop: Shop, code: str, problem: bytes | FetchProblem
) -> None:
    shop.web["https://shop.example/a.png"] = problem
    await take_in(shop.room.requests, with_photo(), asking_with("https://shop.example/a.png"), request())
    async with shop.at_work():
        answers = await shop.answered(2)
    (failed,) = [answer for answer in answers if isinstance(answer, RenderFailed)]
    assert (failed.code, failed.field, "shop.example" in failed.remedy) == (code, "photo", False)
    assert len([answer for answer in answers if isinstance(answer, RenderFinished)]) == 1


async def test_an_uploaded_photo_that_is_none_fails_the_request(shop: Shop) -> None:
    fake = await shop.shelf.put_by_content(b"%PDF-1.7", "image/png")
    gone = FileRef(sha256="0" * 64, size=1, media_type="image/png")
    await take_in(shop.room.requests, with_photo(), asking_with(fake), asking_with(gone))
    async with shop.at_work():
        answers = await shop.answered(2)
    assert {answer.code for answer in answers} == {"photo_unsupported", "photo_missing"}
    assert not shop.press.drawn


async def test_a_long_queue_says_how_far_it_is(shop: Shop) -> None:
    held = asyncio.Event()
    shop.press.does = [lambda: _wait(held)] * 2
    await take_in(shop.room.requests, *[request(shop_id=f"shop-{number % 3}") for number in range(9)])
    with capture_logs() as logs:
        async with shop.at_work(lease=0.2, grace=0, tell=0):
            await until(lambda: [line for line in logs if line["event"] == "drawing"])
    line = next(line for line in logs if line["event"] == "drawing")
    assert (line["waiting"] >= 7, line["shops"], "per_minute" in line) == (True, 3, True)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _trouble(shop: Shop, part: str) -> bool:
    return part in str(shop.health.as_json())


async def _count(shop: Shop, drawing: int) -> bool:
    return (await shop.room.queue.counted()).drawing == drawing


async def _ready(shop: Shop) -> bool:
    return shop.health.ready


async def _figures(expected: dict[str, int]) -> bool:
    return {state: REGISTRY.get_sample_value("platen_render_jobs", {"state": state}) for state in expected} == expected
