"""Publishes a catalog: pictures into the object store first, then the documents on their topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from obstore.store import LocalStore, S3Store
from platen_contracts.common import object_key
from platen_contracts.message import Message

from platen_cli.wire import Sender

from .read import Catalog


async def push(catalog: Catalog, bootstrap: str, objects: str, topic_prefix: str = "") -> int:
    """Returns how many documents were published. Publishing the same again changes nothing for anyone."""
    store = _open_store(objects)
    for sha256, data in catalog.pictures.items():
        await store.put_async(object_key(sha256), data)
    run = uuid4().hex
    async with Sender(bootstrap, topic_prefix, source="/platen/catalog") as sender:
        documents = list(_keyed(catalog))
        now = datetime.now(UTC)
        await asyncio.gather(*(sender.send(topic, key, it, run + f"-{n}", now) for n, (topic, key, it) in enumerate(documents)))
    return len(documents)


def _keyed(catalog: Catalog) -> Iterable[tuple[str, str, Message]]:
    for artwork in catalog.artworks:
        yield "catalog.artworks", f"{artwork.artwork_id}/{artwork.version}", artwork
    for vendor in catalog.vendors:
        yield "catalog.vendors", vendor.vendor_id, vendor
    for shop in catalog.shops:
        yield "catalog.shops", shop.shop_id, shop
    for listing in catalog.listings:
        yield "catalog.listings", f"{listing.shop_id}/{listing.listing_id}", listing


def _open_store(objects: str) -> LocalStore | S3Store:
    parts = urlsplit(objects)
    if parts.scheme == "file":
        return LocalStore(Path(unquote(parts.path)), mkdir=True)
    return S3Store(parts.netloc, prefix=parts.path.strip("/"))
