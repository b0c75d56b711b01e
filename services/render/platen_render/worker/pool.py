"""`draw` in processes of their own: a hostile file or a bug may kill one, never the service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as TimeLimitReached
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from time import time
from types import TracebackType
from typing import Any, Self, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef, OutputProfile

from platen_render.worker.family import Family
from platen_render.worker.outputs import Printed, press
from platen_render.worker.photos import Inspected, inspect, photos_from
from platen_render.worker.problems import RenderProblem

T = TypeVar("T")

_PRINT_FILE, _PHOTO, _ASSETS, _PHOTOS = "print-file", "photo", "assets", "photos"
_FOLDER = "platen-render-"
_ABANDONED_S = 7200
"""No job lasts half as long: such a folder is left over from a service that was killed, and holds what a buyer wrote."""

_SIMPLIFY = "render it again; if it fails again, simplify the artwork"
_WATCH_S = 0.05
"""How often the memory of a process at work is looked at: it can take some ten megabytes meanwhile."""


class RenderPool:
    """`workers` processes, each renewed after `jobs_per_worker` jobs; a job that takes longer than `time_limit_s` is killed, and
    so is a process that comes to hold more than `memory_mb` megabytes.

    Waiting for a free worker does not count towards the time limit. Use it as an async context manager, or call `close`.
    """

    def __init__(self, workers: int, time_limit_s: float = 60, jobs_per_worker: int = 100, memory_mb: int = 1024) -> None:
        self.workers = workers
        self.time_limit_s = time_limit_s
        self.jobs_per_worker = jobs_per_worker
        self._family = Family(memory_mb)
        _sweep()
        self._pool = self._new_pool()
        self._jobs = set[ProcessFuture[Any]]()

    @property
    def drawing(self) -> int:
        """How many jobs a worker has in hand; `waiting` is how many none has taken yet."""
        return sum(job.running() for job in self._jobs)

    @property
    def waiting(self) -> int:
        return len(self._jobs) - self.drawing

    @property
    def alive(self) -> bool:
        """False once its processes cannot be started or kept; the next job tries with a new pool."""
        return self._pool.active

    async def render(
        self,
        artwork: Artwork,
        side: str,
        answers: Mapping[str, Answer],
        profile: OutputProfile,
        assets: Mapping[str, bytes],
        photos: Mapping[str, bytes] | None = None,
    ) -> Printed:
        """What `press` answers or raises; also raises RenderProblem `worker_died`, `memory_limit` and `time_limit`.

        `photos`: their bytes by sha256. Cancelling kills the job.
        """
        with TemporaryDirectory(prefix=_FOLDER) as name:
            folder = Path(name)
            await asyncio.to_thread(_lay_out, folder, assets, photos or {})
            views, warnings = await self._finished(_press_in, folder, artwork, side, answers, profile)
            return await asyncio.to_thread(_collected, folder, views, warnings)

    async def inspect(self, data: bytes, declared: str, field: str | None = None) -> Inspected:
        """What `photos.inspect` answers or raises; also as `render`."""
        with TemporaryDirectory(prefix=_FOLDER) as name:
            file = Path(name) / _PHOTO
            await asyncio.to_thread(file.write_bytes, data)
            return await self._finished(_inspect_in, file, declared, field)

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """`function` of a module, in one of the processes; also raises as `render`."""
        return await self._finished(function, *arguments)

    async def close(self) -> None:
        """Kills what runs and waits until every worker is gone."""
        self._pool.stop()
        await asyncio.to_thread(self._pool.join)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(max_workers=self.workers, max_tasks=self.jobs_per_worker, context=self._family)

    async def _finished(self, function: Callable[..., T], *arguments: object) -> T:
        if not self._pool.active:
            self._pool = self._new_pool()
        job: ProcessFuture[T] = self._pool.schedule(function, args=list(arguments), timeout=self.time_limit_s)
        self._jobs.add(job)
        watched = asyncio.wrap_future(job)
        try:
            while not (await asyncio.wait({watched}, timeout=_WATCH_S))[0]:
                self._family.watch_memory()
            return watched.result()
        except TimeLimitReached:
            raise RenderProblem("time_limit", None, f"drawing took longer than {self.time_limit_s:g} s", _SIMPLIFY) from None
        except (ProcessExpired, BrokenProcessPool) as death:
            if self._family.was_overgrown(getattr(death, "pid", None)):
                message = f"drawing needed more than {self._family.memory_mb} MB of memory"
                raise RenderProblem("memory_limit", None, message, "use smaller photos, or simplify the artwork") from None
            raise RenderProblem("worker_died", None, f"the process that drew it ended: {death}", _SIMPLIFY) from None
        finally:
            watched.cancel()
            self._jobs.discard(job)


def _sweep() -> None:
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError):  # another instance sweeps too
            if time() - folder.stat().st_mtime > _ABANDONED_S:
                rmtree(folder, ignore_errors=True)


def _lay_out(folder: Path, assets: Mapping[str, bytes], photos: Mapping[str, bytes]) -> None:
    """Files, not pipes, carry the bytes: a worker killed in the middle of a transfer must not block the pipe that all share."""
    for name, files in ((_ASSETS, assets), (_PHOTOS, photos)):
        (folder / name).mkdir()
        for sha256, data in files.items():
            (folder / name / sha256).write_bytes(data)


def _collected(folder: Path, views: Sequence[str], warnings: Sequence[str]) -> Printed:
    return Printed((folder / _PRINT_FILE).read_bytes(), {name: (folder / _view(name)).read_bytes() for name in views}, warnings)


def _press_in(
    folder: Path, artwork: Artwork, side: str, answers: Mapping[str, Answer], profile: OutputProfile
) -> tuple[list[str], list[str]]:
    """Names of the views, and warnings; the bytes lie in the folder."""
    assets = {file.name: file.read_bytes() for file in (folder / _ASSETS).iterdir()}
    printed = press(artwork, side, answers, profile, assets, photos_from(photos_in(answers), partial(_photo_in, folder)))
    (folder / _PRINT_FILE).write_bytes(printed.data)
    for name, view in printed.views.items():
        (folder / _view(name)).write_bytes(view)
    return list(printed.views), list(printed.warnings)


def photos_in(answers: Mapping[str, Answer]) -> dict[str, FileRef]:
    """The photos among the answers, by sha256."""
    return {answer.sha256: answer for answer in answers.values() if isinstance(answer, FileRef)}


def _photo_in(folder: Path, sha256: str) -> bytes | None:
    try:
        return (folder / _PHOTOS / sha256).read_bytes()
    except FileNotFoundError:
        return None


def _inspect_in(file: Path, declared: str, field: str | None) -> Inspected:
    return inspect(file.read_bytes(), declared, field)


def _view(name: str) -> str:
    return f"view-{name}"
