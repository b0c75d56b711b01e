"""What there is to do now: questions that poll and worker ask between calls outside. They lock nothing and decide nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platen_contracts.catalog import Shop
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_sync.model import Parcel, Posting, Run, SeenOrder
from platen_sync.store.states import PARCELS, POSTINGS, RUNS

_DUE_POLLS = (
    "select shop_id from shops where poll_at <= $1 and shop is not null and runs = '[]'::jsonb order by poll_at limit 200"
)

_OPEN_RUNS = "select shop_id from shops where runs <> '[]'::jsonb and not shop_id = any($1::text[]) limit 50"

_RUN = "select shop::text, runs::text from shops where shop_id = $1"

_SHOPS = "select shop_id, shop::text from shops where shop is not null and shop_id = any($1::text[])"

_TO_RECONCILE = """
select shop_order_id, seen::text from shop_orders as one
where shop_id = $1 and shop_order_id > $2 and seen is not null and standing <> 'cancelled'
and (
    not exists (select from orders where orders.shop_id = one.shop_id and orders.shop_order_id = one.shop_order_id)
    or exists (
        select from orders where orders.shop_id = one.shop_id and orders.shop_order_id = one.shop_order_id
        and coalesce(status, '') not in ('Fulfilled', 'Archived')
    )
)
order by shop_order_id limit $3
"""

_HINTS = """
select shop_id, shop_order_id, seen::text from shop_orders
where read_next <= $1 and not shop_id = any($2::text[]) order by read_next limit 50
"""

_LINKED = """
select one.shop_id, one.shop_order_id, one.seen::text
from (
    select distinct waiting.shop_id, waiting.shop_order_id
    from waiting join listings using (shop_id, listing_id) join vendors using (vendor_id) join shops using (shop_id)
    where (wants = 'link' or has_artwork) and shops.shop is not null
    limit 100
) as ready join shop_orders as one using (shop_id, shop_order_id)
"""

_POSTINGS = """
select order_id, shop_id, shop_order_id, parcels::text, postings::text from orders
where due_at <= $1 and shop_id is not null and not shop_id = any($2::text[]) order by due_at limit 50
"""


@dataclass(frozen=True, slots=True)
class OpenRun:
    shop: Shop | None
    run: Run


@dataclass(frozen=True, slots=True)
class Kept:
    """A shop order to read (again). `seen` is what it looked like last."""

    shop_id: str
    shop_order_id: str
    seen: SeenOrder | None


@dataclass(frozen=True, slots=True)
class ToPost:
    order_id: str
    shop_id: str
    shop_order_id: str
    key: str
    parcel: Parcel
    posting: Posting


class Due:
    """Each question is one statement in a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def polls(self, now: datetime) -> list[str]:
        """Shops that are to be asked by themselves."""
        return [row[0] for row in await self._rows(_DUE_POLLS, (now,))]

    async def shops_with_runs(self, busy: Collection[str]) -> list[str]:
        return [row[0] for row in await self._rows(_OPEN_RUNS, (list(busy),))]

    async def run_of(self, shop_id: str) -> OpenRun | None:
        """The run that is next in a shop."""
        for shop, runs in await self._rows(_RUN, (shop_id,)):
            if found := RUNS.validate_json(runs):
                return OpenRun(Shop.model_validate_json(shop) if shop else None, found[0])
        return None

    async def shops(self, ids: Collection[str]) -> dict[str, Shop]:
        return {row[0]: Shop.model_validate_json(row[1]) for row in await self._rows(_SHOPS, (list(ids),))}

    async def to_reconcile(self, shop_id: str, passed: str, limit: int) -> list[Kept]:
        """Shop orders after `passed` that are not finished, by id."""
        return [Kept(shop_id, row[0], _seen(row[1])) for row in await self._rows(_TO_RECONCILE, (shop_id, passed, limit))]

    async def hints(self, now: datetime, busy: Collection[str]) -> list[Kept]:
        return [Kept(row[0], row[1], _seen(row[2])) for row in await self._rows(_HINTS, (now, list(busy)))]

    async def linked(self) -> list[Kept]:
        """Shop orders with a line whose listing and vendor have come."""
        return [Kept(row[0], row[1], _seen(row[2])) for row in await self._rows(_LINKED, ())]

    async def postings(self, now: datetime, busy: Collection[str]) -> list[ToPost]:
        found: list[ToPost] = []
        for order_id, shop_id, shop_order_id, parcels_json, postings_json in await self._rows(_POSTINGS, (now, list(busy))):
            parcels = PARCELS.validate_json(parcels_json)
            for key, posting in POSTINGS.validate_json(postings_json).items():
                if posting.due_at is not None and posting.due_at <= now:
                    found.append(ToPost(order_id, shop_id, shop_order_id, key, parcels.get(key, Parcel()), posting))
        return found

    async def _rows(self, sql: str, parameters: tuple[object, ...]) -> list[Any]:
        async with self._engine.connect() as connection:
            return list(await connection.exec_driver_sql(sql, parameters))


def _seen(text: str | None) -> SeenOrder | None:
    return SeenOrder.model_validate_json(text) if text else None
