"""Answers the pages. Reads only: no locks, no decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platen_contracts.catalog import Artwork, Shop, Vendor
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, OrderChanged, OrderPrivate, OrderSnapshot
from platen_contracts.sync import SyncProgressed
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from platen_console.model import APPLIED, IGNORED, Command, Progress, Reply, reference_of

_LISTED = "orders left join private on private.order_id = orders.id"

# The indexes know the first part; what shares a moment is sorted as it is read. By bytes "-" stands before every digit, so
# that nothing comes between #1026 and #1026-2.
_PLACE = ("orders.placed_at", "orders.shop_id", 'orders.number collate "C"', "orders.id")

_HISTORY = "select event::text from history where order_id = $1 order by version desc limit $2"

_ARTWORKS = "select id, document::text from catalog where kind = 'artwork' and id = any($1::text[])"

_TITLES = """
select id, document ->> 'title' from catalog where kind = 'artwork' and id in (
    select distinct on (split_part(id, '/', 1)) id from catalog where kind = 'artwork'
    order by split_part(id, '/', 1), split_part(id, '/', 2)::numeric desc limit $1
) order by id
"""

_NEWEST = """
select split_part(id, '/', 1), max(split_part(id, '/', 2)::numeric) from catalog
where kind = 'artwork' and split_part(id, '/', 1) = any($1::text[]) group by 1
"""

_NUMBERS = "select id, document ->> 'number' from orders where id = any($1::text[])"

_CATALOG = "select kind, document::text from catalog where kind in ('shop', 'vendor') order by kind, id"

_SYNCS = "select shop_id, told_at, document::text from syncs"

_COMMAND = "select id, order_id, action, actor, asked_at, bulk_id, outcome, reply::text as reply from commands"

_REPLY: Mapping[str, type[Reply]] = {APPLIED: CommandApplied, IGNORED: CommandIgnored}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows. Empty means any. `query` is part of a number or of a recipient's name."""

    status: str = ""
    query: str = ""
    shop_id: str = ""
    vendor_id: str = ""

    def where(self, *, status: bool = True) -> tuple[list[str], list[Any]]:
        """Conditions on `_LISTED`, and their parameters from $1 on."""
        conditions: list[str] = []
        values: list[Any] = []
        for column, value in (
            ("status", self.status if status else ""),
            ("shop_id", self.shop_id),
            ("vendor_id", self.vendor_id),
        ):
            if value:
                values.append(value)
                conditions.append(f"orders.{column} = ${len(values)}")
        if self.query:
            values.append(_like(self.query))
            conditions.append(f"(orders.number ilike ${len(values)} or private.recipient ilike ${len(values)})")
        return conditions, values


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the list, which runs from the order placed last to the one placed first.

    Orders made of one shop order were placed at one moment: by shop and number they stand side by side.
    """

    placed_at: datetime
    shop_id: str
    number: str
    order_id: str
    newer: bool = False
    """Look towards the newer ones instead of the older ones."""


@dataclass(frozen=True, slots=True)
class Listed:
    order: OrderSnapshot
    private: OrderPrivate | None

    def cursor(self, *, newer: bool = False) -> Cursor:
        return Cursor(self.order.placed_at, self.order.shop_id, self.order.number.replace("\0", ""), self.order.order_id, newer)


@dataclass(frozen=True, slots=True)
class ListPage:
    rows: Sequence[Listed]
    newer: Cursor | None
    older: Cursor | None


@dataclass(frozen=True, slots=True)
class Names:
    """The shops and vendors of the catalogue by id."""

    shops: Mapping[str, Shop]
    vendors: Mapping[str, Vendor]


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one order.

    `history`: newest first. `artworks`: by `artwork_id/version`, those of the items. `newest`: the last version of each of
    them. `numbers`: of the orders it was split off from or that were split off from it, by id. `commands`: those asked for.
    """

    order: OrderSnapshot
    private: OrderPrivate | None
    history: Sequence[OrderChanged]
    artworks: Mapping[str, Artwork]
    newest: Mapping[str, int]
    numbers: Mapping[str, str]
    commands: Sequence[Command] = field(default_factory=tuple)


