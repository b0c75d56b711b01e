"""The buyer's photos, brought to hand: an address is fetched once for an order, and every photo is inspected once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef
from platen_contracts.render import RenderRequested
from platen_outside.fetch import Fetched, FetchProblem
from platen_outside.objects import named_by_content

from platen_render.gateway import FileMissing, ObjectStore
from platen_render.model import side_key
from platen_render.store.shelf import Shelf
from platen_render.worker.photos import MEDIA_TYPES
from platen_render.worker.pool import RenderPool
from platen_render.worker.problems import Code, RenderProblem

Fetch = Callable[[str], Awaitable[Fetched]]
"""Gets what an address names; raises FetchProblem."""

_TRIES = 3
_FIRST_WAIT_S = 0.5
_INSPECTED_KEPT = 10_000

_CODES: Mapping[str, tuple[Code, str]] = {
    "address_refused": ("photo_address_refused", "upload the photo itself; its address may not be fetched from"),
    "unreachable": ("photo_unreachable", "see that the photo's address opens, and render again; or upload the photo"),
    "not_found": ("photo_unreachable", "upload the photo: there is nothing at its address any more"),
    "too_slow": ("photo_unreachable", "see that the photo's address opens, and render again; or upload the photo"),
    "too_large": ("photo_too_large", "use a smaller photo"),
    "type_refused": ("photo_unsupported", "use a JPEG, PNG, WebP or HEIC photo"),
}


class Deleting(OSError):
    """The same photo is being deleted just now; in a moment it can be kept again."""


class BuyersPhotos:
    """Needs no transaction: what it keeps it may keep again."""

    def __init__(self, shelf: Shelf, objects: ObjectStore, fetch: Fetch) -> None:
        self._shelf, self._objects, self._fetch = shelf, objects, fetch
        self._inspected = OrderedDict[str, None]()

    async def at_hand(self, request: RenderRequested, artwork: Artwork, pool: RenderPool) -> dict[str, Answer]:
        """The answers, every photo among them a file in the object store that is really one.

        Raises RenderProblem naming the option, and STORAGE_FAULTS.
        """
        asked = {name for name, option in artwork.options.items() if option.kind == "photo"}
        answers = dict(request.answers)
        addresses = {name: answer for name, answer in answers.items() if name in asked and _is_address(answer)}
        sources = {name: hashlib.sha256(str(address).encode()).hexdigest() for name, address in addresses.items()}
        known = await self._shelf.fetched(request.order_id, list(sources.values())) if sources else {}
        for name, address in addresses.items():
            source = sources[name]
            answers[name] = known.get(source) or await self._fetched(request, name, str(address), source, pool)
        for name, answer in answers.items():
            if name in asked and isinstance(answer, FileRef):
                await self._inspect_once(answer, name, pool)
        return answers

    async def bytes_of(self, photos: Iterable[str]) -> dict[str, bytes]:
        """By sha256; one that is gone is left out. Not kept in memory: most photos are drawn once. Raises STORAGE_FAULTS."""
        found: dict[str, bytes] = {}
        for sha256 in photos:
            with suppress(FileMissing):
                found[sha256] = await self._objects.get(sha256)
        return found

    async def _fetched(self, request: RenderRequested, option: str, address: str, source: str, pool: RenderPool) -> FileRef:
        got = await self._tried(address, option)
        found = await pool.inspect(got.data, got.media_type, option)
        file = named_by_content(got.data, found.media_type)
        key = side_key(request.order_id, request.item_id, request.side)
        if not await self._shelf.keep(file, key, photo_from=source):
            raise Deleting("the same photo is being deleted")
        await self._objects.put_by_content(got.data, found.media_type)
        self._remember(file.sha256)
        return file

    async def _tried(self, address: str, option: str) -> Fetched:
        wait = _FIRST_WAIT_S
        for left in reversed(range(_TRIES)):
            try:
                return await self._fetch(address)
            except FetchProblem as problem:
                if not problem.passing or not left:
                    code, remedy = _CODES[problem.code]
                    raise RenderProblem(code, option, f"the photo cannot be fetched: {problem.message}", remedy) from None
            await asyncio.sleep(wait)
            wait *= 3
        raise AssertionError("the last try either returns or raises")

    async def _inspect_once(self, file: FileRef, option: str, pool: RenderPool) -> None:
        if file.sha256 in self._inspected:
            self._inspected.move_to_end(file.sha256)
            return
        try:
            data = await self._objects.get(file.sha256)
        except FileMissing:
            raise RenderProblem(
                "photo_missing", option, "the photo is not in the object store", "upload the photo again"
            ) from None
        declared = file.media_type if file.media_type in MEDIA_TYPES else "application/octet-stream"
        await pool.inspect(data, declared, option)
        self._remember(file.sha256)

    def _remember(self, sha256: str) -> None:
        self._inspected[sha256] = None
        while len(self._inspected) > _INSPECTED_KEPT:
            self._inspected.popitem(last=False)


def _is_address(answer: Answer) -> bool:
    """Anything with a scheme: what may not be fetched is to be refused as an address, not as a text."""
    return isinstance(answer, str) and bool(urlsplit(answer.strip()).scheme)
