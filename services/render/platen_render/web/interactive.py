"""POST /uploads and POST /previews: what the form that personalises an order needs, for whoever holds a ticket.

Tickets travel in the Authorization header, never in cookies, so any page may ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from platen_contracts.common import Answers, ArtworkRef
from platen_contracts.message import Part
from platen_messaging.faults import is_transient, told
from platen_messaging.log import logger
from platen_outside.objects import STORAGE_FAULTS, named_by_content
from platen_outside.tickets import Tickets
from pydantic import Field, ValidationError
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from platen_render.gateway import ObjectStore
from platen_render.model import Problem
from platen_render.store.shelf import Shelf

log = logger("interactive")

UPLOAD, PREVIEW = "upload", "preview"
"""What tickets are for."""

MAX_QUESTION = 256 * 1024
"""Bytes of a question for a preview."""

_CORS = Middleware(
    CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=["Authorization", "Content-Type"], max_age=3600
)
_STATUS = {"photo_too_large": 413, "photo_unsupported": 415, "photo_mislabelled": 415, "artwork_unknown": 404, "busy": 503}


class PreviewAsked(Part):
    """What a side looks like with these answers; those that are missing are left blank."""

    artwork: ArtworkRef
    side: str
    answers: Answers = Field(default_factory=dict)


class Photo(Protocol):
    """What a photo turned out to be."""

    @property
    def media_type(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Studio(Protocol):
    """What looks at photos and makes previews. Both raise Problem."""

    async def inspect(self, data: bytes, declared: str) -> Photo: ...
    async def preview(self, reference: ArtworkRef, side: str, answers: Answers) -> bytes: ...


class Interactive:
    """Without a key there are no tickets, and no routes. `max_photo`: bytes of an upload."""

    def __init__(self, key: str | None, studio: Studio, shelf: Shelf, objects: ObjectStore, max_photo: int) -> None:
        self._key, self._studio, self._shelf, self._objects, self._max_photo = key, studio, shelf, objects, max_photo

    @property
    def routes(self) -> list[BaseRoute]:
        if self._key is None:
            return []
        doing = {"/uploads": (UPLOAD, self._upload), "/previews": (PREVIEW, self._preview)}
        return [
            Route(path, self._guarded(Tickets(self._key, purpose), work), methods=["POST", "OPTIONS"], middleware=[_CORS])
            for path, (purpose, work) in doing.items()
        ]

    def _guarded(
        self, tickets: Tickets, work: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            kind, _, ticket = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or tickets.about(ticket.strip()) is None:
                return _no(401, "ticket_invalid", "open the form again: what it was allowed has run out")
            try:
                return await work(request)
            except Problem as problem:
                return _no(_STATUS.get(problem.code, 422), problem.code, problem.remedy, problem.field, problem.message)
            except Exception as failure:
                if not (is_transient(failure) or isinstance(failure, STORAGE_FAULTS)):
                    raise
                log.warning("not answered", path=request.url.path, error=told(failure))
                return _no(503, "away", "ask again in a moment")

        return answer

    async def _upload(self, request: Request) -> Response:
        """The photo is the body, under its Content-Type. Answers `{file, width, height}`: the file is an answer for the order."""
        data = await _body(request, self._max_photo)
        if data is None:
            message = f"the photo has more than {self._max_photo:,} bytes"
            return _no(413, "photo_too_large", "use a smaller photo", None, message)
        found = await self._studio.inspect(data, request.headers.get("content-type", ""))
        file = named_by_content(data, found.media_type)
        if not await self._shelf.keep(file):
            return _no(503, "busy", "ask again in a moment")
        await self._objects.put_by_content(data, found.media_type)
        return JSONResponse({"file": file.model_dump(), "width": found.width, "height": found.height}, 201, _NO_STORE)

    async def _preview(self, request: Request) -> Response:
        """A `PreviewAsked` as JSON; answers WebP."""
        data = await _body(request, MAX_QUESTION)
        try:
            asked = PreviewAsked.model_validate_json(data or b"")
        except ValidationError as wrong:
            where = ".".join(str(step) for step in wrong.errors(include_url=False)[0]["loc"])
            return _no(422, "question_unreadable", "send {artwork: {artwork_id, version}, side, answers}", where or None)
        picture = await self._studio.preview(asked.artwork, asked.side, asked.answers)
        return Response(picture, 200, _NO_STORE, "image/webp")


_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def _body(request: Request, limit: int) -> bytes | None:
    """None: larger than the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > limit:
        return None
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > limit:
            return None
    return bytes(data)


def _no(status: int, code: str, remedy: str, field: str | None = None, message: str | None = None) -> Response:
    told = {"code": code, "field": field, "message": message, "remedy": remedy}
    return JSONResponse({name: value for name, value in told.items() if value is not None}, status, _NO_STORE)
