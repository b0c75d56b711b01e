"""Which orders are due, each given to one worker at a time, and the leases on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from platen_contracts.catalog import Vendor
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_dispatch.model import Ledger
from platen_dispatch.store.states import decoded

# Leases end by the database's clock, the only one that every process shares; what waits is due by the clock of whoever asks.
# The first bound says nothing new: it is what the index can use.
_IS_DUE = "due <= greatest($1, now()) and due <= case when lease is null then $1 else now() end"

# The oldest of every vendor come first, counted on from what is under way there: no vendor waits behind another's queue.
# What is claimed comes back by itself when the lease is over, should the worker die before its turn begins.
_CLAIM = f"""
with chosen as (
    select due_there.order_id
    from vendors cross join lateral (
        select order_id, due,
            row_number() over (order by due) + (select count(*) from unnest($4::text[]) as busy where busy = vendor_id) as place
        from ledger where ledger.vendor_id = vendors.vendor_id and {_IS_DUE}
        order by due limit $3
    ) as due_there
    where vendors.document is not null and coalesce(vendors.paused_until <= $1, true) and due_there.place <= $5
    order by due_there.place, due_there.due limit $3
), mine as (
    select order_id from ledger where order_id in (select order_id from chosen) and {_IS_DUE} for update skip locked
)
update ledger set due = now() + $2::interval
from mine, vendors
where ledger.order_id = mine.order_id and vendors.vendor_id = ledger.vendor_id
returning ledger.state::text, ledger.due, vendors.document::text
"""

_RENEW = "update ledger set due = now() + $3::interval where order_id = $1 and lease = $2"


@dataclass(frozen=True, slots=True)
class Claim:
    """An order that is due, and the account it goes to. It is ours until `ledger.due`, by the database's clock."""

    ledger: Ledger
    vendor: Vendor


class Claims:
    """Each statement is a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def take(self, now: datetime, lease: timedelta, count: int, busy: Sequence[str], most_of_one: int) -> list[Claim]:
        """Up to `count` orders that are due, of vendors that are known and not paused.

        `busy` holds the vendor of every turn under way; no vendor gets more than `most_of_one` turns in all.
        """
        async with self._engine.begin() as tx:
            rows: Sequence[Any] = (await tx.exec_driver_sql(_CLAIM, (now, lease, count, list(busy), most_of_one))).all()
            return [Claim(decoded(row[0], row[1]), Vendor.model_validate_json(row[2])) for row in rows]

    async def renew(self, order_id: str, lease: str, lasting: timedelta) -> bool:
        """False: the lease is another's, or the turn is over."""
        async with self._engine.begin() as tx:
            renewed = await tx.exec_driver_sql(_RENEW, (order_id, lease, lasting))
            return renewed.rowcount == 1
