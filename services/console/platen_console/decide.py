"""What becomes of each message: rows to keep, and for an operator's command the message that carries it out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork, Shop, Vendor
from platen_contracts.message import Message
from platen_contracts.orders import OrderChanged, OrderCommand, OrderPrivate, OrderSnapshot
from platen_contracts.sync import CancelSync, ReconcileShop, SyncProgressed, SyncShop
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing
from pydantic import SerializeAsAny

from platen_console.model import (
    Command,
    Entry,
    Gone,
    Held,
    Progress,
    Reply,
    catalog_key,
    command_key,
    history_key,
    order_key,
    private_key,
    reference_of,
    sync_key,
)

States = Mapping[str, Entry]

OLDER = Ignored("this version or a newer one is held")


class OrderAsked(Message, owner="console"):
    """An operator asks something of an order. The fact's id becomes the command's: a form sent twice is one command."""

    command: SerializeAsAny[OrderCommand]
    action: str


class SyncAsked(Message, owner="console"):
    """An operator asks sync for something."""

    command: SyncShop | ReconcileShop | CancelSync


def on_snapshot(states: States, snapshot: OrderSnapshot, _: Context) -> Outcome[Entry]:
    key = order_key(snapshot.order_id)
    return OLDER if _version(states.get(key)) >= snapshot.version else Applied({key: snapshot})


def on_private(states: States, private: OrderPrivate, _: Context) -> Outcome[Entry]:
    key = private_key(private.order_id)
    return OLDER if _version(states.get(key)) >= private.version else Applied({key: private})


def on_changed(_: States, event: OrderChanged, __: Context) -> Outcome[Entry]:
    return Applied({history_key(event.order_id, event.version): event})


def on_artwork(_: States, artwork: Artwork | artwork_v1.Artwork, __: Context) -> Outcome[Entry]:
    return Applied({catalog_key("artwork", reference_of(artwork)): artwork_v1.of_today(artwork)})


def on_shop(_: States, shop: Shop, __: Context) -> Outcome[Entry]:
    return Applied({catalog_key("shop", shop.shop_id): shop})


def on_vendor(_: States, vendor: Vendor, __: Context) -> Outcome[Entry]:
    return Applied({catalog_key("vendor", vendor.vendor_id): vendor})


def on_progress(states: States, told: SyncProgressed, context: Context) -> Outcome[Entry]:
    """The last word of a shop, by the time it was said."""
    held = states.get(sync_key(told.shop_id))
    if isinstance(held, Progress) and held.told_at > context.meta.time:
        return Ignored("something later was said of this shop")
    return Applied({sync_key(told.shop_id): Progress(context.meta.time, told)})


def on_reply(states: States, reply: Reply, _: Context) -> Outcome[Entry]:
    """Replies to others' commands are no business of this console."""
    asked = states.get(command_key(reply.command_id))
    if not isinstance(asked, Command):
        return Ignored("not asked here")
    return Applied({command_key(asked.id): replace(asked, reply=reply)})


def on_tombstone(_: States, tombstone: Tombstone, __: Context) -> Outcome[Entry]:
    """A purged order, an erased private half, or a catalogue entry taken back."""
    return Applied({ended_by(tombstone): Gone()})


def on_order_asked(_: States, asked: OrderAsked, context: Context) -> Outcome[Entry]:
    command, command_id = asked.command, context.meta.id
    row = Command(command_id, command.order_id, asked.action, command.actor.name, context.now, command.bulk_id)
    message = Outgoing("orders.commands", command.order_id, command, command_id)
    return Applied({command_key(command_id): row}, [message])


def on_sync_asked(_: States, asked: SyncAsked, context: Context) -> Outcome[Entry]:
    return Applied({}, [Outgoing("sync.commands", asked.command.shop_id, asked.command, context.meta.id)])


def _version(entry: Entry | None) -> int:
    return entry.version if isinstance(entry, Held | OrderSnapshot | OrderPrivate) else 0


_KEYS_OF: Mapping[str, Callable[[str], str]] = {
    "orders.status": order_key,
    "orders.private": private_key,
    "catalog.artworks": partial(catalog_key, "artwork"),
    "catalog.shops": partial(catalog_key, "shop"),
    "catalog.vendors": partial(catalog_key, "vendor"),
}


def ended_by(tombstone: Tombstone) -> str:
    """The key of what a tombstone ends."""
    return _KEYS_OF[tombstone.topic](tombstone.key)
