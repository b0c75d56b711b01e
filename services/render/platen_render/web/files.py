"""GET /f/{token}: whoever has the link sees the print file; /f/{token}/preview and /mockup are its views."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from platen_contracts.common import FileRef
from platen_messaging.faults import is_transient, told
from platen_messaging.log import logger
from platen_messaging.waiting import Backoff
from platen_outside.objects import STORAGE_FAULTS
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from platen_render.gateway import FileMissing, ObjectStore
from platen_render.store.links import Links

log = logger("files")

PATIENCE = timedelta(seconds=15)
"""How long a link waits for a database that is away: a vendor who gets an error for a print file gives the whole order back."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_REDIRECT_LIVES = timedelta(minutes=5)


class Files:
    """The route. From a folder the file is streamed; to a bucket it redirects, with a link that lives 5 minutes."""

    def __init__(self, links: Links, objects: ObjectStore, patience: timedelta = PATIENCE) -> None:
        self._links = links
        self._objects = objects
        self._patience_s = patience.total_seconds()

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/f/{token}", self.show), Route("/f/{token}/{view:str}", self.show)]

    async def show(self, request: Request) -> Response:
        """The file, 404 where there is none, 503 where that cannot be told now."""
        try:
            return await self._shown(request)
        except Exception as failure:
            if not (is_transient(failure) or isinstance(failure, STORAGE_FAULTS)):
                raise
            log.warning("a file could not be shown", error=told(failure))
            return _not_now()

    async def _shown(self, request: Request) -> Response:
        token = request.path_params["token"]
        file = await self._file_of(token, request.path_params.get("view")) if _TOKEN.fullmatch(token) else None
        if file is None:
            return _no_such_file()
        headers = _headers(file)
        if headers["ETag"] in _tags(request, "if-none-match"):
            return Response(status_code=304, headers=headers)
        if (address := await self._objects.link(file.sha256, _REDIRECT_LIVES)) is not None:
            return RedirectResponse(address, 302, {"Cache-Control": "no-store"})
        return await self._streamed(request, file, headers)

    async def _file_of(self, token: str, view: str | None) -> FileRef | None:
        """Raises a passing failure once it has not passed in time."""
        backoff, loop = Backoff(0.1, 1), asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        while True:
            try:
                return await self._links.file_of(token, view)
            except Exception as failure:
                delay = backoff.next()
                if not is_transient(failure) or loop.time() + delay > deadline:
                    raise
                await asyncio.sleep(delay)

    async def _streamed(self, request: Request, file: FileRef, headers: dict[str, str]) -> Response:
        part = _part(request, file, headers["ETag"])
        if part == _NOT_IN_IT:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
        start, end = part or (0, file.size)
        try:
            chunks = await self._objects.stream(file.sha256, start, end)
        except FileMissing:
            return _no_such_file()
        headers["Content-Length"] = str(end - start)
        if part:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        return StreamingResponse(chunks, 206 if part else 200, headers, file.media_type)


_NOT_IN_IT = (-1, -1)


def _part(request: Request, file: FileRef, tag: str) -> tuple[int, int] | None:
    """(start, before end) of the one part asked for; None: the whole file, also where several parts are asked for."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or asked[0] == "bytes=-" or request.headers.get("if-range", tag) != tag:
        return None
    if not asked[1]:
        start, end = max(0, file.size - int(asked[2])), file.size
    else:
        start, end = int(asked[1]), min(int(asked[2] or file.size) + 1, file.size)
    return (start, end) if start < end else _NOT_IN_IT


def _headers(file: FileRef) -> dict[str, str]:
    """`private`: a link is for its holder, not for a shared cache that nobody can revoke it in."""
    return {
        "ETag": f'"{file.sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": "inline",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }


def _tags(request: Request, header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in request.headers.get(header, "").split(",")}


def _no_such_file() -> Response:
    """The same for a link that never was, one that was revoked, and a file that is gone."""
    return PlainTextResponse("There is no such file.\n", 404, {"Cache-Control": "no-store"})


def _not_now() -> Response:
    return PlainTextResponse("The file cannot be shown now.\n", 503, {"Cache-Control": "no-store", "Retry-After": "5"})
