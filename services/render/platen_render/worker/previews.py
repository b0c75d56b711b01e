"""How a side looks while the buyer's answers are typed: small, in a process of its own that no print file holds up."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from platen_contracts.common import Answer, ArtworkRef
from platen_messaging.waiting import wait

from platen_render.gateway import FileMissing, ObjectStore
from platen_render.model import reference_of
from platen_render.store.published import PublishedArtworks
from platen_render.worker.edition import preview_in
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


class Previews:
    """At work while `run` runs. What previews are made of lies in a folder, for the process that makes them."""

    def __init__(self, artworks: PublishedArtworks, objects: ObjectStore, memory_mb: int = 1024) -> None:
        self._artworks, self._objects, self._memory_mb = artworks, objects, memory_mb
        self._pool: RenderPool | None = None
        self._folder = Path()
        self._laid_out = OrderedDict[str, asyncio.Task[Path]]()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        pool = RenderPool(1, _LIMIT_S, _JOBS_PER_WORKER, self._memory_mb)
        _sweep()
        with TemporaryDirectory(prefix=f"{_FOLDER}{os.getpid()}-") as folder:
            async with pool:
                self._folder, self._pool = Path(folder), pool
                try:
                    while not await wait(stop, _PHOTOS_FORGOTTEN_S):
                        for name in [name for name in self._laid_out if "/" not in name]:
                            await self._forget(name)
                finally:
                    self._pool = None
                    self._laid_out.clear()

    async def preview(self, reference: ArtworkRef, side: str, answers: Mapping[str, Answer]) -> bytes:
        """WebP. Raises STORAGE_FAULTS, and RenderProblem: `artwork_unknown`, `busy`, or what is wrong with the inputs."""
        pool = self._at_work()
        artwork = await self._at_hand(reference_of(reference), self._lay_out_artwork)
        photos = photos_in(answers)
        for photo in photos.values():
            await self._at_hand(photo.sha256, self._lay_out_photo)
        return await asyncio.shield(pool.call(preview_in, self._folder, artwork.name, side, dict(answers)))

    async def inspect(self, data: bytes, declared: str) -> Inspected:
        """As `RenderPool.inspect`. Raises `busy` besides."""
        return await asyncio.shield(self._at_work().inspect(data, declared))

    def _at_work(self) -> RenderPool:
        if self._pool is None or self._pool.waiting >= MOST_WAITING:
            raise RenderProblem("busy", None, "too many ask at once", "ask again in a moment")
        return self._pool

    async def _at_hand(self, name: str, lay_out: Callable[[str], Coroutine[Any, Any, Path]]) -> Path:
        """Laid out once, however many ask at the same time; the longest unused go."""
        task = self._laid_out.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._laid_out[name] = asyncio.create_task(lay_out(name))
        self._laid_out.move_to_end(name)
        while len(self._laid_out) > KEPT:
            await self._forget(next(iter(self._laid_out)))
        return await asyncio.shield(task)

    async def _forget(self, name: str) -> None:
        task = self._laid_out.pop(name)
        if task.done() and not task.cancelled() and task.exception() is None:
            await asyncio.to_thread(_remove, task.result())

    async def _lay_out_artwork(self, reference: str) -> Path:
        artwork = await self._artworks.get(reference)
        if artwork is None:
            message = f"no artwork {reference} is published"
            raise RenderProblem("artwork_unknown", None, message, "wait until the catalog has come, or choose another artwork")
        files = {file.sha256: file for side in artwork.sides for file in assets_of(artwork, side)}
        folder = self._folder / hashlib.sha256(reference.encode()).hexdigest()
        await asyncio.to_thread((folder / "assets").mkdir, parents=True, exist_ok=True)
        for file in files.values():
            await self._fetch(file.sha256, folder / "assets" / file.sha256)
        await asyncio.to_thread((folder / "artwork.json").write_text, artwork.model_dump_json(exclude_none=True), "utf-8")
        return folder

    async def _lay_out_photo(self, sha256: str) -> Path:
        path = self._folder / "photos" / sha256
        await asyncio.to_thread(path.parent.mkdir, exist_ok=True)
        if not await self._fetch(sha256, path):
            raise RenderProblem("photo_missing", None, "the photo is not in the object store", "upload the photo again")
        return path

    async def _fetch(self, sha256: str, path: Path) -> bool:
        try:
            data = await self._objects.get(sha256)
        except FileMissing:
            return False
        await asyncio.to_thread(path.write_bytes, data)
        return True


def _sweep() -> None:
    """What a service that was killed left behind holds buyers' photos."""
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
