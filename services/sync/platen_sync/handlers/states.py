"""What handlers share: states by name, and where messages go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from platen_contracts.sync import ShopOrderObserved, SyncProgressed, TrackingNotPosted, TrackingPosted
from platen_messaging.outcome import Applied, Context, Key, Outgoing

from platen_sync.decide import observing, runs
from platen_sync.model import (
    Account,
    Listed,
    PlatenOrder,
    ShopOrder,
    State,
    listing_key,
    order_key,
    shop_key,
    shop_order_key,
)

States = Mapping[Key, State]
Told = ShopOrderObserved | SyncProgressed | TrackingPosted | TrackingNotPosted
"""What sync says to others."""


def account_in(states: States, shop_id: str) -> Account:
    return cast("Account", states.get(shop_key(shop_id)) or Account(shop_id))


def shop_order_in(states: States, shop_id: str, shop_order_id: str) -> ShopOrder:
    return cast("ShopOrder", states.get(shop_order_key(shop_id, shop_order_id)) or ShopOrder(shop_id, shop_order_id))


def order_in(states: States, order_id: str) -> PlatenOrder:
    return cast("PlatenOrder", states.get(order_key(order_id)) or PlatenOrder(order_id))


def catalog_in(states: States, shop_id: str) -> observing.Catalog:
    return lambda listing_id: cast("Listed | None", states.get(listing_key(shop_id, listing_id)))


def sent(message: Told, context: Context) -> Outgoing:
    """Where each kind of message goes, under which key."""
    match message:
        case ShopOrderObserved(shop_id=shop_id, shop_order_id=shop_order_id):
            key = f"{shop_id}/{shop_order_id}"
            return Outgoing("sync.orders", key, message, context.id(message.TYPE, key))
        case SyncProgressed(shop_id=shop_id, run_id=run_id):
            return Outgoing("sync.progress", shop_id, message, context.id(message.TYPE, run_id))
        case TrackingPosted(order_id=order_id) | TrackingNotPosted(order_id=order_id):
            return Outgoing("sync.results", order_id, message, context.id(message.TYPE, order_id, message.parcel))


def applied(step: runs.Step, context: Context) -> Applied[State]:
    states: dict[Key, State] = {shop_key(step.account.shop_id): step.account}
    states.update({shop_order_key(order.shop_id, order.shop_order_id): order for order in step.orders})
    return Applied(states, [sent(message, context) for message in step.messages])
