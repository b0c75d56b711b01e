"""Loads and saves states. Locks are taken kind by kind, shops first, each kind in the order of its keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from platen_contracts.catalog import Listing, Shop, Vendor
from platen_messaging.outcome import Key, Outgoing
from pydantic import ConfigDict, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from platen_sync.model import (
    Account,
    Listed,
    Parcel,
    PlatenOrder,
    Posting,
    Run,
    SeenOrder,
    ShopOrder,
    State,
    Tracking,
    VendorKept,
    Waiting,
    listing_key,
    order_key,
    shop_key,
    shop_order_key,
    vendor_key,
)
from platen_sync.store import sql

RUNS = TypeAdapter(tuple[Run, ...])
WAITING = TypeAdapter(tuple[Waiting, ...])
PARCELS = TypeAdapter(dict[str, Parcel])
_PERSONAL = ConfigDict(hide_input_in_errors=True)
TRACKING = TypeAdapter(dict[str, Tracking], config=_PERSONAL)
POSTINGS = TypeAdapter(dict[str, Posting], config=_PERSONAL)

T = TypeVar("T")


class SyncStore:
    """Shops, listings with their vendor, vendors, shop orders and orders, by the keys of `model`."""

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, State]:
        kinds: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            kind, _, rest = key.partition("/")
            kinds[kind].append(rest)
        states: dict[Key, State] = {}
        if shops := kinds["shop"]:
            states |= await _load_shops(tx, shops)
        if shop_orders := kinds["shop-order"]:
            states |= await _load_shop_orders(tx, _pairs(shop_orders))
        if orders := kinds["order"]:
            states |= await _load_orders(tx, orders)
        if vendors := kinds["vendor"]:
            rows = await _rows(tx, sql.LOAD_VENDORS, (vendors,))
            states |= {vendor_key(row[0]): VendorKept(row[0], Vendor.model_validate_json(row[1])) for row in rows}
        if listings := kinds["listing"]:
            states |= await _load_listings(tx, _pairs(listings))
        return states

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, State], messages: Sequence[Outgoing]) -> None:
        await _save_shops(tx, _of(Account, changed))
        await _save_vendors(tx, _of(VendorKept, changed))
        await _save_listings(tx, _of(Listed, changed))
        await _save_shop_orders(tx, _of(ShopOrder, changed))
        await _save_orders(tx, _of(PlatenOrder, changed))


def _of(kind: type[T], changed: Mapping[Key, State]) -> list[T]:
    return [state for state in changed.values() if isinstance(state, kind)]


def _pairs(rests: Iterable[str]) -> tuple[list[str], list[str]]:
    """`shop/rest` apart, in two columns; the rest may hold further slashes."""
    split = [rest.partition("/") for rest in rests]
    return [shop_id for shop_id, _, _ in split], [rest for _, _, rest in split]


async def _rows(tx: AsyncConnection, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
    return list(await tx.exec_driver_sql(statement, parameters))


def _columns(rows: Iterable[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


async def _load_shops(tx: AsyncConnection, ids: list[str]) -> dict[Key, State]:
    await tx.exec_driver_sql(sql.INSERT_SHOPS, (ids,))
    rows = await _rows(tx, sql.LOAD_SHOPS, (ids,))
    return {
        shop_key(shop_id): Account(
            shop_id=shop_id,
            shop=Shop.model_validate_json(shop) if shop else None,
            watermark=watermark,
            poll_at=poll_at,
            runs=RUNS.validate_json(runs),
            failing=failing,
        )
        for shop_id, shop, watermark, poll_at, runs, failing in rows
    }


async def _save_shops(tx: AsyncConnection, accounts: list[Account]) -> None:
    if accounts:
        rows = [
            (
                one.shop_id,
                one.shop.model_dump_json() if one.shop else None,
                one.watermark,
                one.poll_at,
                RUNS.dump_json(one.runs).decode(),
                one.failing,
            )
            for one in accounts
        ]
        await tx.exec_driver_sql(sql.SAVE_SHOPS, _columns(rows))


async def _load_listings(tx: AsyncConnection, wanted: tuple[list[str], list[str]]) -> dict[Key, State]:
    rows = await _rows(tx, sql.LOAD_LISTINGS, wanted)
    return {
        listing_key(shop_id, listing_id): Listed(
            shop_id=shop_id,
            listing_id=listing_id,
            listing=Listing.model_validate_json(listing),
            vendor=Vendor.model_validate_json(vendor) if vendor else None,
        )
        for shop_id, listing_id, listing, vendor in rows
    }


async def _save_listings(tx: AsyncConnection, listed: list[Listed]) -> None:
    kept = [
        (one.shop_id, one.listing_id, one.listing.vendor_id, one.listing.artwork is not None, one.listing.model_dump_json())
        for one in listed
        if one.listing
    ]
    if kept:
        await tx.exec_driver_sql(sql.SAVE_LISTINGS, _columns(kept))
    if gone := [(one.shop_id, one.listing_id) for one in listed if not one.listing]:
        await tx.exec_driver_sql(sql.DROP_LISTINGS, _columns(gone))


async def _save_vendors(tx: AsyncConnection, vendors: list[VendorKept]) -> None:
    if kept := [(one.vendor_id, one.vendor.model_dump_json()) for one in vendors if one.vendor]:
        await tx.exec_driver_sql(sql.SAVE_VENDORS, _columns(kept))
    if gone := [one.vendor_id for one in vendors if not one.vendor]:
        await tx.exec_driver_sql(sql.DROP_VENDORS, (gone,))


async def _load_shop_orders(tx: AsyncConnection, wanted: tuple[list[str], list[str]]) -> dict[Key, State]:
    await tx.exec_driver_sql(sql.INSERT_SHOP_ORDERS, wanted)
    rows = await _rows(tx, sql.LOAD_SHOP_ORDERS, wanted)
    return {
        shop_order_key(shop_id, shop_order_id): ShopOrder(
            shop_id=shop_id,
            shop_order_id=shop_order_id,
            seen=SeenOrder.model_validate_json(seen) if seen else None,
            read_at=read_at,
            reported=reported,
            waiting=WAITING.validate_json(waiting),
            last_run=last_run,
            hinted_at=hinted_at,
            read_next=read_next,
            tries=tries,
            erased=erased,
        )
        for shop_id, shop_order_id, seen, read_at, reported, waiting, last_run, hinted_at, read_next, tries, erased in rows
    }


async def _save_shop_orders(tx: AsyncConnection, orders: list[ShopOrder]) -> None:
    if not orders:
        return
    rows = [
        (
            one.shop_id,
            one.shop_order_id,
            one.seen.model_dump_json() if one.seen else None,
            one.read_at,
            one.reported,
            WAITING.dump_json(one.waiting).decode(),
            one.last_run,
            one.hinted_at,
            one.read_next,
            one.tries,
            one.erased,
        )
        for one in orders
    ]
    columns = _columns(rows)
    await tx.exec_driver_sql(sql.SAVE_SHOP_ORDERS, columns)
    await tx.exec_driver_sql(sql.CLEAR_WAITING, columns[:2])
    if waits := [(one.shop_id, one.shop_order_id, wait.listing_id, wait.wants) for one in orders for wait in one.waiting]:
        await tx.exec_driver_sql(sql.SAVE_WAITING, _columns(waits))


async def _load_orders(tx: AsyncConnection, ids: list[str]) -> dict[Key, State]:
    await tx.exec_driver_sql(sql.INSERT_ORDERS, (ids,))
    rows = await _rows(tx, sql.LOAD_ORDERS, (ids,))
    return {
        order_key(order_id): PlatenOrder(
            order_id=order_id,
            shop_id=shop_id,
            shop_order_id=shop_order_id,
            status=status,
            version=version,
            private_version=private_version,
            parcels=PARCELS.validate_json(parcels),
            tracking=TRACKING.validate_json(tracking),
            postings=POSTINGS.validate_json(postings),
        )
        for order_id, shop_id, shop_order_id, status, version, private_version, parcels, tracking, postings in rows
    }


async def _save_orders(tx: AsyncConnection, orders: list[PlatenOrder]) -> None:
    if orders:
        rows = [
            (
                one.order_id,
                one.shop_id,
                one.shop_order_id,
                one.status,
                one.version,
                one.private_version,
                PARCELS.dump_json(one.parcels).decode(),
                TRACKING.dump_json(one.tracking).decode(),
                POSTINGS.dump_json(one.postings).decode(),
                min((posting.due_at for posting in one.postings.values() if posting.due_at), default=None),
            )
            for one in orders
        ]
        await tx.exec_driver_sql(sql.SAVE_ORDERS, _columns(rows))
