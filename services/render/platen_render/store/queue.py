"""The queue that the worker draws from. A claimed job is leased: who dies with it loses it to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef
from platen_contracts.envelope import Meta
from platen_contracts.render import RenderRequested
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_render.store import META

_CLAIM = """
with next as (
    select request_id from jobs where rank is not null and due_at <= now()
    order by rank, number limit 1 for update skip locked
)
update jobs set lease = $1, due_at = now() + $2::interval, lost = lost + (lease is not null)::int
from next where jobs.request_id = next.request_id
returning request::text, cause::text, lost, (select document::text from artworks where reference = jobs.artwork)
"""

_DRAWN = """
select sha256, size, media_type, warnings, (
    select coalesce(json_object_agg(name, row_to_json(seen)), '{}')
    from views join lateral (select sha256, size, media_type from files as it where it.sha256 = views.view) as seen on true
    where views.sha256 = files.sha256
)::text
from drawings join files using (sha256) where input_hash = $1 and renderer = $2 and not doomed
"""

_TWINS = """
select request::text, cause::text from jobs
where input_hash = $1 and rank is not null and (lease is null or due_at <= now())
order by number limit $2
"""

_RENEW = "update jobs set due_at = now() + $2::interval where lease = any($1::text[])"

_EXPIRE = "update jobs set due_at = now() where lease = $1"

_RELEASE = "update jobs set lease = null, due_at = now() + $2::interval where lease = any($1::text[])"

_COUNT = """
select count(*) filter (where rank is null),
       count(*) filter (where rank is not null and (lease is null or due_at <= now())),
       count(*) filter (where lease is not null and due_at > now()),
       count(distinct shop_id) filter (where rank is not null)
from jobs
"""

NOW = timedelta()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and what caused it."""

    request: RenderRequested
    cause: Meta


@dataclass(frozen=True, slots=True)
class Drawn:
    """A print file with its views and warnings."""

    file: FileRef
    views: Mapping[str, FileRef] = field(default_factory=dict[str, FileRef])
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Claim(Asked):
    """A job in hand. `lost`: how often one who had it died. `drawn`: the result, where the same was drawn before."""

    lease: str
    artwork: Artwork
    lost: int
    drawn: Drawn | None


@dataclass(frozen=True, slots=True)
class Counted:
    """Open jobs of the whole deployment."""

    waiting_for_artwork: int
    waiting: int
    drawing: int
    shops: int
    """That have some of those whose artwork is known."""


class Queue:
    """Each call is one short transaction. Leases are measured by the database's clock, the same for every instance."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, lease: str, lasting: timedelta, renderer: str) -> Claim | None:
        """The next job that is due, shops in turn."""
        async with self._engine.begin() as tx:
            row: Any = (await tx.exec_driver_sql(_CLAIM, (lease, lasting))).one_or_none()
            if row is None:
                return None
            request = RenderRequested.model_validate_json(row[0])
            drawn: Any = (await tx.exec_driver_sql(_DRAWN, (request.input_hash, renderer))).one_or_none()
        return Claim(
            request=request,
            cause=META.decode(row[1]),
            lease=lease,
            artwork=Artwork.model_validate_json(row[3]),
            lost=row[2],
            drawn=None if drawn is None else _drawn(*drawn),
        )

    async def twins(self, input_hash: str, limit: int) -> list[Asked]:
        """Jobs that nobody has in hand and that ask for the same file."""
        rows = await self._rows(_TWINS, input_hash, limit)
        return [Asked(RenderRequested.model_validate_json(row[0]), META.decode(row[1])) for row in rows]

    async def renew(self, leases: Sequence[str], lasting: timedelta) -> None:
        await self._rows(_RENEW, list(leases), lasting)

    async def expire(self, lease: str) -> None:
        """The one who had it died: due at once, and counted as lost when claimed again."""
        await self._rows(_EXPIRE, lease)

    async def release(self, leases: Sequence[str], after: timedelta = NOW) -> None:
        """Put back in good order, due after that time."""
        await self._rows(_RELEASE, list(leases), after)

    async def counted(self) -> Counted:
        (row,) = await self._rows(_COUNT)
        return Counted(*row)

    async def _rows(self, statement: str, *parameters: Any) -> Sequence[Any]:
        async with self._engine.begin() as tx:
            result = await tx.exec_driver_sql(statement, parameters)
            return result.all() if result.returns_rows else ()


def _drawn(sha256: str, size: int, media_type: str, warnings: Sequence[str], views: str) -> Drawn:
    return Drawn(FileRef(sha256=sha256, size=size, media_type=media_type), _VIEWS.validate_json(views), warnings)


_VIEWS = TypeAdapter(dict[str, FileRef])
