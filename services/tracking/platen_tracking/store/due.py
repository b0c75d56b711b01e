"""What is to be read now. Claims are short transactions of their own; what a claim is for happens outside of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from platen_contracts.catalog import Vendor
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_tracking.decide.pace import HINT_KEPT, HINTS_KEPT
from platen_tracking.model import Followed

LEASE = timedelta(seconds=30)
"""A process that claimed orders and died holds them up for so long. More than one reading may last."""

_FOLLOWED = msgspec.json.Decoder(Followed)

_VENDOR = "select vendor::text from vendors where vendor_id = $1"

_VENDORS = "select vendor::text from vendors order by vendor_id"

# What is to be read is due by the clock of whoever asks; leases end by the database's, the only one that all share.
_WITH_WORK = """
select vendor::text from vendors where exists (
    select from vendor_orders as one
    where one.vendor_id = vendors.vendor_id and state is not null
    and next_read_at <= $1 and (leased_until is null or leased_until <= now())
)
"""

_CLAIM = """
with due as (
    select vendor_id, vendor_order_id from vendor_orders
    where vendor_id = $1 and state is not null and next_read_at <= $2 and (leased_until is null or leased_until <= now())
    order by (hinted_at is null), next_read_at limit $3 for update skip locked
)
update vendor_orders as one set leased_until = now() + $4::interval from due
where one.vendor_id = due.vendor_id and one.vendor_order_id = due.vendor_order_id
returning one.vendor_order_id, one.state::text
"""

# What a message is about just now is left alone.
_FORGET = """
with unknown as (
    select vendor_id, vendor_order_id, hinted_at,
        row_number() over (partition by vendor_id order by hinted_at desc nulls last) as place
    from vendor_orders where state is null
), forgotten as (
    select vendor_id, vendor_order_id from vendor_orders
    where state is null and (vendor_id, vendor_order_id) in (
        select vendor_id, vendor_order_id from unknown where place > $2 or hinted_at is null or hinted_at < $1
    )
    for update skip locked
)
delete from vendor_orders as one using forgotten
where one.vendor_id = forgotten.vendor_id and one.vendor_order_id = forgotten.vendor_order_id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An order to read. It is ours until the lease ends."""

    vendor_order_id: str
    order: Followed


class Due:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def vendor(self, vendor_id: str) -> Vendor | None:
        """None: the catalog has not named it, or no longer does."""
        return next(iter(await self._vendors(_VENDOR, vendor_id)), None)

    async def vendors(self) -> list[Vendor]:
        return await self._vendors(_VENDORS)

    async def vendors_with_work(self, now: datetime) -> list[Vendor]:
        """Accounts with orders that are due and that nobody reads."""
        return await self._vendors(_WITH_WORK, now)

    async def claim(self, vendor_id: str, limit: int, now: datetime) -> list[Claimed]:
        """Up to `limit` orders that are due and that nobody reads: those that a webhook named first, then the oldest."""
        async with self._engine.begin() as tx:
            rows = await tx.exec_driver_sql(_CLAIM, (vendor_id, now, limit, LEASE))
            return [Claimed(row.vendor_order_id, _FOLLOWED.decode(row.state)) for row in rows]

    async def forget(self, now: datetime, most: int = HINTS_KEPT) -> int:
        """Drops webhooks about orders that nobody said are ours: the old ones, and of each account all but the newest `most`.

        Returns how many.
        """
        async with self._engine.begin() as tx:
            return (await tx.exec_driver_sql(_FORGET, (now - HINT_KEPT, most))).rowcount

    async def _vendors(self, statement: str, *parameters: object) -> list[Vendor]:
        async with self._engine.connect() as connection:
            rows = await connection.exec_driver_sql(statement, parameters)
            return [Vendor.model_validate_json(row.vendor) for row in rows]
