"""The object store, a folder or an S3 bucket: opened by URL, and files put under the sha256 of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store
from platen_contracts.common import FileRef, object_key

STORAGE_FAULTS = (BaseError, OSError)
"""What calls raise while the object store is away or unwilling."""


def open_store(url: str) -> LocalStore | S3Store:
    """`file:///folder` (made where absent) or `s3://bucket/prefix` (credentials, region, endpoint from AWS_*).

    Raises ValueError, one line with the remedy.
    """
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


def named_by_content(data: bytes, media_type: str) -> FileRef:
    """What `put_by_content` will answer."""
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)


async def put_by_content(store: LocalStore | S3Store, data: bytes, media_type: str) -> FileRef:
    """Keeps the bytes under their own sha256, unless they are there already; then nothing is written.

    Raises STORAGE_FAULTS.
    """
    file = named_by_content(data, media_type)
    attributes = {"Content-Type": media_type} if isinstance(store, S3Store) else None
    with contextlib.suppress(AlreadyExistsError):
        await obstore.put_async(store, object_key(file.sha256), data, mode="create", attributes=attributes, use_multipart=False)
    return file
