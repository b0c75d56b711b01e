"""Rows of render. The lock of an item's side is its row in `sides`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef
from platen_contracts.envelope import Meta
from platen_contracts.render import RenderRequested
from platen_messaging.outcome import Key, Outgoing
from sqlalchemy.ext.asyncio import AsyncConnection

from platen_render.model import (
    Drawing,
    Job,
    Kept,
    OrderKnown,
    Published,
    Side,
    State,
    Unanswered,
    Unwanted,
    file_key,
    order_key,
    reference_of,
    unanswered_key,
)
from platen_render.store.uses import load_files, load_orders, save_files, save_orders

META = msgspec.json.Decoder(Meta)

_PLACEHOLDERS = "insert into artworks (reference) select unnest($1::text[]) on conflict do nothing"

_LOCK_ARTWORKS = """
select reference, document is not null from artworks where reference = any($1::text[]) order by reference for update
"""

_INSERT_SIDES = "insert into sides (key) select unnest($1::text[]) on conflict do nothing"

_LOCK_SIDES = "select key from sides where key = any($1::text[]) order by key for update"

_LOAD_JOBS = """
select side, request_id, request::text, cause::text, lease is not null and due_at > clock_timestamp()
from jobs where side = any($1::text[]) order by side, number for update
"""

_LOAD_LINKS = "select side, sha256, token from links where side = any($1::text[])"

_LOAD_PHOTOS = """
select side, sha256, size, media_type from photos join files using (sha256) where side = any($1::text[]) and source is null
"""

_END_PHOTOS = """
delete from photos where side = any($1::text[]) and source is null
and (side, sha256) not in (select * from unnest($2::text[], $3::text[]))
"""

_SAVE_PHOTOS = "insert into photos (side, sha256) select * from unnest($1::text[], $2::text[]) on conflict do nothing"

_KEEP_PHOTOS = """
insert into files (sha256, size, media_type, look_at)
select sha256, size, media_type, now() + $4::interval
from unnest($1::text[], $2::bigint[], $3::text[]) as row (sha256, size, media_type)
on conflict do nothing
"""

_SAVE_ARTWORKS = """
update artworks set document = row.document::json from unnest($1::text[], $2::text[]) as row (reference, document)
where artworks.reference = row.reference
"""

_SAVE_ASSETS = """
insert into assets (reference, sha256)
select distinct reference, path #>> '{}' from artworks, jsonb_path_query(document::jsonb, 'strict $.**.sha256') as path
where reference = any($1::text[])
on conflict do nothing
"""

_END_JOBS = "delete from jobs where side = any($1::text[]) and request_id <> all($2::text[])"

_LOAD_UNANSWERED = """
select order_id, request::text from jobs join sides on sides.key = jobs.side
where order_id = any($1::text[]) order by side, number for update of jobs
"""

_END_UNANSWERED = """
delete from jobs using sides where sides.key = jobs.side and order_id = any($1::text[]) and request_id <> all($2::text[])
"""

_INSERT_JOBS = """
insert into jobs (side, request_id, shop_id, artwork, input_hash, request, cause)
select side, request_id, shop_id, artwork, input_hash, request::json, cause::json
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    with ordinality as row (side, request_id, shop_id, artwork, input_hash, request, cause, place)
order by place
on conflict (request_id) do nothing
"""

_QUEUE = """
with ready as (
    select jobs.request_id, shop_id, row_number() over (partition by shop_id order by number) - 1 as place
    from jobs join artworks on artworks.reference = jobs.artwork
    where jobs.artwork = any($1::text[]) and jobs.rank is null and document is not null
), front as (
    select coalesce(
        (select min(rank) from jobs where rank is not null and due_at <= now()),
        (select max(rank) from jobs where rank is not null),
        0
    ) as rank
), tails as (
    select shop_id, (select max(rank) + 1 from jobs where jobs.shop_id = shops.shop_id and rank is not null) as rank
    from (select distinct shop_id from ready) as shops
)
update jobs set rank = greatest(front.rank, tails.rank) + ready.place, due_at = now()
from ready join tails using (shop_id) cross join front
where jobs.request_id = ready.request_id
"""
"""Gives jobs whose artwork is known their rank: behind the shop's own last one, but never behind those of other shops.

