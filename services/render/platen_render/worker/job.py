"""One job: its pictures at hand, drawn in another process, its files kept. What came of it is a fact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from secrets import token_urlsafe
from typing import TypeVar

from platen_contracts.common import Answer, FileRef
from platen_contracts.render import RenderRequested
from platen_messaging import log as logs
from platen_messaging.faults import told
from platen_messaging.health import Health
from platen_messaging.log import logger
from platen_messaging.waiting import Backoff
from platen_outside.objects import STORAGE_FAULTS, named_by_content

from platen_render.gateway import ObjectStore
from platen_render.model import DrawingFailed, FileMade, JobFact, side_key
from platen_render.store.queue import Asked, Claim, Drawn
from platen_render.store.shelf import Shelf
from platen_render.worker.assets import Assets
from platen_render.worker.buyers import BuyersPhotos
from platen_render.worker.outputs import Printed, files_of
from platen_render.worker.paint import assets_of
from platen_render.worker.pool import RenderPool, photos_in
from platen_render.worker.problems import RenderProblem

T = TypeVar("T")
log = logger("worker")

RENDERER = f"platen-render {version('platen-render')}"

_LOST_LIMIT = 3
"""A job that so many have died with is not tried again."""

_TRY_AGAIN = "render it again; if it fails again, simplify the artwork"


class Busy(Exception):
    """A file of the job is being deleted just now: the job is put back for a moment."""


class Jobs:
    """`patience_s`: how long a job in hand waits for an object store that is away."""

    def __init__(self, shelf: Shelf, objects: ObjectStore, photos: BuyersPhotos, health: Health, patience_s: float) -> None:
        self._shelf, self._objects, self._photos, self._health = shelf, objects, photos, health
        self._patience_s = patience_s
        self._assets = Assets(objects)

    async def outcome(self, claim: Claim, pool: RenderPool) -> JobFact | None:
        """None: the process that drew it died, which is not held against the job the first times.

        Raises Busy, and STORAGE_FAULTS once patience is over.
        """
        if claim.drawn is not None:
            await self._keep([claim.drawn.file, *claim.drawn.views.values()], claim)
            return made(claim, claim.drawn)
        if claim.lost >= _LOST_LIMIT:
            return failed(claim, "worker_died", None, _TRY_AGAIN)
        try:
            printed = await self._printed(claim, pool)
        except RenderProblem as problem:
            if problem.code == "worker_died":
                log.warning("a drawing process died", **named(claim), lost=claim.lost + 1)
                return None
            return failed(claim, problem.code, problem.field, problem.remedy)
        return printed if isinstance(printed, DrawingFailed) else made(claim, await self._kept(claim, printed))

    async def _printed(self, claim: Claim, pool: RenderPool) -> Printed | DrawingFailed:
        request = claim.request
        needed = [*assets_of(claim.artwork, request.side), *files_of(request.profile, request.side)]
        answers = await self._patiently(lambda: self._photos.at_hand(request, claim.artwork, pool))
        assets = await self._patiently(lambda: self._assets.of(needed))
        photos = await self._patiently(lambda: self._photos.bytes_of(photos_in(answers)))
        return await self._drawn(claim, pool, answers, assets, photos)

    async def _drawn(
        self, claim: Claim, pool: RenderPool, answers: Mapping[str, Answer], assets: dict[str, bytes], photos: dict[str, bytes]
    ) -> Printed | DrawingFailed:
        request = claim.request
        try:
            return await pool.render(claim.artwork, request.side, answers, request.profile, assets, photos)
        except (RenderProblem, OSError):
            raise
        except Exception as failure:  # noqa: BLE001  the words of an unknown failure may quote the buyer's: none are logged
            log.error("drawing failed in an unknown way", **named(claim), kind=type(failure).__name__, places=_places(failure))
            return failed(claim, "internal", None, "report it with the order's number; the service's log says where it failed")

    async def _kept(self, claim: Claim, printed: Printed) -> Drawn:
        """The files are noted before the object store gets them, and are there before anybody is told of them."""
        file = named_by_content(printed.data, claim.request.profile.media_type)
        views = {name: named_by_content(data, "image/webp") for name, data in printed.views.items()}
        await self._keep([file, *views.values()], claim)
        await self._patiently(lambda: self._objects.put_by_content(printed.data, file.media_type))
        for data in printed.views.values():
            await self._patiently(lambda data=data: self._objects.put_by_content(data, "image/webp"))
        return Drawn(file, views, printed.warnings)

    async def _keep(self, files: Sequence[FileRef], claim: Claim) -> None:
        key = side_key(claim.request.order_id, claim.request.item_id, claim.request.side)
        for file in files:
            if not await self._shelf.keep(file, key):
                raise Busy

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Tries again while the object store is away, as long as a job may be held in hand."""
        backoff = Backoff(0.5, 10)
        until = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                result = await work()
            except STORAGE_FAULTS as failure:
                self._health.set("object store", told(failure), "see that it can be reached; jobs wait meanwhile")
                delay = backoff.next()
                if asyncio.get_running_loop().time() + delay > until:
                    raise
                await asyncio.sleep(delay)
            else:
                self._health.clear("object store")
                return result


def made(asked: Asked, drawn: Drawn) -> FileMade:
    return FileMade.model_validate(
        {
            **about(asked.request),
            "file": drawn.file,
            "renderer": RENDERER,
            "token": token_urlsafe(32),
            "views": drawn.views,
            "warnings": list(drawn.warnings),
        }
    )


def failed(asked: Asked, code: str, field: str | None, remedy: str) -> DrawingFailed:
    return DrawingFailed.model_validate({**about(asked.request), "code": code, "field": field, "remedy": remedy})


def about(request: RenderRequested) -> dict[str, str]:
    return {"request_id": request.request_id, "order_id": request.order_id, "item_id": request.item_id, "side": request.side}


def named(asked: Asked) -> dict[str, str]:
    """For the log."""
    request = asked.request
    named = {"request": request.request_id, "item": request.item_id, "side": request.side}
    return named | logs.about(request.order_id, asked.cause)


def _places(failure: BaseException) -> Sequence[str]:
    """Where in the drawing process it was raised: the frames, without the words."""
    return [line.strip() for line in str(failure.__cause__).splitlines() if line.startswith("  File ")]
