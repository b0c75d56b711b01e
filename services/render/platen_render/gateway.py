"""The object store: files under the sha256 of their bytes, in a folder or an S3 bucket."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, S3Store
from platen_contracts.common import FileRef, object_key

STORAGE_FAULTS = (BaseError, OSError)
"""What calls raise while the object store is away or unwilling."""

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
        self._store = _open(url)

    async def put_by_content(self, data: bytes, media_type: str) -> FileRef:
        """Keeps the bytes under their own sha256, unless they are there already; then nothing is written."""
        file = FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)
        attributes = {"Content-Type": media_type} if isinstance(self._store, S3Store) else None
        with contextlib.suppress(AlreadyExistsError):
            await obstore.put_async(
                self._store, object_key(file.sha256), data, mode="create", attributes=attributes, use_multipart=False
            )
        return file

    async def get(self, sha256: str) -> bytes:
        """Raises FileMissing."""
        try:
            found = await obstore.get_async(self._store, object_key(sha256))
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            raise FileMissing(sha256) from None

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


def _open(url: str) -> LocalStore | S3Store:
    """Raises ValueError, one line with the remedy."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "file" and parts.path.startswith("/") and parts.netloc in {"", "localhost"}:
            return LocalStore(Path(unquote(parts.path)), mkdir=True)
        if parts.scheme == "s3" and parts.netloc:
            return S3Store.from_url(url)
    except STORAGE_FAULTS as problem:
        reason = str(problem).splitlines()[0]
        raise ValueError(f"PLATEN_OBJECTS: {url!r}: {reason}; give a folder that may be written to, or a bucket") from None
    raise ValueError(f"PLATEN_OBJECTS: {url!r} is no object store; give file:///folder or s3://bucket/prefix")