So the shops take turns, rank by rank, however many jobs each has.
"""

_SAVE_FILES = """
insert into files (sha256, size, media_type) select * from unnest($1::text[], $2::bigint[], $3::text[])
on conflict do nothing
"""

_SAVE_DRAWINGS = """
insert into drawings (input_hash, renderer, sha256, warnings)
select input_hash, renderer, sha256, array(select jsonb_array_elements_text(warnings))
from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) as row (input_hash, renderer, sha256, warnings)
on conflict do nothing
"""

_SAVE_VIEWS = """
insert into views (sha256, name, view) select * from unnest($1::text[], $2::text[], $3::text[])
on conflict do nothing
"""

_SAVE_LINKS = """
insert into links (token, side, sha256) select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (side, sha256) do nothing
"""


class RenderStore:
    """Keeps open jobs, artworks, drawings, links, and what uses a file. An ended job's row is deleted, and the buyer's answers
    with it. `retention`: how long the files of an archived order stay."""

    def __init__(self, retention: timedelta) -> None:
        self._retention = retention
        self._published: set[str] = set()

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, State]:
        """Sides with all their open jobs and links; `Published` for the artworks that are known."""
        sides = [key for key in keys if key.startswith("side:")]
        artworks = await self._lock_artworks(tx, _named(keys, "artwork:"))
        states: dict[Key, State] = {f"artwork:{it}": Published(it) for it in artworks}
        orders = await load_orders(tx, _named(keys, "order:"))
        states.update({order_key(order_id): order for order_id, order in orders.items()})
        if ended := _named(keys, "unanswered:"):
            states.update(await _load_unanswered(tx, ended))
        if sides:
            states.update(await _load_sides(tx, sides))
        if facts_on_files := _named(keys, "file:"):
            files = await load_files(tx, facts_on_files, self._retention)
            states.update({file_key(sha256): file for sha256, file in files.items()})
        return states

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, State], messages: Sequence[Outgoing]) -> None:
        artworks = [state for state in changed.values() if isinstance(state, Artwork)]
        sides = {key: state for key, state in changed.items() if isinstance(state, Side)}
        drawings = [state for state in changed.values() if isinstance(state, Drawing)]
        orders = sorted((it for it in changed.values() if isinstance(it, OrderKnown)), key=lambda it: it.order_id)
        files = [state for state in changed.values() if isinstance(state, Kept)]
        unanswered = {key: state for key, state in changed.items() if isinstance(state, Unanswered)}
        unwanted = [state for state in changed.values() if isinstance(state, Unwanted)]
        if artworks:
            documents = [artwork.model_dump_json(exclude_none=True) for artwork in artworks]
            await _run(tx, _SAVE_ARTWORKS, [reference_of(it) for it in artworks], documents)
            await _run(tx, _SAVE_ASSETS, [reference_of(it) for it in artworks])
        if orders:
            await save_orders(tx, orders, self._retention)
        if unanswered:
            left = [request.request_id for state in unanswered.values() for request in state.requests]
            await _run(tx, _END_UNANSWERED, _named(list(unanswered), "unanswered:"), left)
        if drawings:
            await _save_drawings(tx, drawings)
        awaited = await _save_sides(tx, sides, self._retention) if sides else set[str]()
        await save_files(tx, files, unwanted)
        if fresh := sorted(awaited | {reference_of(it) for it in artworks}):
            await _run(tx, _QUEUE, fresh)

    async def _lock_artworks(self, tx: AsyncConnection, references: Iterable[str]) -> list[str]:
        """Those that are known. The others are locked: who publishes one sees every job that waits for it."""
        asked = sorted(references)
        unknown = [it for it in asked if it not in self._published]
        if unknown:
            await _run(tx, _PLACEHOLDERS, unknown)
            rows = await _run(tx, _LOCK_ARTWORKS, unknown)
            self._published.update(row[0] for row in rows if row[1])
        return [it for it in asked if it in self._published]


def _named(keys: Sequence[Key], kind: str) -> list[str]:
    return [key.removeprefix(kind) for key in keys if key.startswith(kind)]


async def _load_unanswered(tx: AsyncConnection, order_ids: list[str]) -> dict[Key, State]:
    requests: dict[str, list[RenderRequested]] = {order_id: [] for order_id in order_ids}
    for order_id, request in await _run(tx, _LOAD_UNANSWERED, order_ids):
        requests[order_id].append(RenderRequested.model_validate_json(request))
    return {unanswered_key(order_id): Unanswered(tuple(found)) for order_id, found in requests.items()}


async def _load_sides(tx: AsyncConnection, keys: list[str]) -> dict[Key, State]:
    await _run(tx, _INSERT_SIDES, keys)
    await _run(tx, _LOCK_SIDES, keys)
    jobs: dict[str, dict[str, Job]] = {key: {} for key in keys}
    tokens: dict[str, dict[str, str]] = {key: {} for key in keys}
    for side, request_id, request, cause, in_hand in await _run(tx, _LOAD_JOBS, keys):
        jobs[side][request_id] = Job(RenderRequested.model_validate_json(request), META.decode(cause), in_hand)
    for side, sha256, token in await _run(tx, _LOAD_LINKS, keys):
        tokens[side][sha256] = token
    photos: dict[str, dict[str, FileRef]] = {key: {} for key in keys}
    for side, sha256, size, media_type in await _run(tx, _LOAD_PHOTOS, keys):
        photos[side][sha256] = FileRef(sha256=sha256, size=size, media_type=media_type)
    return {key: Side(jobs[key], tokens[key], photos[key]) for key in keys}


async def _save_sides(tx: AsyncConnection, sides: Mapping[str, Side], retention: timedelta) -> set[str]:
    """Returns the artworks that the open jobs name."""
    jobs = [(key, job) for key, side in sides.items() for job in side.jobs.values()]
    await _run(tx, _END_JOBS, list(sides), [job.request.request_id for _, job in jobs])
    if jobs:
        await _run(
            tx,
            _INSERT_JOBS,
            [key for key, _ in jobs],
            [job.request.request_id for _, job in jobs],
            [job.request.shop_id for _, job in jobs],
            [reference_of(job.request.artwork) for _, job in jobs],
            [job.request.input_hash for _, job in jobs],
            [job.request.model_dump_json(exclude_none=True) for _, job in jobs],
            [msgspec.json.encode(job.cause).decode() for _, job in jobs],
        )
    links = [(token, key, sha256) for key, side in sides.items() for sha256, token in side.tokens.items()]
    if links:
        await _run(tx, _SAVE_LINKS, *map(list, zip(*links, strict=True)))
    await _save_photos(tx, sides, retention)
    return {reference_of(job.request.artwork) for _, job in jobs}


async def _save_photos(tx: AsyncConnection, sides: Mapping[str, Side], retention: timedelta) -> None:
    photos = [(key, photo) for key, side in sides.items() for photo in side.photos.values()]
    keys, sha256s = [key for key, _ in photos], [photo.sha256 for _, photo in photos]
    await _run(tx, _END_PHOTOS, list(sides), keys, sha256s)
    if photos:
        files = {photo.sha256: photo for _, photo in photos}.values()
        columns = [it.sha256 for it in files], [it.size for it in files], [it.media_type for it in files]
        await _run(tx, _KEEP_PHOTOS, *columns, retention)
        await _run(tx, _SAVE_PHOTOS, keys, sha256s)


async def _save_drawings(tx: AsyncConnection, drawings: Sequence[Drawing]) -> None:
    views = [(it.file.sha256, name, view) for it in drawings for name, view in it.views.items()]
    files = {it.sha256: it for it in (*(it.file for it in drawings), *(view for *_, view in views))}.values()
    await _run(tx, _SAVE_FILES, [it.sha256 for it in files], [it.size for it in files], [it.media_type for it in files])
    hashes = [it.input_hash for it in drawings]
    warnings = [msgspec.json.encode(it.warnings).decode() for it in drawings]
    await _run(tx, _SAVE_DRAWINGS, hashes, [it.renderer for it in drawings], [it.file.sha256 for it in drawings], warnings)
    if views:
        columns = [it[0] for it in views], [it[1] for it in views], [it[2].sha256 for it in views]
        await _run(tx, _SAVE_VIEWS, *columns)


async def _run(tx: AsyncConnection, statement: str, *parameters: Any) -> Sequence[Any]:
    result = await tx.exec_driver_sql(statement, parameters)
    return result.all() if result.returns_rows else ()
