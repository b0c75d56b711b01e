"""Rows of orders. The lock of an order is its shop order's row: an order never changes its shop order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from platen_contracts.catalog import Artwork, Shop
from platen_messaging.databases import begun
from platen_messaging.outcome import Key, Outgoing
from platen_messaging.rebuild import Page, Source
from sqlalchemy.ext.asyncio import AsyncConnection

from platen_orders.decide import change
from platen_orders.model import Entry, Held, Json, Order, ShopOrder, artwork_key, shop_key

_ORDER = msgspec.json.Decoder(Order)
_SHOP_ORDER = msgspec.json.Decoder(ShopOrder)
_encode = msgspec.json.encode
_decode = msgspec.json.decode

_SHOP_ORDERS_OF = "select distinct shop_order from orders where id = any($1::text[])"

_SHOP_ORDERS_WAITING = "select distinct shop_order from orders where waits && $1::text[]"

_INSERT_SHOP_ORDERS = "insert into shop_orders (key) select unnest($1::text[]) on conflict do nothing"

# An order never changes its shop order, so which rows to lock is read without a lock, in the same round trip.
_LOCK = """
select key, case when key = any($2::text[]) then state::text end as state
from shop_orders
where key = any(array(select shop_order from orders where id = any($1::text[])) || $2::text[] || $3::text[])
order by key for update
"""

# What is in memory is not read again: xmin names the transaction that wrote the row, and one that was rolled back wrote none.
_LOAD = """
select orders.id, orders.xmin::text,
    case when orders.xmin::text is distinct from held.mark then state::text end,
    case when orders.xmin::text is distinct from held.mark then snapshot::text end
from orders left join unnest($5::text[], $6::text[]) as held (id, mark) on held.id = orders.id
where orders.id = any($1::text[]) or shop_order = any($2::text[]) or (shop_order = any($3::text[]) and waits && $4::text[])
"""

# One round trip for both: an order's row and the history of how it came to be so.
_SAVE_ORDERS = """
with told as (
    insert into history (order_id, version, event)
    select id, version, event::json from unnest($8::text[], $9::int[], $10::text[]) as row (id, version, event)
)
insert into orders (id, shop_order, status, version, waits, state, snapshot)
select id, shop_order, status, version, string_to_array(nullif(waits, ''), ' '), state::json, snapshot::json
from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[])
    as row (id, shop_order, status, version, waits, state, snapshot)
on conflict (id) do update
set status = excluded.status, version = excluded.version, waits = excluded.waits,
    state = excluded.state, snapshot = excluded.snapshot
