"""Which states each message needs."""

from __future__ import annotations

from collections.abc import Iterable

from platen_contracts.catalog import Shop
from platen_contracts.orders import OrderPrivate, OrderSnapshot
from platen_contracts.sync import CancelSync, ForgetShopOrder, ReconcileShop, SyncShop
from platen_messaging.outcome import Key

from platen_sync.decide.facts import (
    Hinted,
    LinkCame,
    OrderNotRead,
    OrderRead,
    OrdersReread,
    PageRead,
    PollDue,
    PostingBegun,
    PostingDone,
    PostingFailed,
    RunFailed,
)
from platen_sync.model import (
    SeenOrder,
    listing_key,
    order_key,
    shop_key,
    shop_order_key,
)


def shop_of(message: SyncShop | ReconcileShop | CancelSync | PollDue | RunFailed | Shop) -> Iterable[Key]:
    return (shop_key(message.shop_id),)


def orders_of(fact: PageRead | OrdersReread) -> Iterable[Key]:
    yield shop_key(fact.shop_id)
    for seen in fact.orders:
        yield from seen_keys(fact.shop_id, seen)


def seen_keys(shop_id: str, seen: SeenOrder) -> Iterable[Key]:
    yield shop_order_key(shop_id, seen.shop_order_id)
    for line in seen.lines:
        yield from (listing_key(shop_id, one) for one in line.listing_ids)


def read_keys(fact: OrderRead) -> Iterable[Key]:
    yield shop_key(fact.shop_id)
    yield from seen_keys(fact.shop_id, fact.seen)


def link_keys(fact: LinkCame) -> Iterable[Key]:
    yield shop_key(fact.shop_id)
    yield shop_order_key(fact.shop_id, fact.shop_order_id)
    yield from (listing_key(fact.shop_id, one) for one in fact.listing_ids)


def shop_order_of(fact: Hinted | OrderNotRead | ForgetShopOrder) -> Iterable[Key]:
    return (shop_order_key(fact.shop_id, fact.shop_order_id),)


def order_of(message: OrderSnapshot | OrderPrivate | PostingBegun | PostingDone | PostingFailed) -> Iterable[Key]:
    return (order_key(message.order_id),)
