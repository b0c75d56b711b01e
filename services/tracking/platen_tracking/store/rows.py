"""Loads and saves what decisions see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from platen_contracts.catalog import Vendor
from platen_messaging.outcome import Key, Outgoing
from sqlalchemy.ext.asyncio import AsyncConnection

from platen_tracking.model import Account, Erased, Followed, State, Watch, account_key, erased_key, watch_key

_FOLLOWED = msgspec.json.Decoder(Followed)

_INSERT = (
    "insert into vendor_orders (vendor_id, vendor_order_id) select * from unnest($1::text[], $2::text[]) on conflict do nothing"
)

_LOAD = """
select vendor_id, vendor_order_id, state::text, next_read_at, hinted_at, leased_until from vendor_orders
where (vendor_id, vendor_order_id) in (select * from unnest($1::text[], $2::text[]))
order by vendor_id, vendor_order_id for update
"""

# Not a mere update: between the two statements of `load` a row that held only an old webhook may have been forgotten.
_SAVE = """
insert into vendor_orders (vendor_id, vendor_order_id, state, next_read_at, hinted_at, leased_until)
select vendor_id, vendor_order_id, state::json, next_read_at, hinted_at, leased_until
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
    as row (vendor_id, vendor_order_id, state, next_read_at, hinted_at, leased_until)
on conflict (vendor_id, vendor_order_id) do update
set state = excluded.state, next_read_at = excluded.next_read_at, hinted_at = excluded.hinted_at,
    leased_until = excluded.leased_until
"""

_DELETE = """
delete from vendor_orders using unnest($1::text[], $2::text[]) as row (vendor_id, vendor_order_id)
where vendor_orders.vendor_id = row.vendor_id and vendor_orders.vendor_order_id = row.vendor_order_id
"""

_LOAD_VENDORS = "select vendor::text from vendors where vendor_id = any($1::text[])"

_SAVE_VENDORS = """
insert into vendors (vendor_id, vendor) select id, vendor::json from unnest($1::text[], $2::text[]) as row (id, vendor)
on conflict (vendor_id) do update set vendor = excluded.vendor
"""

# Whoever hears of a vendor order and whoever hears of the erasure of its order wait for each other.
_LOCK_ERASED = "select pg_advisory_xact_lock(hashtextextended(id, 0)) from unnest($1::text[]) as id"

_LOAD_ERASED = "select order_id from erased_orders where order_id = any($1::text[])"

_OF_ORDERS = "select vendor_id, vendor_order_id from vendor_orders where state->>'order_id' = any($1::text[])"

_SAVE_ERASED = "insert into erased_orders (order_id) select unnest($1::text[]) on conflict do nothing"

_DELETE_VENDORS = "delete from vendors where vendor_id = any($1::text[])"


class TrackingStore:
    """Vendor orders are locked, in the order of their keys; accounts, which only the catalog changes, are not."""

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, State]:
        states: dict[Key, State] = {}
        orders = set(_split(keys, "order:"))
        if erased := sorted(key.removeprefix("erased:") for key in keys if key.startswith("erased:")):
            await tx.exec_driver_sql(_LOCK_ERASED, (erased,))
            states |= {erased_key(row.order_id): Erased() for row in await tx.exec_driver_sql(_LOAD_ERASED, (erased,))}
            orders |= {(row.vendor_id, row.vendor_order_id) for row in await tx.exec_driver_sql(_OF_ORDERS, (erased,))}
        if orders:
            columns = _columns(sorted(orders))
            await tx.exec_driver_sql(_INSERT, columns)
            for row in await tx.exec_driver_sql(_LOAD, columns):
                order = None if row.state is None else _FOLLOWED.decode(row.state)
                watch = Watch(order, row.next_read_at, row.hinted_at, row.leased_until)
                states[watch_key(row.vendor_id, row.vendor_order_id)] = watch
        accounts = [key.removeprefix("vendor:") for key in keys if key.startswith("vendor:")]
        if accounts:
            for row in await tx.exec_driver_sql(_LOAD_VENDORS, (accounts,)):
                vendor = Vendor.model_validate_json(row.vendor)
                states[account_key(vendor.vendor_id)] = Account(vendor)
        return states

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, State], messages: Sequence[Outgoing]) -> None:
        watches = {key: state for key, state in changed.items() if isinstance(state, Watch)}
        await _save_watches(tx, {key: watch for key, watch in watches.items() if watch != Watch()})
        if gone := sorted(_split((key for key, watch in watches.items() if watch == Watch()), "order:")):
            await tx.exec_driver_sql(_DELETE, _columns(gone))
        if erased := [key.removeprefix("erased:") for key, state in changed.items() if isinstance(state, Erased)]:
            await tx.exec_driver_sql(_SAVE_ERASED, (erased,))
        accounts = {key.removeprefix("vendor:"): state for key, state in changed.items() if isinstance(state, Account)}
        kept = {vendor_id: it.vendor.model_dump_json(exclude_none=True) for vendor_id, it in accounts.items() if it.vendor}
        if kept:
            await tx.exec_driver_sql(_SAVE_VENDORS, (list(kept), list(kept.values())))
        if lost := [vendor_id for vendor_id in accounts if vendor_id not in kept]:
            await tx.exec_driver_sql(_DELETE_VENDORS, (lost,))


async def _save_watches(tx: AsyncConnection, watches: Mapping[Key, Watch]) -> None:
    if not watches:
        return
    vendors, orders = _columns(list(_split(watches, "order:")))
    held = list(watches.values())
    states = [None if it.order is None else msgspec.json.encode(it.order).decode() for it in held]
    times = [it.next_read_at for it in held], [it.hinted_at for it in held], [it.leased_until for it in held]
    await tx.exec_driver_sql(_SAVE, (vendors, orders, states, *times))


def _split(keys: Iterable[Key], kind: str) -> Iterable[tuple[str, str]]:
    """(vendor_id, vendor_order_id) of the keys of vendor orders. No vendor id holds a slash."""
    for key in keys:
        if key.startswith(kind):
            vendor_id, _, vendor_order_id = key.removeprefix(kind).partition("/")
            yield vendor_id, vendor_order_id


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[Any, Any]:
    return [vendor_id for vendor_id, _ in pairs], [vendor_order_id for _, vendor_order_id in pairs]
