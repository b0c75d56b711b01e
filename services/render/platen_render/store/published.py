"""Artworks, as they were published."""

from __future__ import annotations

from typing import Any

from platen_contracts.catalog import Artwork
from sqlalchemy.ext.asyncio import AsyncEngine

_DOCUMENT = "select document::text from artworks where reference = $1 and document is not null"


class PublishedArtworks:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, reference: str) -> Artwork | None:
        """By `artwork id/version`; None while it is not published."""
        async with self._engine.connect() as connection:
            row: Any = (await connection.exec_driver_sql(_DOCUMENT, (reference,))).one_or_none()
        return None if row is None else Artwork.model_validate_json(row[0])
