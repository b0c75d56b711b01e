"""Who may see which file."""

from __future__ import annotations

from typing import Any

from platen_contracts.common import FileRef
from sqlalchemy.ext.asyncio import AsyncEngine

_FILE_OF = "select sha256, size, media_type from links join files using (sha256) where token = $1"

_VIEW_OF = """
select files.sha256, size, media_type from links join views using (sha256) join files on files.sha256 = views.view
where token = $1 and name = $2
"""


class Links:
    """A link lives as long as its row."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def file_of(self, token: str, view: str | None = None) -> FileRef | None:
        """The print file, or its view of that name. None: never given out, or revoked, or no such view."""
        asked = (_FILE_OF, (token,)) if view is None else (_VIEW_OF, (token, view))
        async with self._engine.connect() as connection:
            row: Any = (await connection.exec_driver_sql(*asked)).one_or_none()
        return None if row is None else FileRef(sha256=row[0], size=row[1], media_type=row[2])
