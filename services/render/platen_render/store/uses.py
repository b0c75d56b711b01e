"""Orders as they say of themselves, and what uses a file: loaded and saved inside the desk's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from platen_render.model import Given, Kept, OrderKnown, Unwanted

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_INSERT_ORDERS = """
insert into orders (order_id, version, erased) select unnest($1::text[]), 0, false on conflict do nothing
"""

_LOCK_ORDERS = """
select order_id, version, erased, archived_since,
       array(select sha256 from named where named.order_id = orders.order_id)
from orders where order_id = any($1::text[]) order by order_id for update
"""

_SAVE_ORDERS = """
update orders set version = row.version, erased = row.erased, archived_since = row.archived_since
from unnest($1::text[], $2::bigint[], $3::boolean[], $4::timestamptz[]) as row (order_id, version, erased, archived_since)
where orders.order_id = row.order_id
"""

_UNNAME = """
delete from named using unnest($1::text[], $2::text[]) as row (order_id, sha256)
where named.order_id = row.order_id and named.sha256 = row.sha256
"""

_NAME = "insert into named (order_id, sha256) select * from unnest($1::text[], $2::text[]) on conflict do nothing"

_LOCK_NAMED = "select 1 from files where sha256 = any($1::text[]) order by sha256 for share"
"""So that a file that is named now is not found unused at the same time."""

_LOOK_AT = """
with files_of as (
    select order_id, sha256 from named where order_id = any($1::text[])
    union select order_id, sha256 from sides join links on links.side = sides.key where order_id = any($1::text[])
    union select order_id, sha256 from sides join photos on photos.side = sides.key where order_id = any($1::text[])
), row as (
    select sha256, min(at) as at
    from files_of join unnest($1::text[], $2::timestamptz[]) as due (order_id, at) using (order_id) group by sha256
), locked as (
    select sha256 from files where sha256 in (select sha256 from row) and not doomed order by sha256 for update
)
update files set look_at = least(look_at, row.at) from row join locked using (sha256) where files.sha256 = row.sha256
"""

_LOOK_NOW = "update files set look_at = now() where sha256 = any($1::text[]) and not doomed"

_LOCK_FILES = """
select sha256, look_at <= now() and not doomed from files where sha256 = any($1::text[]) order by sha256 for update
"""

_IN_USE = """
with living as (
    select order_id from orders where not erased and (archived_since is null or archived_since > now() - $2::interval)
)
select sha256 from files where sha256 = any($1::text[]) and (
    exists (select 1 from assets where assets.sha256 = files.sha256)
    or exists (select 1 from views where views.view = files.sha256)
    or exists (select 1 from named join living using (order_id) where named.sha256 = files.sha256)
    or exists (
        select 1 from photos join sides on sides.key = photos.side
        where photos.sha256 = files.sha256
        and (not exists (select 1 from orders where orders.order_id = sides.order_id and orders.version > 0)
             or sides.order_id in (select order_id from living))
    )
    or exists (
        select 1 from links join sides on sides.key = links.side
        where links.sha256 = files.sha256 and linked_at > now() - $2::interval
        and not exists (select 1 from orders where orders.order_id = sides.order_id and orders.erased)
    )
)
"""
"""Of these files, those in use: a living order names it or is drawn with it, an artwork or a print file needs it, or a link to it
is so young that its order may not have told of it yet."""

_LINKS = """
select links.sha256, links.side, coalesce(erased, false)
from links join sides on sides.key = links.side left join orders using (order_id)
where links.sha256 = any($1::text[])
order by links.side
"""

_SAVE_LOOKS = """
update files set look_at = coalesce(row.at, files.look_at), doomed = row.at is null
from unnest($1::text[], $2::timestamptz[]) as row (sha256, at) where files.sha256 = row.sha256
"""

_END_LINKS = """
delete from links where sha256 = any($1::text[])
and (side, sha256) not in (select * from unnest($2::text[], $3::text[]))
"""

_DOOM = (
    "delete from drawings where sha256 = any($1::text[])",
    "delete from photos where sha256 = any($1::text[])",
    """update files set look_at = now() from views
    where views.sha256 = any($1::text[]) and files.sha256 = views.view and not files.doomed""",
    "delete from views where sha256 = any($1::text[])",
)


async def load_orders(tx: AsyncConnection, order_ids: Sequence[str]) -> dict[str, OrderKnown]:
    """By order id. Orders not heard of are known in version 0."""
    if not order_ids:
        return {}
    await _run(tx, _INSERT_ORDERS, order_ids)
    rows = await _run(tx, _LOCK_ORDERS, order_ids)
    return {row[0]: OrderKnown(row[0], row[1], row[2], row[3], frozenset(row[4])) for row in rows}


async def save_orders(tx: AsyncConnection, orders: Sequence[OrderKnown], retention: timedelta) -> None:
    """What an order that is erased now used is looked at at once, that of an archived one after the retention time."""
    ids = [order.order_id for order in orders]
    held = {row[0]: frozenset[str](row[4]) for row in await _run(tx, _LOCK_ORDERS, ids)}
    gone = [(order.order_id, sha256) for order in orders for sha256 in held[order.order_id] - order.named]
    come = [(order.order_id, sha256) for order in orders for sha256 in order.named - held[order.order_id]]
    if come:
        await _run(tx, _LOCK_NAMED, sorted({sha256 for _, sha256 in come}))
        await _run(tx, _NAME, *_columns(come))
    await _run(
        tx,
        _SAVE_ORDERS,
        ids,
        [order.version for order in orders],
        [order.erased for order in orders],
        [order.archived_since for order in orders],
    )
    looks = [(order.order_id, _look_at(order, retention)) for order in orders if order.erased or order.archived_since]
    if looks:
        await _run(tx, _LOOK_AT, *_columns(looks))
    if gone:
        await _run(tx, _UNNAME, *_columns(gone))


def _look_at(order: OrderKnown, retention: timedelta) -> Any:
    return _LONG_AGO if order.erased or order.archived_since is None else order.archived_since + retention


async def load_files(tx: AsyncConnection, sha256s: Sequence[str], retention: timedelta) -> dict[str, Kept]:
    """By sha256. Nothing that uses one of them can come while they are locked."""
    if not sha256s:
        return {}
    due = {row[0]: bool(row[1]) for row in await _run(tx, _LOCK_FILES, sha256s)}
    used = {row[0] for row in await _run(tx, _IN_USE, sha256s, retention)}
    links: dict[str, list[Given]] = {sha256: [] for sha256 in due}
    for sha256, side, revoked in await _run(tx, _LINKS, sha256s):
        order_id, item_id, name = side.removeprefix("side:").split("/", 2)
        links[sha256].append(Given(order_id, item_id, name, revoked))
    return {sha256: Kept(sha256, due[sha256], sha256 in used, tuple(links[sha256])) for sha256 in due}


async def save_files(tx: AsyncConnection, files: Sequence[Kept], unwanted: Iterable[Unwanted]) -> None:
    if files:
        left = [(f"side:{link.order_id}/{link.item_id}/{link.side}", it.sha256) for it in files for link in it.links]
        await _run(tx, _END_LINKS, [it.sha256 for it in files], [side for side, _ in left], [sha256 for _, sha256 in left])
        await _run(tx, _SAVE_LOOKS, [it.sha256 for it in files], [it.look_at for it in files])
        if doomed := [it.sha256 for it in files if it.look_at is None]:
            for statement in _DOOM:
                await _run(tx, statement, doomed)
    if now := sorted({sha256 for each in unwanted for sha256 in each.sha256s}):
        await _run(tx, _LOOK_NOW, now)


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def _run(tx: AsyncConnection, statement: str, *parameters: Any) -> Sequence[Any]:
    result = await tx.exec_driver_sql(statement, parameters)
    return result.all() if result.returns_rows else ()
