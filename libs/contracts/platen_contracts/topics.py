"""The catalogue: who talks to whom. Topics, access rights, documents and diagrams are derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from platen_contracts import artwork_v1, catalog, dispatch, orders, render, sync, tracking
from platen_contracts.message import Message

DAY_MS = 24 * 3600 * 1000
FOREVER = -1
SERVICES = ("sync", "orders", "render", "dispatch", "tracking", "console")
ANYONE = "anyone"


class Kind(StrEnum):
    COMMAND = "command"
    """Asks the owner for something; may be refused."""
    REQUEST = "request"
    """Work that the owner takes over; answered by events."""
    EVENT = "event"
    """Something happened."""
    STATE = "state"
    """How something is now; compacted, a tombstone ends it."""


_KEY_FIELDS: Mapping[str, tuple[str, ...]] = {
    "order": ("order_id",),
    "shop": ("shop_id",),
    "shop order": ("shop_id", "shop_order_id"),
    "artwork id/version": ("artwork_id", "version"),
    "shop id/listing id": ("shop_id", "listing_id"),
    "shop id": ("shop_id",),
    "vendor id": ("vendor_id",),
}
"""By a topic's `key`: the fields of its messages that make it, joined by a slash."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention_ms` is `FOREVER` for what is kept, and `None` for a compacted topic."""

    name: str
    kind: Kind
    owner: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    key: str
    messages: tuple[type[Message], ...]
    about: str
    partitions: int = 3
    retention_ms: int | None = 14 * DAY_MS
    personal: bool = False
    max_bytes: int = 1024 * 1024

    def key_of(self, message: Message) -> str | None:
        """What the key of a record must be that carries `message`; None where the record may have any."""
        fields = _KEY_FIELDS.get(self.key)
        return None if fields is None else "/".join(str(getattr(message, field)) for field in fields)

    @property
    def compacted(self) -> bool:
        return self.retention_ms is None

    @property
    def types(self) -> Mapping[str, type[Message]]:
        return {message.TYPE: message for message in self.messages}


def _dead_letter(service: str) -> Topic:
    return Topic(
        name=f"{service}.dead-letter",
        kind=Kind.EVENT,
        owner=service,
        writers=(service,),
        readers=("operators",),
        key="as it came",
        messages=(),
        about=f"records that {service} could not honour: original bytes and headers, plus reason and place",
        personal=True,
        max_bytes=2 * 1024 * 1024,
    )


_ORDER = 12
"""Partitions of topics keyed by order or shop order, for life: growth means a new topic."""

_COMMANDS = (
    orders.Personalise,
    orders.SetArtwork,
    orders.SplitLine,
    orders.SplitOff,
    orders.IgnoreItem,
    orders.RestoreItem,
    orders.Render,
    orders.EditShipping,
    orders.Send,
    orders.Retry,
    orders.StopSending,
    orders.Settle,
    orders.Archive,
    orders.Unarchive,
    orders.Erase,
    orders.RecordHandOver,
    orders.RecordParcel,
)

