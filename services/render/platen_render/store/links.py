"""Who may see which file."""

from __future__ import annotations

from typing import Any

from platen_contracts.common import FileRef
from sqlalchemy.ext.asyncio import AsyncEngine

_FILE_OF = "select sha256, size, media_type from links join files using (sha256) where token = $1"


class Links:
    """A link lives as long as its row."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def file_of(self, token: str) -> FileRef | None:
        """None: never given out, or revoked."""
        async with self._engine.connect() as connection:
            row: Any = (await connection.exec_driver_sql(_FILE_OF, (token,))).one_or_none()
        return None if row is None else FileRef(sha256=row[0], size=row[1], media_type=row[2])