class Reading:
    """The questions that pages ask. Raises SQLAlchemy's errors and OSError when the database does not answer."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, wanted: Filter, at: Cursor | None, size: int) -> ListPage:
        """`size` orders beside the cursor, newest first."""
        conditions, values = wanted.where()
        newer = at is not None and at.newer
        if at is not None:
            first = len(values) + 1
            values += [at.placed_at, at.shop_id, at.number, at.order_id]
            place = f"(${first}::timestamptz, ${first + 1}, ${first + 2}, ${first + 3})"
            conditions.append(f"({', '.join(_PLACE)}) {'>' if newer else '<'} {place}")
        way = "asc" if newer else "desc"
        statement = (
            f"select orders.document::text, private.document::text from {_LISTED} {_joined(conditions)} "
            f"order by {', '.join(f'{part} {way}' for part in _PLACE)} limit {size + 1}"
        )
        async with self._engine.connect() as tx:
            found = [_listed(row) for row in await _rows(tx, statement, *values)]
        more = len(found) > size
        rows = found[:size]
        if newer:
            rows.reverse()
        if not rows:
            return ListPage((), None, None)
        return ListPage(
            rows,
            newer=rows[0].cursor(newer=True) if (more if newer else at is not None) else None,
            older=rows[-1].cursor() if newer or more else None,
        )

    async def counts(self, wanted: Filter) -> dict[str, int]:
        """Orders by status, whatever status is wanted."""
        conditions, values = wanted.where(status=False)
        source = _LISTED if wanted.query else "orders"
        statement = f"select status, count(*) from {source} {_joined(conditions)} group by status"
        async with self._engine.connect() as tx:
            return {row[0]: row[1] for row in await _rows(tx, statement, *values)}

    async def order(
        self, order_id: str, commands: Sequence[str] = (), changes: int = 200, artworks: Sequence[str] = ()
    ) -> Known | None:
        """One order with its latest `changes` and these `artworks` too; None where nothing is known of it."""
        statement = f"select orders.document::text, private.document::text from {_LISTED} where orders.id = $1"
        async with self._engine.connect() as tx:
            rows = await _rows(tx, statement, order_id)
            if not rows:
                return None
            listed = _listed(rows[0])
            pinned = [it.artwork for it in listed.order.items.values() if it.artwork]
            refs = {*artworks, *map(reference_of, pinned)}
            family = [*listed.order.children, *filter(None, [listed.order.parent])]
            history = await _rows(tx, _HISTORY, order_id, changes)
            drawn = await _rows(tx, _ARTWORKS, sorted(refs))
            newest = await _rows(tx, _NEWEST, sorted({it.artwork_id for it in pinned}))
            numbers = await _rows(tx, _NUMBERS, family)
            asked = await _rows(tx, f"{_COMMAND} where id = any($1::text[]) and order_id = $2", list(commands), order_id)
        return Known(
            listed.order,
            listed.private,
            [OrderChanged.model_validate_json(row[0]) for row in history],
            {row[0]: Artwork.model_validate_json(row[1]) for row in drawn},
            {row[0]: int(row[1]) for row in newest},
            {row[0]: row[1] for row in numbers},
            [_command(row) for row in asked],
        )

    async def artworks(self, most: int) -> dict[str, str]:
        """Titles of the newest version of each artwork by `artwork_id/version`, at most so many."""
        async with self._engine.connect() as tx:
            return {row[0]: row[1] for row in await _rows(tx, _TITLES, most)}

    async def orders(self, order_ids: Sequence[str]) -> list[OrderSnapshot]:
        async with self._engine.connect() as tx:
            rows = await _rows(tx, "select document::text from orders where id = any($1::text[])", list(order_ids))
        return [OrderSnapshot.model_validate_json(row[0]) for row in rows]

    async def command(self, command_id: str) -> Command | None:
        async with self._engine.connect() as tx:
            rows = await _rows(tx, f"{_COMMAND} where id = $1", command_id)
        return _command(rows[0]) if rows else None

    async def bulk(self, bulk_id: str) -> list[Command]:
        async with self._engine.connect() as tx:
            rows = await _rows(tx, f"{_COMMAND} where bulk_id = $1 order by id", bulk_id)
        return [_command(row) for row in rows]

    async def names(self) -> Names:
        async with self._engine.connect() as tx:
            rows = await _rows(tx, _CATALOG)
        shops = [Shop.model_validate_json(row[1]) for row in rows if row[0] == "shop"]
        vendors = [Vendor.model_validate_json(row[1]) for row in rows if row[0] == "vendor"]
        return Names({it.shop_id: it for it in shops}, {it.vendor_id: it for it in vendors})

    async def syncs(self) -> dict[str, Progress]:
        """The last progress heard, by shop."""
        async with self._engine.connect() as tx:
            rows = await _rows(tx, _SYNCS)
        return {row[0]: Progress(row[1], SyncProgressed.model_validate_json(row[2])) for row in rows}


async def _rows(tx: AsyncConnection, statement: str, *parameters: Any) -> Sequence[Any]:
    return (await tx.exec_driver_sql(statement, parameters)).all()


def _joined(conditions: Sequence[str]) -> str:
    return f"where {' and '.join(conditions)}" if conditions else ""


def _like(query: str) -> str:
    escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _listed(row: Any) -> Listed:
    private = None if row[1] is None else OrderPrivate.model_validate_json(row[1])
    return Listed(OrderSnapshot.model_validate_json(row[0]), private)


def _command(row: Any) -> Command:
    reply = None
    if row.outcome is not None:
        reply = _REPLY.get(row.outcome, CommandRefused).model_validate_json(row.reply)
    return Command(row.id, row.order_id, row.action, row.actor, row.asked_at, row.bulk_id, reply)
