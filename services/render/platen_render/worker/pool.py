"""`draw` in processes of their own: a hostile file or a bug may kill one, never the service."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import TimeoutError as TimeLimitReached
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from time import time
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, OutputProfile

from platen_render.worker.draw import draw
from platen_render.worker.problems import RenderProblem

_PRINT_FILE = "print-file"
_FOLDER = "platen-render-"
_ABANDONED_S = 7200
"""No job lasts half as long: such a folder is left over from a service that was killed, and holds what a buyer wrote."""


class RenderPool:
    """`workers` processes, each renewed after `jobs_per_worker` jobs; a job that takes longer than `time_limit_s` is killed.

    Waiting for a free worker does not count towards the time limit. Use it as an async context manager, or call `close`.
    """

    def __init__(self, workers: int, time_limit_s: float = 60, jobs_per_worker: int = 100) -> None:
        self.workers = workers
        self.time_limit_s = time_limit_s
        self.jobs_per_worker = jobs_per_worker
        _sweep()
        self._pool = self._new_pool()
        self._jobs = set[ProcessFuture[None]]()

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
        self, artwork: Artwork, side: str, answers: Mapping[str, Answer], profile: OutputProfile, assets: Mapping[str, bytes]
    ) -> bytes:
        """What `draw` answers or raises; also raises RenderProblem `worker_died` and `time_limit`. Cancelling kills the job."""
        with TemporaryDirectory(prefix=_FOLDER) as folder:
            await asyncio.to_thread(_lay_out, Path(folder), assets)
            await self._finished(self._schedule(Path(folder), artwork, side, answers, profile))
            return await asyncio.to_thread((Path(folder) / _PRINT_FILE).read_bytes)

    async def close(self) -> None:
        """Kills what runs and waits until every worker is gone."""
        self._pool.stop()
        await asyncio.to_thread(self._pool.join)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(max_workers=self.workers, max_tasks=self.jobs_per_worker, context=multiprocessing.get_context("spawn"))

    def _schedule(
        self, folder: Path, artwork: Artwork, side: str, answers: Mapping[str, Answer], profile: OutputProfile
    ) -> ProcessFuture[None]:
        if not self._pool.active:
            self._pool = self._new_pool()
        return self._pool.schedule(_draw_in, args=[folder, artwork, side, answers, profile], timeout=self.time_limit_s)

    async def _finished(self, job: ProcessFuture[None]) -> None:
        self._jobs.add(job)
        try:
            await asyncio.wrap_future(job)
        except TimeLimitReached:
            raise RenderProblem(
                "time_limit",
                None,
                f"drawing took longer than {self.time_limit_s:g} s",
                "render it again; if it fails again, simplify the artwork",
            ) from None
        except (ProcessExpired, BrokenProcessPool) as death:
            raise RenderProblem(
                "worker_died",
                None,
                f"the process that drew it ended: {death}",
                "render it again; if it fails again, simplify the artwork",
            ) from None
        finally:
            self._jobs.discard(job)


def _sweep() -> None:
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError):  # another instance sweeps too
            if time() - folder.stat().st_mtime > _ABANDONED_S:
                rmtree(folder, ignore_errors=True)


def _lay_out(folder: Path, assets: Mapping[str, bytes]) -> None:
    """Files, not pipes, carry the bytes: a worker killed in the middle of a transfer must not block the pipe that all share."""
    (folder / "assets").mkdir()
    for sha256, data in assets.items():
        (folder / "assets" / sha256).write_bytes(data)


def _draw_in(folder: Path, artwork: Artwork, side: str, answers: Mapping[str, Answer], profile: OutputProfile) -> None:
    assets = {file.name: file.read_bytes() for file in (folder / "assets").iterdir()}
    (folder / _PRINT_FILE).write_bytes(draw(artwork, side, answers, profile, assets))
