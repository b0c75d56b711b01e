import asyncio
import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef
from platen_render.worker import RenderPool, RenderProblem
from platen_render.worker.family import Family

from tests.support import until

from .conftest import Studio
from .drawn import draw
from .test_photos import HOSTILE

ANNA = {"name": "Anna"}


@pytest.fixture
async def pool() -> AsyncIterator[RenderPool]:
    async with RenderPool(workers=1, time_limit_s=60) as pool:
        yield pool


@pytest.fixture
def endless(studio: Studio, picture: Callable[..., bytes]) -> Artwork:
    """An artwork that takes minutes to draw."""
    return studio.artwork(*[studio.image(picture(2000, 2000), width=6000, height=8000)] * 199, studio.text())


def workers() -> set[int | None]:
    return {child.pid for child in multiprocessing.active_children()}


async def test_a_worker_draws_what_the_function_draws(pool: RenderPool, studio: Studio, picture: Callable[..., bytes]) -> None:
    artwork = studio.artwork(studio.image(picture()), studio.text())
    printed = await pool.render(artwork, "front", ANNA, studio.profile(), studio.assets)
    assert printed.data == draw(artwork, "front", ANNA, studio.profile(), studio.assets)


async def test_a_problem_crosses_the_process_whole_and_the_worker_goes_on(pool: RenderPool, studio: Studio) -> None:
    artwork = studio.artwork(studio.text())
    with pytest.raises(RenderProblem) as problem:
        await pool.render(artwork, "front", {}, studio.profile(), {})
    before = workers()
    assert (problem.value.code, problem.value.field, problem.value.remedy) == ("answer_missing", "name", "enter an answer")
    assert await pool.render(artwork, "front", ANNA, studio.profile(), {})
    assert workers() == before


async def test_a_worker_killed_in_the_middle_of_a_job_does_no_harm(pool: RenderPool, studio: Studio, endless: Artwork) -> None:
    doomed = asyncio.create_task(pool.render(endless, "front", ANNA, studio.profile(), studio.assets))
    await until(lambda: pool.drawing)
    waiting = asyncio.create_task(pool.render(studio.artwork(studio.text()), "front", ANNA, studio.profile(), {}))
    await until(lambda: pool.waiting)
    (worker,) = workers()
    os.kill(worker or 0, signal.SIGKILL)
    with pytest.raises(RenderProblem) as problem:
        await doomed
    assert problem.value.code == "worker_died"
    assert (await waiting).data.startswith(b"\x89PNG")


async def test_a_job_over_its_time_limit_is_ended_and_the_next_one_is_drawn(studio: Studio, endless: Artwork) -> None:
    async with RenderPool(workers=1, time_limit_s=2) as pool:
        with pytest.raises(RenderProblem) as problem:
            await pool.render(endless, "front", ANNA, studio.profile(), studio.assets)
        assert problem.value.code == "time_limit"
        pool.time_limit_s = 60  # the first drawing of a fresh process takes longer than two seconds on a busy machine
        assert await pool.render(studio.artwork(studio.text()), "front", ANNA, studio.profile(), {})


async def test_a_process_that_grows_too_large_is_ended_and_the_next_job_is_drawn(studio: Studio) -> None:
    artwork = studio.artwork(studio.text())
    async with RenderPool(workers=1, memory_mb=300) as pool:
        with pytest.raises(RenderProblem) as problem:
            await pool.render(artwork, "front", ANNA, studio.profile(8400, 11200), {})
        assert problem.value.code == "memory_limit"
        assert await pool.render(artwork, "front", ANNA, studio.profile(), {})


async def test_a_pool_ends_no_process_of_another_for_its_memory(studio: Studio) -> None:
    artwork = studio.artwork(studio.text())
    async with RenderPool(workers=1, memory_mb=300) as narrow, RenderPool(workers=1, memory_mb=4096) as wide:
        watching = asyncio.create_task(narrow.call(time.sleep, 60))
        await until(lambda: narrow.drawing)
        assert await wide.render(artwork, "front", ANNA, studio.profile(8400, 11200), {})
        assert not watching.done()
        watching.cancel()


def test_an_overgrown_process_is_told_once_since_another_may_get_its_number() -> None:
    family = Family(memory_mb=0)
    process = family.Process(target=time.sleep, args=(60,))
    process.start()
    family.watch_memory()
    process.join()
    assert [family.was_overgrown(pid) for pid in (process.pid, process.pid, None)] == [True, False, False]


async def test_photos_are_inspected_in_a_worker_and_hostile_ones_leave_it_alive(
    pool: RenderPool, picture: Callable[..., bytes]
) -> None:
    assert (await pool.inspect(picture(60, 40, form="JPEG"), "image/jpeg")).width == 60
    before = workers()
    codes: dict[str, str] = {}
    for name, (code, data, declared) in HOSTILE.items():
        with pytest.raises(RenderProblem) as problem:
            await pool.inspect(data, declared, "photo")
        codes[name] = problem.value.code
        assert problem.value.field == "photo"
        assert code == codes[name]
    assert len(codes) >= 30
    assert workers() == before


async def test_a_photo_is_drawn_from_its_bytes_and_one_that_is_not_there_is_missing(
    pool: RenderPool, studio: Studio, picture: Callable[..., bytes]
) -> None:
    data = picture(300, 400)
    photo = FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type="image/png")
    layer = {"kind": "photo", "option": "photo", "width": 300, "height": 400}
    artwork = studio.artwork(layer, photo={"label": "Photo", "kind": "photo"})
    printed = await pool.render(artwork, "front", {"photo": photo}, studio.profile(), {}, {photo.sha256: data})
    assert set(printed.views) == {"preview"}
    with pytest.raises(RenderProblem) as problem:
        await pool.render(artwork, "front", {"photo": photo}, studio.profile(), {})
    assert problem.value.code == "photo_missing"


async def test_a_cancelled_job_frees_its_worker(pool: RenderPool, studio: Studio, endless: Artwork) -> None:
    job = asyncio.create_task(pool.render(endless, "front", ANNA, studio.profile(), studio.assets))
    await until(lambda: pool.drawing)
    job.cancel()
    assert await pool.render(studio.artwork(studio.text()), "front", ANNA, studio.profile(), {})


async def test_a_worker_is_renewed_after_its_share_of_jobs(studio: Studio) -> None:
    artwork = studio.artwork(studio.text())
    async with RenderPool(workers=1, jobs_per_worker=1) as pool:
        await pool.render(artwork, "front", ANNA, studio.profile(), {})
        await until(workers)
        first = workers()
        await pool.render(artwork, "front", ANNA, studio.profile(), {})
        await until(lambda: not workers() & first)


async def test_closing_leaves_no_process_and_no_file_behind(studio: Studio, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with RenderPool(workers=2) as pool:
        await pool.render(studio.artwork(studio.text()), "front", ANNA, studio.profile(), {})
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())


async def test_what_a_killed_service_left_behind_is_swept_away_and_younger_work_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    young, old, foreign = (tmp_path / name for name in ("platen-render-young", "platen-render-old", "another-old"))
    for folder in (young, old, foreign):
        (folder / "assets").mkdir(parents=True)
    for folder in (old, foreign):
        os.utime(folder, (0, 0))
    async with RenderPool(workers=1):
        assert set(os.listdir(tmp_path)) == {young.name, foreign.name}
