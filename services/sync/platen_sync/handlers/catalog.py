"""The catalog, and tombstones of every compacted topic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from platen_contracts.catalog import Listing, Shop, Vendor
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Key, Outcome

from platen_sync.decide import posting, runs
from platen_sync.handlers.states import States, account_in, applied, order_in
from platen_sync.model import (
    Listed,
    State,
    VendorKept,
    listing_key,
    order_key,
    shop_key,
    vendor_key,
)


def shop_came(states: States, shop: Shop, context: Context) -> Outcome[State]:
    return Applied({shop_key(shop.shop_id): runs.shop_came(account_in(states, shop.shop_id), shop, context.now)})


def listing_came(states: States, listing: Listing, context: Context) -> Outcome[State]:
    key = listing_key(listing.shop_id, listing.listing_id)
    held = cast("Listed", states.get(key) or Listed(listing.shop_id, listing.listing_id))
    return Applied({key: replace(held, listing=listing)})


def vendor_came(states: States, vendor: Vendor, context: Context) -> Outcome[State]:
    return Applied({vendor_key(vendor.vendor_id): VendorKept(vendor.vendor_id, vendor)})


def tombstone_touches(stone: Tombstone) -> Iterable[Key]:
    match stone.topic:
        case "catalog.shops":
            return (shop_key(stone.key),)
        case "catalog.listings":
            return (f"listing/{stone.key}",)
        case "catalog.vendors":
            return (vendor_key(stone.key),)
        case "orders.status" | "orders.private":
            return (order_key(stone.key),)
        case _:
            return ()


def tombstone(states: States, stone: Tombstone, context: Context) -> Outcome[State]:
    match stone.topic:
        case "catalog.shops":
            return applied(runs.shop_gone(account_in(states, stone.key)), context)
        case "catalog.listings" if isinstance(held := states.get(f"listing/{stone.key}"), Listed):
            return Applied({f"listing/{stone.key}": replace(held, listing=None)})
        case "catalog.vendors":
            return Applied({vendor_key(stone.key): VendorKept(stone.key)})
        case "orders.status" | "orders.private":
            return Applied({order_key(stone.key): posting.forget(order_in(states, stone.key))})
        case _:
            return Ignored("nothing is held under this key")
