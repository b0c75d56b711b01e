"""The object store: files under the sha256 of their bytes, in a folder or an S3 bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import S3Store
from platen_contracts.common import FileRef, object_key
from platen_outside.objects import open_store, put_by_content

CHUNK_BYTES = 1024 * 1024


class FileMissing(LookupError):
    """No such file in the object store."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"{object_key(sha256)} is not in the object store")
        self.sha256 = sha256


class ObjectStore:
    """Opened by URL: `file:///folder` (made where absent) or `s3://bucket/prefix` (credentials, region, endpoint from AWS_*).

    Files never change: a key is the sha256 of what it holds.
    """

    def __init__(self, url: str) -> None:
        self._store = open_store(url)

    async def put_by_content(self, data: bytes, media_type: str) -> FileRef:
        """Keeps the bytes under their own sha256, unless they are there already; then nothing is written."""
        return await put_by_content(self._store, data, media_type)

    async def get(self, sha256: str) -> bytes:
        """Raises FileMissing."""
        try:
            found = await obstore.get_async(self._store, object_key(sha256))
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            raise FileMissing(sha256) from None

    async def delete(self, sha256s: Sequence[str]) -> None:
        """Those that are gone already are no error."""
        for sha256 in sha256s:
            with suppress(NotFoundError, FileNotFoundError):
                await obstore.delete_async(self._store, object_key(sha256))

    async def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Opens the file, then yields its bytes from `start` to before `end`, in chunks.

        Raises FileMissing when awaited, not while streaming.
        """
        part: Any = None if end is None else {"range": (start, end)}
        try:
            found = await obstore.get_async(self._store, object_key(sha256), options=part)
        except (NotFoundError, FileNotFoundError):
            raise FileMissing(sha256) from None
        return _chunks(found)

    async def link(self, sha256: str, lifetime: timedelta) -> str | None:
        """A short-lived URL straight to the bucket; None for a folder, whose files are served by `stream`."""
        if not isinstance(self._store, S3Store):
            return None
        return await obstore.sign_async(self._store, "GET", object_key(sha256), lifetime)


async def _chunks(found: obstore.GetResult) -> AsyncIterator[bytes]:
    async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
        yield bytes(chunk)
