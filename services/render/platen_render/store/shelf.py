"""The files that are kept, before and after anybody uses them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from platen_contracts.common import FileRef
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_KEEP = """
insert into files (sha256, size, media_type, look_at)
values ($1, $2, $3, now() + case when exists (
    select 1 from sides join orders using (order_id) where key = $4 and erased
) then interval '0' else $5::interval end)
on conflict (sha256) do update set look_at = greatest(files.look_at, excluded.look_at) where not files.doomed
returning sha256
"""

_NOTE_PHOTO = "insert into photos (side, sha256, source) values ($1, $2, $3) on conflict do nothing"

_FETCHED = """
select source, sha256, size, media_type
from sides join photos on photos.side = sides.key join files using (sha256)
where order_id = $1 and source = any($2::text[]) and not doomed
"""

_DUE = "select sha256 from files where not doomed and look_at <= now() order by look_at limit $1"

_DOOMED = "select sha256 from files where doomed limit $1"

_FORGET = "delete from files where sha256 = any($1::text[]) and doomed"


class Shelf:
    """Each call is one short transaction. `retention`: how long a file stays that no order names."""

    def __init__(self, engine: AsyncEngine, retention: timedelta) -> None:
        self._engine = engine
        self._retention = retention

    async def keep(self, file: FileRef, side: str | None = None, *, photo_from: str | None = None) -> bool:
        """Notes that the file is about to be put into the object store, so that it never lies there unknown.

        `side`: the key of the side that it is for; `photo_from`: sha256 of the address that a photo of the side came from.
        False: the same file is being deleted just now; ask again in a moment.
        """
        async with self._engine.begin() as tx:
            kept = await _rows(tx, _KEEP, file.sha256, file.size, file.media_type, side, self._retention)
            if kept and side is not None and photo_from is not None:
                await _rows(tx, _NOTE_PHOTO, side, file.sha256, photo_from)
        return bool(kept)

    async def fetched(self, order_id: str, sources: Sequence[str]) -> dict[str, FileRef]:
        """By source, the photos that were fetched for this order before."""
        async with self._engine.connect() as connection:
            rows = await _rows(connection, _FETCHED, order_id, list(sources))
        return {row[0]: FileRef(sha256=row[1], size=row[2], media_type=row[3]) for row in rows}

    async def due(self, limit: int) -> list[str]:
        """Files to look at now: sha256, those longest due first."""
        return await self._sha256s(_DUE, limit)

    async def doomed(self, limit: int) -> list[str]:
        """Files that are to be deleted from the object store."""
        return await self._sha256s(_DOOMED, limit)

    async def forget(self, sha256s: Sequence[str]) -> None:
        """They are deleted there."""
        async with self._engine.begin() as tx:
            await _rows(tx, _FORGET, list(sha256s))

    async def _sha256s(self, statement: str, limit: int) -> list[str]:
        async with self._engine.connect() as connection:
            return [row[0] for row in await _rows(connection, statement, limit)]


async def _rows(tx: AsyncConnection, statement: str, *parameters: Any) -> Sequence[Any]:
    result = await tx.exec_driver_sql(statement, parameters)
    return result.all() if result.returns_rows else ()
