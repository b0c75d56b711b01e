"""The images that artworks use, kept at hand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from platen_contracts.common import FileRef

from platen_render.gateway import FileMissing, ObjectStore

KEPT_BYTES = 256 * 1024 * 1024


class Assets:
    """Bytes of the files used last, `kept_bytes` of them at most."""

    def __init__(self, objects: ObjectStore, kept_bytes: int = KEPT_BYTES) -> None:
        self._objects = objects
        self._kept_bytes = kept_bytes
        self._held = 0
        self._kept = OrderedDict[str, bytes]()

    async def of(self, files: Iterable[FileRef]) -> dict[str, bytes]:
        """The bytes by sha256; a file that the store does not hold is left out. Raises `STORAGE_FAULTS`."""
        found: dict[str, bytes] = {}
        for file in files:
            try:
                found[file.sha256] = await self._bytes(file.sha256)
            except FileMissing:
                continue
        return found

    async def _bytes(self, sha256: str) -> bytes:
        if sha256 not in self._kept:
            self._keep(sha256, await self._objects.get(sha256))
        self._kept.move_to_end(sha256)
        return self._kept[sha256]

    def _keep(self, sha256: str, data: bytes) -> None:
        """At least the one just read stays, however large."""
        if sha256 in self._kept:
            return
        self._kept[sha256] = data
        self._held += len(data)
        while self._held > self._kept_bytes and len(self._kept) > 1:
            self._held -= len(self._kept.popitem(last=False)[1])
