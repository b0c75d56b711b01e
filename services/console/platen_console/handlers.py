"""The table of contents: which message is decided where."""

from __future__ import annotations

from collections.abc import Sequence

from platen_contracts import artwork_v1, catalog, orders, sync
from platen_messaging.handlers import Handlers, On, OnTombstone, Tombstone

from platen_console import decide
from platen_console.model import Entry, Reply, command_key, order_key, private_key, sync_key


def _nothing(_: object) -> Sequence[str]:
    return ()


def _snapshot(message: orders.OrderSnapshot) -> Sequence[str]:
    return (order_key(message.order_id),)


def _private(message: orders.OrderPrivate) -> Sequence[str]:
    return (private_key(message.order_id),)


def _progress(message: sync.SyncProgressed) -> Sequence[str]:
    return (sync_key(message.shop_id),)


def _reply(message: Reply) -> Sequence[str]:
    return (command_key(message.command_id),)


def _ended(tombstone: Tombstone) -> Sequence[str]:
    return (decide.ended_by(tombstone),)


HANDLERS: Handlers[Entry] = Handlers(
    On(orders.OrderSnapshot, _snapshot, decide.on_snapshot),
    On(orders.OrderPrivate, _private, decide.on_private),
    On(orders.OrderChanged, _nothing, decide.on_changed),
    On(orders.CommandApplied, _reply, decide.on_reply),
    On(orders.CommandIgnored, _reply, decide.on_reply),
    On(orders.CommandRefused, _reply, decide.on_reply),
    On(catalog.Artwork, _nothing, decide.on_artwork),
    On(artwork_v1.Artwork, _nothing, decide.on_artwork),
    On(catalog.Shop, _nothing, decide.on_shop),
    On(catalog.Vendor, _nothing, decide.on_vendor),
    On(sync.SyncProgressed, _progress, decide.on_progress),
    On(decide.OrderAsked, _nothing, decide.on_order_asked),
    On(decide.SyncAsked, _nothing, decide.on_sync_asked),
    tombstone=OnTombstone(_ended, decide.on_tombstone),
)