_TOPICS = (
    Topic(
        "sync.commands", Kind.COMMAND, "sync", ("operators", "console", "orders"), ("sync",), "shop",
        (sync.SyncShop, sync.ReconcileShop, sync.CancelSync, sync.ForgetShopOrder),
        "what operators ask of sync, and what orders asks it to forget",
    ),
    Topic(
        "sync.progress", Kind.EVENT, "sync", ("sync",), (ANYONE, "console"), "shop", (sync.SyncProgressed,),
        "how each run stands: found, imported, already there, skipped with reason, failed",
    ),
    Topic(
        "sync.orders", Kind.EVENT, "sync", ("sync",), ("orders",), "shop order", (sync.ShopOrderObserved,),
        "shop orders as they look now, each line with its resolved link", partitions=_ORDER, personal=True,
    ),
    Topic(
        "sync.results", Kind.EVENT, "sync", ("sync",), ("orders",), "order", (sync.TrackingPosted, sync.TrackingNotPosted),
        "tracking posted back to the shop, or why not", partitions=_ORDER,
    ),
    Topic(
        "orders.commands", Kind.COMMAND, "orders", ("operators", "console"), ("orders",), "order", _COMMANDS,
        "the actions", partitions=_ORDER, personal=True,
    ),
    Topic(
        "orders.replies", Kind.EVENT, "orders", ("orders",), ("operators", "console"), "order",
        (orders.CommandApplied, orders.CommandIgnored, orders.CommandRefused), "exactly one for each command", partitions=_ORDER,
    ),
    Topic(
        "orders.status", Kind.STATE, "orders", ("orders",), (ANYONE, "sync", "render", "tracking", "console"), "order",
        (orders.OrderSnapshot,),
        "the latest public snapshot of each order", partitions=_ORDER, retention_ms=None,
    ),
    Topic(
        "orders.history", Kind.EVENT, "orders", ("orders",), (ANYONE, "console"), "order", (orders.OrderChanged,),
        "every version of every order, as patches", partitions=_ORDER, retention_ms=FOREVER,
    ),
    Topic(
        "orders.private", Kind.STATE, "orders", ("orders",), ("sync", "console"), "order", (orders.OrderPrivate,),
        "recipient, answers, notes, print file links, tracking", partitions=_ORDER, retention_ms=None, personal=True,
    ),
    Topic(
        "render.requests", Kind.REQUEST, "render", ("orders",), ("render",), "order", (render.RenderRequested,),
        "print files wanted", partitions=_ORDER, personal=True,
    ),
    Topic(
        "render.results", Kind.EVENT, "render", ("render",), ("orders",), "order",
        (render.RenderFinished, render.RenderFailed, render.RenderSkipped, render.FileCollected),
        "print files made, or why not", partitions=_ORDER, personal=True,
    ),
    Topic(
        "dispatch.requests", Kind.REQUEST, "dispatch", ("orders",), ("dispatch",), "order",
        (
            dispatch.DispatchRequested, dispatch.DispatchWithdrawRequested, dispatch.DispatchSettleRequested,
            dispatch.DispatchForgetRequested,
        ),
        "orders to send, frozen", partitions=_ORDER, personal=True,
    ),
    Topic(
        "dispatch.results", Kind.EVENT, "dispatch", ("dispatch",), ("orders", "tracking"), "order",
        (
            dispatch.DispatchStarted, dispatch.DispatchDelayed, dispatch.DispatchAccepted, dispatch.DispatchRefused,
            dispatch.DispatchInDoubt, dispatch.DispatchWithdrawn,
        ),
        "what came of each generation", partitions=_ORDER, personal=True,
    ),
    Topic(
        "tracking.updates", Kind.EVENT, "tracking", ("tracking",), ("orders",), "order",
        (tracking.ShipmentUpdated, tracking.VendorOrderChanged), "parcels and endings, read at the vendor",
        partitions=_ORDER, personal=True,
    ),
    Topic(
        "catalog.artworks", Kind.STATE, "catalog", ("operators",), ("orders", "render", "console"), "artwork id/version",
        (catalog.Artwork, artwork_v1.Artwork), "templates, immutable", partitions=1, retention_ms=None,
    ),
    Topic(
        "catalog.listings", Kind.STATE, "catalog", ("operators",), ("sync",), "shop id/listing id", (catalog.Listing,),
        "which variant prints which artwork at which vendor", partitions=1, retention_ms=None,
    ),
    Topic(
        "catalog.shops", Kind.STATE, "catalog", ("operators",), ("sync", "orders", "console"), "shop id", (catalog.Shop,),
        "shop accounts and policies, without secrets", partitions=1, retention_ms=None,
    ),
    Topic(
        "catalog.vendors", Kind.STATE, "catalog", ("operators",), ("sync", "dispatch", "tracking", "console"), "vendor id",
        (catalog.Vendor,), "vendor accounts, without secrets", partitions=1, retention_ms=None,
    ),
    *(_dead_letter(service) for service in SERVICES),
)  # fmt: skip

CATALOGUE: Mapping[str, Topic] = {topic.name: topic for topic in _TOPICS}
"""Every topic by its name (without the prefix that a deployment may put before it)."""

MESSAGES: Mapping[str, type[Message]] = {
    message.TYPE: message for topic in _TOPICS for message in topic.messages
}  # fmt: skip
"""Every message by its CloudEvents type."""


def read_by(service: str) -> tuple[Topic, ...]:
    return tuple(topic for topic in _TOPICS if service in topic.readers)


def written_by(service: str) -> tuple[Topic, ...]:
    return tuple(topic for topic in _TOPICS if service in topic.writers)
