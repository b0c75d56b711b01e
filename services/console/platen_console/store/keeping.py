"""Writes what was decided, set by set. A version never goes back, whoever else writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from platen_contracts.catalog import Artwork, Shop, Vendor
from platen_contracts.orders import OrderChanged, OrderPrivate, OrderSnapshot
from platen_messaging.outcome import Key, Outgoing
from sqlalchemy.ext.asyncio import AsyncConnection

from platen_console.model import Command, Entry, Gone, Held, Progress

E = TypeVar("E")

_LOCK = {
    "order": "select id, version from orders where id = any($1::text[]) order by id for update",
    "private": "select order_id, version from private where order_id = any($1::text[]) order by order_id for update",
    "sync": "select shop_id, told_at from syncs where shop_id = any($1::text[]) order by shop_id for update",
    "command": """
        select id, order_id, action, actor, asked_at, bulk_id from commands
        where id = any($1::text[]) order by id for update
    """,
}

_SAVE_ORDERS = """
insert into orders (id, version, number, shop_id, vendor_id, status, placed_at, document)
select id, version, number, shop_id, vendor_id, status, placed_at, document::json
from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
    as row (id, version, number, shop_id, vendor_id, status, placed_at, document)
on conflict (id) do update
set version = excluded.version, number = excluded.number, vendor_id = excluded.vendor_id, status = excluded.status,
    placed_at = excluded.placed_at, document = excluded.document
where orders.version < excluded.version
"""

_SAVE_PRIVATE = """
insert into private (order_id, version, recipient, document)
select id, version, recipient, document::json
from unnest($1::text[], $2::int[], $3::text[], $4::text[]) as row (id, version, recipient, document)
on conflict (order_id) do update
set version = excluded.version, recipient = excluded.recipient, document = excluded.document
where private.version < excluded.version
"""

_SAVE_HISTORY = """
insert into history (order_id, version, event)
select id, version, event::json from unnest($1::text[], $2::int[], $3::text[]) as row (id, version, event)
on conflict do nothing
"""

_SAVE_CATALOG = """
insert into catalog (kind, id, document)
select kind, id, document::json from unnest($1::text[], $2::text[], $3::text[]) as row (kind, id, document)
on conflict (kind, id) do update set document = excluded.document
"""

_SAVE_SYNCS = """
insert into syncs (shop_id, told_at, document)
select id, told_at, document::json from unnest($1::text[], $2::timestamptz[], $3::text[]) as row (id, told_at, document)
on conflict (shop_id) do update set told_at = excluded.told_at, document = excluded.document
where syncs.told_at <= excluded.told_at
"""

_SAVE_COMMANDS = """
insert into commands (id, order_id, action, actor, asked_at, bulk_id, outcome, reply)
select id, order_id, action, actor, asked_at, bulk_id, outcome, reply::json
from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[]
) as row (id, order_id, action, actor, asked_at, bulk_id, outcome, reply)
on conflict (id) do update set outcome = excluded.outcome, reply = excluded.reply
"""

_FORGET_COMMANDS = "delete from commands where asked_at < $1::timestamptz - interval '14 days'"

_DELETE: Mapping[str, Sequence[str]] = {
    "order": ("delete from orders where id = any($1::text[])", "delete from history where order_id = any($1::text[])"),
    # A refusal may quote what was typed.
    "private": (
        "delete from private where order_id = any($1::text[])",
        "delete from commands where order_id = any($1::text[])",
    ),
    "artwork": ("delete from catalog where kind = 'artwork' and id = any($1::text[])",),
    "shop": ("delete from catalog where kind = 'shop' and id = any($1::text[])",),
    "vendor": ("delete from catalog where kind = 'vendor' and id = any($1::text[])",),
}


class ConsoleStore:
    """Keeps what the console heard and asked."""

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, Entry]:
        asked = _by_kind(keys)
        states: dict[Key, Entry] = {}
        for kind, lock in _LOCK.items():
            if ids := asked.get(kind):
                found = await tx.exec_driver_sql(lock, (ids,))
                states |= {f"{kind}:{row[0]}": _held(kind, row) for row in found}
        return states

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, Entry], messages: Sequence[Outgoing]) -> None:
        for kind, ids in _by_kind(key for key, entry in changed.items() if isinstance(entry, Gone)).items():
            for delete in _DELETE[kind]:
                await tx.exec_driver_sql(delete, (ids,))
        entries = list(changed.values())
        await _write(tx, _SAVE_ORDERS, [_order_row(it) for it in _of(entries, OrderSnapshot)])
        await _write(tx, _SAVE_PRIVATE, [_private_row(it) for it in _of(entries, OrderPrivate)])
        await _write(tx, _SAVE_HISTORY, [(it.order_id, it.version, _json(it)) for it in _of(entries, OrderChanged)])
        await _write(tx, _SAVE_CATALOG, _catalog_rows(changed))
        await _write(tx, _SAVE_SYNCS, [_sync_row(it) for it in _of(entries, Progress)])
        commands = _of(entries, Command)
        await _write(tx, _SAVE_COMMANDS, [_command_row(it) for it in commands])
        if commands:
            await tx.exec_driver_sql(_FORGET_COMMANDS, (max(it.asked_at for it in commands),))


async def _write(tx: AsyncConnection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """One statement for all rows, a column each parameter; sorted, so that writers wait for each other in one direction."""
    if rows:
        await tx.exec_driver_sql(statement, tuple(map(list, zip(*sorted(rows, key=lambda row: row[:2]), strict=True))))


def _by_kind(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in keys:
        kind, _, rest = key.partition(":")
        found.setdefault(kind, []).append(rest)
    return found


def _held(kind: str, row: Any) -> Entry:
    if kind == "command":
        return Command(row.id, row.order_id, row.action, row.actor, row.asked_at, row.bulk_id)
    return Progress(row.told_at) if kind == "sync" else Held(row.version)


def _of(entries: Sequence[Entry], kind: type[E]) -> list[E]:
    return [entry for entry in entries if isinstance(entry, kind)]


def _json(message: Any) -> str:
    return message.model_dump_json(exclude_none=True)


def _order_row(it: OrderSnapshot) -> tuple[Any, ...]:
    return (
        it.order_id,
        it.version,
        it.number.replace("\0", ""),
        it.shop_id,
        it.vendor_id,
        it.status.value,
        it.placed_at,
        _json(it),
    )


def _private_row(it: OrderPrivate) -> tuple[Any, ...]:
    # Postgres takes no NUL in a text.
    name = None if it.recipient is None else it.recipient.full_name.replace("\0", "")
    return it.order_id, it.version, name, _json(it)


def _catalog_rows(changed: Mapping[Key, Entry]) -> list[tuple[str, str, str]]:
    rows = [(*key.partition(":")[::2], entry) for key, entry in changed.items() if isinstance(entry, Artwork | Shop | Vendor)]
    return [(kind, catalog_id, _json(entry)) for kind, catalog_id, entry in rows]


def _sync_row(it: Progress) -> tuple[str, datetime, str]:
    assert it.told is not None  # a changed one was just told
    return it.told.shop_id, it.told_at, _json(it.told)


def _command_row(it: Command) -> tuple[Any, ...]:
    reply = None if it.reply is None else _json(it.reply)
    return it.id, it.order_id, it.action, it.actor, it.asked_at, it.bulk_id, it.outcome, reply