returning id, xmin::text
"""

_SAVE_SHOP_ORDERS = """
update shop_orders set state = row.state::json
from unnest($1::text[], $2::text[]) as row (key, state)
where shop_orders.key = row.key
"""

_SAVE_LINES = """
insert into lines (shop_order, line_id, order_id)
select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (shop_order, line_id) do nothing
"""

_PLACEHOLDERS = "insert into artworks (ref) select unnest($1::text[]) on conflict do nothing"

_LOAD_ARTWORKS = "select ref, document::text from artworks where ref = any($1::text[]) order by ref for share"

_LOCK_ARTWORKS = "select ref, document::text from artworks where ref = any($1::text[]) order by ref for update"

_SAVE_ARTWORKS = """
update artworks set document = row.document::json from unnest($1::text[], $2::text[]) as row (ref, document)
where artworks.ref = row.ref
"""


_READ_SHOPS = "select document::text from shops"

_SAVE_SHOPS = """
insert into shops (shop_id, document) select id, document::json from unnest($1::text[], $2::text[]) as row (id, document)
on conflict (shop_id) do update set document = excluded.document
"""

_SAVE_TIMERS = """
with stopped as (delete from timers where order_id = any($1::text[]))
insert into timers (order_id, due_at)
select id, due::timestamptz from unnest($2::text[], $3::text[]) as row (id, due)
on conflict (order_id) do update set due_at = excluded.due_at, leased_until = null
"""

_ARTWORKS_IN_MEMORY = 2000
_ORDERS_IN_MEMORY = 2500
"""The first to come are forgotten first; a forgotten one is read again."""


class OrdersStore:
    """Keeps orders, shop orders, artworks and history.

    Artwork versions are immutable, so known ones stay in memory; and so do the latest orders, each under the mark of the
    transaction that wrote it, since what happens to an order comes in bursts. Shops stay there too, and are read again
    by `poll`: what an operator changes holds within a second or two.
    """

    def __init__(self) -> None:
        self._artworks: dict[str, Artwork] = {}
        self._orders: dict[str, tuple[str, Held]] = {}
        self._shops: dict[str, Shop] | None = None

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, Entry]:
        """What the keys stand for, with the orders of each shop order named and the artworks of each order's items."""
        asked = _Asked(keys)
        states: dict[Key, Entry] = {}
        if asked.waiting:
            await self._load_artworks(tx, states, asked.waiting, _LOCK_ARTWORKS)
        await self._load_orders(tx, states, asked)
        # A shop that is written is compared with its row: another transaction may have put an older one into memory.
        shops = await self.read_shops(tx) if asked.shops or self._shops is None else self._shops
        asked.shops |= {entry.order.shop_id for entry in states.values() if isinstance(entry, Held)}
        states |= {shop_key(shop_id): shops[shop_id] for shop_id in asked.shops if shop_id in shops}
        needed = {held.artwork_ref for entry in states.values() if isinstance(entry, Held) for held in entry.order.items.values()}
        needed |= asked.artworks
        needed.discard(None)
        await self._load_artworks(tx, states, [ref for ref in needed if ref is not None], _LOAD_ARTWORKS)
        return states

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, Entry], messages: Sequence[Outgoing]) -> None:
        held = sorted((entry for entry in changed.values() if isinstance(entry, Held)), key=lambda entry: entry.order.id)
        events = [message for message in messages if message.topic == change.HISTORY]
        if held:
            # The very bytes that orders.status carries: the row and the topic cannot disagree.
            snapshots = {it.key: it.value for it in messages if it.topic == "orders.status" and it.value is not None}
            written = await _rows(
                tx,
                _SAVE_ORDERS,
                [it.order.id for it in held],
                [_shop_order_of(it.order) for it in held],
                [it.order.status.value for it in held],
                [it.order.version for it in held],
                [" ".join(_waits(it.order)) for it in held],
                [_encode(it.order).decode() for it in held],
                [(snapshots[it.order.id] if it.news else _encode(it.public)).decode() for it in held],
                [it.key for it in events],
                [it.version for it in events],
                [(event.value or b"").decode() for event in events],
            )
            marks = {row[0]: row[1] for row in written}
            for it in held:
                self._keep(marks[it.order.id], Held(it.order, it.public))
            await self._save_timers(tx, [it.order for it in held if it.timer_changed])
        await self._save_shop_orders(tx, {key: it for key, it in changed.items() if isinstance(it, ShopOrder)})
        artworks = {key.removeprefix("artwork:"): it for key, it in changed.items() if isinstance(it, Artwork)}
        if artworks:
            documents = [artwork.model_dump_json(exclude_none=True) for artwork in artworks.values()]
            await _rows(tx, _SAVE_ARTWORKS, list(artworks), documents)
        await self._save_shops(tx, [it for it in changed.values() if isinstance(it, Shop)])

    async def read_shops(self, tx: AsyncConnection) -> Mapping[str, Shop]:
        """Every shop and its policies, as they are now."""
        shops = [Shop.model_validate_json(row[0]) for row in await _rows(tx, _READ_SHOPS)]
        self._shops = {shop.shop_id: shop for shop in shops}
        return self._shops

    async def _save_shops(self, tx: AsyncConnection, shops: Sequence[Shop]) -> None:
        if shops:
            documents = [shop.model_dump_json(exclude_none=True) for shop in shops]
            await _rows(tx, _SAVE_SHOPS, [shop.shop_id for shop in shops], documents)
            self._shops = None  # read again by the next batch, should this one be rolled back

    async def _save_timers(self, tx: AsyncConnection, orders: Sequence[Order]) -> None:
        if orders:
            stopped = [order.id for order in orders if order.timer is None]
            running = [(order.id, order.timer) for order in orders if order.timer is not None]
            await _rows(tx, _SAVE_TIMERS, stopped, [it[0] for it in running], [it[1] for it in running])

    async def _load_orders(self, tx: AsyncConnection, states: dict[Key, Entry], asked: _Asked) -> None:
        waiting: list[str] = []
        if asked.waiting:
            waiting = [row[0] for row in await _rows(tx, _SHOP_ORDERS_WAITING, asked.waiting)]
        if asked.siblings:  # an order never changes its shop order, so this needs no lock
            asked.shop_orders += [row[0] for row in await _rows(tx, _SHOP_ORDERS_OF, asked.siblings)]
        if not (asked.orders or asked.shop_orders or waiting):
            return
        if asked.shop_orders:
            await _rows(tx, _INSERT_SHOP_ORDERS, asked.shop_orders)
        for row in await _rows(tx, _LOCK, asked.orders, asked.shop_orders, waiting):
            if row[1] is not None:
                states[f"shop-order:{row[0]}"] = _SHOP_ORDER.decode(row[1])
        # Taken before the reading: another lane may push them out of memory meanwhile.
        known = {order_id: self._orders[order_id] for order_id in asked.orders if order_id in self._orders}
        marks = [mark for mark, _ in known.values()]
        for row in await _rows(tx, _LOAD, asked.orders, asked.shop_orders, waiting, asked.waiting, list(known), marks):
            if row[2] is None:
                states[row[0]] = known[row[0]][1]
            else:
                public: Json = _decode(row[3])
                states[row[0]] = Held(_ORDER.decode(row[2]), public)

    def _keep(self, mark: str, held: Held) -> None:
        """Remembers what a transaction wrote. Should it be rolled back, no row will ever bear its mark."""
        self._orders.pop(held.order.id, None)
        self._orders[held.order.id] = (mark, held)
        if len(self._orders) > _ORDERS_IN_MEMORY:
            del self._orders[next(iter(self._orders))]

    async def _load_artworks(self, tx: AsyncConnection, states: dict[Key, Entry], refs: Collection[str], select: str) -> None:
        # Taken before the reading, as the orders are.
        found = {ref: self._artworks[ref] for ref in refs if ref in self._artworks}
        missing = sorted(set(refs) - found.keys())
        if missing:
            # A placeholder to lock: whoever publishes the artwork waits until the orders that wait for it can be seen.
            await _rows(tx, _PLACEHOLDERS, missing)
            for row in await _rows(tx, select, missing):
                if row[1] is not None:
                    found[row[0]] = self._artworks[row[0]] = Artwork.model_validate_json(row[1])
        states |= {artwork_key(ref): artwork for ref, artwork in found.items()}
        while len(self._artworks) > _ARTWORKS_IN_MEMORY:
            del self._artworks[next(iter(self._artworks))]

    async def _save_shop_orders(self, tx: AsyncConnection, changed: Mapping[Key, ShopOrder]) -> None:
        if not changed:
            return
        keys = [key.removeprefix("shop-order:") for key in changed]
        await _rows(tx, _SAVE_SHOP_ORDERS, keys, [_encode(it).decode() for it in changed.values()])
        lines: list[tuple[str, str, str]] = [
            (key, line_id, order_id)
            for key, it in zip(keys, changed.values(), strict=True)
            for line_id, order_id in it.lines.items()
        ]
        if lines:
            await _rows(tx, _SAVE_LINES, *zip(*lines, strict=True))


