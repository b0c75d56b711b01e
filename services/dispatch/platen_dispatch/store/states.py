"""Ledgers and vendor lanes, for the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from platen_contracts.catalog import Vendor
from platen_messaging.outcome import Key, Outgoing
from sqlalchemy.ext.asyncio import AsyncConnection

from platen_dispatch.model import Entry, Lane, Ledger, lane_key, replace, vendor_key

_LEDGER = msgspec.json.Decoder(Ledger)
_encode = msgspec.json.encode

_INSERT_LEDGERS = "insert into ledger (order_id) select unnest($1::text[]) on conflict do nothing"

_LOCK_LEDGERS = """
select state::text, due from ledger where order_id = any($1::text[]) order by order_id for update
"""

_LOCK_OPEN = "select order_id, state::text, due from ledger where due is not null order by order_id for update"

_SAVE_LEDGERS = """
update ledger set vendor_id = row.vendor_id, due = row.due, lease = row.lease, state = row.state::json
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[]) as row (order_id, vendor_id, due, lease, state)
where ledger.order_id = row.order_id
"""

_INSERT_VENDORS = "insert into vendors (vendor_id) select unnest($1::text[]) on conflict do nothing"

_READ_VENDORS = """
select vendor_id, document::text, paused_from, paused_until, paused_s
from vendors where vendor_id = any($1::text[]) order by vendor_id for
"""

_SAVE_VENDORS = """
update vendors
set document = row.document::json, paused_from = row.paused_from, paused_until = row.paused_until, paused_s = row.paused_s
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::float8[])
    as row (vendor_id, document, paused_from, paused_until, paused_s)
where vendors.vendor_id = row.vendor_id
"""


def decoded(state: str, due: Any) -> Ledger:
    return replace(_LEDGER.decode(state), due=due)


class DispatchStore:
    """`on_change` is called when something was written, shortly before it is committed."""

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, Entry]:
        """Ledgers first, then vendors, each in order: whoever locks, locks in one direction."""
        to_write = [key.removeprefix("vendor:") for key in keys if key.startswith("vendor:")]
        to_read = [key.removeprefix("lane:") for key in keys if key.startswith("lane:")]
        states: dict[Key, Entry] = {}
        orders = [key for key in keys if ":" not in key]
        if orders:
            await tx.exec_driver_sql(_INSERT_LEDGERS, (orders,))
            rows: Sequence[Any] = (await tx.exec_driver_sql(_LOCK_LEDGERS, (orders,))).all()
            for row in rows:
                if row[0] is not None:
                    ledger = decoded(row[0], row[1])
                    states[ledger.order_id] = ledger
        if to_write:
            await tx.exec_driver_sql(_INSERT_VENDORS, (to_write,))
        if to_write or to_read:
            lock = "update" if to_write else "share"
            for row in await tx.exec_driver_sql(f"{_READ_VENDORS} {lock}", (sorted({*to_write, *to_read}),)):
                lane = _lane(*row)
                states |= {vendor_key(lane.vendor_id): lane, lane_key(lane.vendor_id): lane}
        return states

    async def doubt(self, tx: AsyncConnection) -> None:
        """What is open may have ended since: this database is older than what was done with it."""
        rows: Sequence[Any] = (await tx.exec_driver_sql(_LOCK_OPEN)).all()
        await self.save(tx, {row[0]: _doubted(decoded(row[1], row[2])) for row in rows}, ())

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, Entry], messages: Sequence[Outgoing]) -> None:
        ledgers = [entry for entry in changed.values() if isinstance(entry, Ledger)]
        if ledgers:
            await tx.exec_driver_sql(
                _SAVE_LEDGERS,
                (
                    [it.order_id for it in ledgers],
                    [it.vendor_id for it in ledgers],
                    [it.due for it in ledgers],
                    [it.lease for it in ledgers],
                    [_encode(replace(it, due=None)).decode() for it in ledgers],
                ),
            )
            self.on_change()
        lanes = [entry for entry in changed.values() if isinstance(entry, Lane)]
        if lanes:
            await tx.exec_driver_sql(
                _SAVE_VENDORS,
                (
                    [it.vendor_id for it in lanes],
                    [None if it.vendor is None else it.vendor.model_dump_json(exclude_none=True) for it in lanes],
                    [it.paused_from for it in lanes],
                    [it.paused_until for it in lanes],
                    [it.paused_s for it in lanes],
                ),
            )
            self.on_change()


def _doubted(ledger: Ledger) -> Ledger:
    generations = {number: replace(it, doubted=True) if it.open else it for number, it in ledger.generations.items()}
    return replace(ledger, generations=generations)


def _lane(vendor_id: str, document: str | None, paused_from: Any, paused_until: Any, paused_s: float) -> Lane:
    vendor = None if document is None else Vendor.model_validate_json(document)
    return Lane(vendor_id, vendor, paused_from, paused_until, paused_s)
