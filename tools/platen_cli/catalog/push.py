"""Publishes a catalog: pictures into the object store first, then the documents on their topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import uuid4

from platen_contracts.message import Message
from platen_outside.objects import STORAGE_FAULTS, open_store, put_by_content

from platen_cli.errors import UserError
from platen_cli.wire import Sender

from .read import Catalog, Picture


async def push(catalog: Catalog, bootstrap: str, objects: str, topic_prefix: str = "") -> int:
    """Returns how many documents were published. Publishing the same again changes nothing for anyone."""
    await _put(catalog.pictures.values(), objects)
    run = uuid4().hex
    async with Sender(bootstrap, topic_prefix, source="/platen/catalog") as sender:
        documents = list(_keyed(catalog))
        now = datetime.now(UTC)
        await asyncio.gather(*(sender.send(topic, key, it, run + f"-{n}", now) for n, (topic, key, it) in enumerate(documents)))
    return len(documents)


async def _put(pictures: Iterable[Picture], objects: str) -> None:
    try:
        store = open_store(objects)
        for picture in pictures:
            await put_by_content(store, picture.data, picture.media_type)
    except ValueError as wrong:
        raise UserError(str(wrong)) from None
    except STORAGE_FAULTS as problem:
        reason = str(problem).splitlines()[0]
        raise UserError(f"PLATEN_OBJECTS: {objects!r}: {reason}; see that it can be reached and written to") from None


def _keyed(catalog: Catalog) -> Iterable[tuple[str, str, Message]]:
    for artwork in catalog.artworks:
        yield "catalog.artworks", f"{artwork.artwork_id}/{artwork.version}", artwork
    for vendor in catalog.vendors:
        yield "catalog.vendors", vendor.vendor_id, vendor
    for shop in catalog.shops:
        yield "catalog.shops", shop.shop_id, shop
    for listing in catalog.listings:
        yield "catalog.listings", f"{listing.shop_id}/{listing.listing_id}", listing
