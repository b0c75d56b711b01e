"""How a side looks while the buyer's answers are typed: small, in a process of its own that no print file holds up."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from platen_contracts.common import Answer, ArtworkRef
from platen_messaging.waiting import wait

from platen_render.gateway import FileMissing, ObjectStore
from platen_render.model import reference_of
from platen_render.store.published import PublishedArtworks
from platen_render.worker.edition import forget_photos, preview_in
from platen_render.worker.paint import assets_of
from platen_render.worker.photos import Inspected
from platen_render.worker.pool import RenderPool, photos_in
from platen_render.worker.problems import RenderProblem

MOST_WAITING = 8
"""Previews in a row; who comes then is sent away for a moment."""

KEPT = 200
"""Artworks and photos at hand, together."""

_PHOTOS_FORGOTTEN_S = 600
"""So soon the photo of an erased order is gone from here too."""

_FOLDER = "platen-preview-"
_LIMIT_S = 10
_JOBS_PER_WORKER = 5000


@dataclass(frozen=True, slots=True)
class _LaidOut:
    """What is at hand, or on its way: it lies in `folder` once the task is done. No two share a folder."""

    folder: Path
    task: asyncio.Task[None]

    @property
    def failed(self) -> bool:
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None)


class Previews:
    """At work while `run` runs. What previews are made of lies in a folder, for the process that makes them."""

    def __init__(self, artworks: PublishedArtworks, objects: ObjectStore, memory_mb: int = 1024) -> None:
        self._artworks, self._objects, self._memory_mb = artworks, objects, memory_mb
        self._pool: RenderPool | None = None
        self._folder = Path()
        self._laid_out = OrderedDict[str, _LaidOut]()
        self._going = set[asyncio.Task[None]]()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        pool = RenderPool(1, _LIMIT_S, _JOBS_PER_WORKER, self._memory_mb)
        _sweep()
        with TemporaryDirectory(prefix=f"{_FOLDER}{os.getpid()}-") as folder:
            async with pool:
                self._folder, self._pool = Path(folder), pool
                try:
                    while not await wait(stop, _PHOTOS_FORGOTTEN_S):
                        await self._forget_photos(pool)
                finally:
                    self._pool = None
                    await self._end()

    async def preview(self, reference: ArtworkRef, side: str, answers: Mapping[str, Answer]) -> bytes:
        """WebP. Raises STORAGE_FAULTS, and RenderProblem: `artwork_unknown`, `busy`, or what is wrong with the inputs."""
        pool = self._at_work()
        artwork = await self._at_hand(reference_of(reference), self._lay_out_artwork)
        photos = {sha256: await self._at_hand(sha256, self._lay_out_photo) / sha256 for sha256 in photos_in(answers)}
        return await asyncio.shield(pool.call(preview_in, artwork, side, dict(answers), photos))

    async def inspect(self, data: bytes, declared: str) -> Inspected:
        """As `RenderPool.inspect`. Raises `busy` besides."""
        return await asyncio.shield(self._at_work().inspect(data, declared))

    def _at_work(self) -> RenderPool:
        if self._pool is None or self._pool.waiting >= MOST_WAITING:
            raise RenderProblem("busy", None, "too many ask at once", "ask again in a moment")
        return self._pool

    async def _at_hand(self, name: str, lay_out: Callable[[str, Path], Coroutine[Any, Any, None]]) -> Path:
        """The folder where it lies. Laid out once, however many ask at the same time; the longest unused go."""
        found = self._laid_out.get(name)
        if found is not None and found.failed:
            self._forget(name)
            found = None
        if found is None:
            folder = self._folder / secrets.token_hex(16)
            found = self._laid_out[name] = _LaidOut(folder, asyncio.create_task(lay_out(name, folder)))
        self._laid_out.move_to_end(name)
        while len(self._laid_out) > KEPT:
            self._forget(next(iter(self._laid_out)))
        await asyncio.shield(found.task)
        return found.folder

    def _forget(self, name: str) -> None:
        going = asyncio.create_task(_gone(self._laid_out.pop(name)))
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def _forget_photos(self, pool: RenderPool) -> None:
        for name in [name for name in self._laid_out if "/" not in name]:
            self._forget(name)
        with suppress(RenderProblem):
            await pool.call(forget_photos)

    async def _end(self) -> None:
        tasks = [*self._going, *(laid_out.task for laid_out in self._laid_out.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._laid_out.clear()

    async def _lay_out_artwork(self, reference: str, folder: Path) -> None:
        artwork = await self._artworks.get(reference)
        if artwork is None:
            message = f"no artwork {reference} is published"
            raise RenderProblem("artwork_unknown", None, message, "wait until the catalog has come, or choose another artwork")
        files = {file.sha256: file for side in artwork.sides for file in assets_of(artwork, side)}
        await asyncio.to_thread((folder / "assets").mkdir, parents=True)
        for file in files.values():
            await self._fetch(file.sha256, folder / "assets" / file.sha256)
        await asyncio.to_thread((folder / "artwork.json").write_text, artwork.model_dump_json(exclude_none=True), "utf-8")

    async def _lay_out_photo(self, sha256: str, folder: Path) -> None:
        await asyncio.to_thread(folder.mkdir)
        if not await self._fetch(sha256, folder / sha256):
            raise RenderProblem("photo_missing", None, "the photo is not in the object store", "upload the photo again")

    async def _fetch(self, sha256: str, path: Path) -> bool:
        try:
            data = await self._objects.get(sha256)
        except FileMissing:
            return False
        await asyncio.to_thread(path.write_bytes, data)
        return True


async def _gone(laid_out: _LaidOut) -> None:
    """What is still on its way comes first, else it would lie there for good."""
    await asyncio.gather(laid_out.task, return_exceptions=True)
    await asyncio.to_thread(shutil.rmtree, laid_out.folder, ignore_errors=True)


def _sweep() -> None:
    """What a service that was killed left behind holds buyers' photos."""
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