class _Asked:
    """Keys, sorted by what they stand for."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.orders: list[str] = []
        self.shop_orders: list[str] = []
        self.siblings: list[str] = []
        self.artworks: set[str | None] = set()
        self.shops: set[str] = set()
        self.waiting: list[str] = []
        for key in keys:
            kind, _, rest = key.partition(":")
            if kind == "shop-order":
                self.shop_orders.append(rest)
            elif kind == "shop-order-of":
                self.siblings.append(rest)
            elif kind == "artwork":
                self.artworks.add(rest)
            elif kind == "shop":
                self.shops.add(rest)
            elif kind == "waiting":
                self.waiting.append(rest)
            else:
                self.orders.append(key)


async def _rows(tx: AsyncConnection, statement: str, *parameters: Any) -> Sequence[Any]:
    return await (await begun(tx)).fetch(statement, *parameters)


def _shop_order_of(order: Order) -> str:
    return f"{order.shop_id}/{order.shop_order_id}"


def _waits(order: Order) -> list[str]:
    """Artworks that the order's items name, and its shop, where they were not known when it was last decided."""
    artworks = {item.artwork_ref for item in order.items.values() if item.artwork_ref is not None and not item.sides}
    return sorted({*artworks, shop_key(order.shop_id)} if order.waits_for_shop else artworks)


# What is put into the outbox again must not overtake what a batch puts there: the locks are those of any batch.
_PAGE = "select key from shop_orders where key > $1 order by key limit $2"

_SNAPSHOTS = "select id, version, snapshot::text from orders where shop_order = any($1::text[]) order by id"

_STATES = "select state::text from orders where shop_order = any($1::text[]) order by id"

_EVENTS = """
select order_id, version, event::text from history
where order_id = any(array(select id from orders where shop_order = any($1::text[]))) order by order_id, version
"""

_SHOP_ORDERS_A_PAGE = 200


def _pages(of: Callable[[AsyncConnection, list[str]], Awaitable[Sequence[Outgoing]]], *, versioned: bool = True) -> Source:
    async def page(tx: AsyncConnection, after: str, lock: bool) -> Page:
        found = await _rows(tx, f"{_PAGE} for update" if lock else _PAGE, after, _SHOP_ORDERS_A_PAGE)
        keys = [row[0] for row in found]
        return Page(await of(tx, keys), keys[-1] if len(keys) == _SHOP_ORDERS_A_PAGE else None)

    return Source(page, versioned)


async def _statuses(tx: AsyncConnection, shop_orders: list[str]) -> Sequence[Outgoing]:
    return [change.status_told(row[0], row[1], row[2].encode()) for row in await _rows(tx, _SNAPSHOTS, shop_orders)]


async def _privates(tx: AsyncConnection, shop_orders: list[str]) -> Sequence[Outgoing]:
    return [change.private_told(_ORDER.decode(row[0])) for row in await _rows(tx, _STATES, shop_orders)]


async def _history(tx: AsyncConnection, shop_orders: list[str]) -> Sequence[Outgoing]:
    return [change.history_told(row[0], row[1], row[2].encode()) for row in await _rows(tx, _EVENTS, shop_orders)]


SOURCES: Mapping[str, Source] = {
    "orders.status": _pages(_statuses),
    "orders.private": _pages(_privates, versioned=False),
    "orders.history": _pages(_history),
}
"""What the topics that tell of orders should hold; `platen topics rebuild` holds them to it."""
