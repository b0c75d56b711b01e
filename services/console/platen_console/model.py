"""What the console keeps. Orders, private halves, history and catalogue are kept as the messages that told them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork, Shop, Vendor
from platen_contracts.common import ArtworkRef
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, OrderChanged, OrderPrivate, OrderSnapshot
from platen_contracts.sync import SyncProgressed

Reply = CommandApplied | CommandIgnored | CommandRefused

APPLIED, IGNORED, REFUSED = "applied", "ignored", "refused"


@dataclass(frozen=True, slots=True)
class Held:
    """The version that is kept of an order or its private half."""

    version: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How a shop's sync stood, and when that was said."""

    told_at: datetime
    told: SyncProgressed | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator asked of an order. `reply` absent: no answer yet."""

    id: str
    order_id: str
    action: str
    actor: str
    asked_at: datetime
    bulk_id: str | None = None
    reply: Reply | None = None

    @property
    def outcome(self) -> str | None:
        match self.reply:
            case CommandApplied():
                return APPLIED
            case CommandIgnored():
                return IGNORED
            case CommandRefused():
                return REFUSED
            case None:
                return None


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing is to be kept here any more."""


Entry = Held | OrderSnapshot | OrderPrivate | OrderChanged | Artwork | Shop | Vendor | Progress | Command | Gone


def order_key(order_id: str) -> str:
    return f"order:{order_id}"


def private_key(order_id: str) -> str:
    return f"private:{order_id}"


def history_key(order_id: str, version: int) -> str:
    return f"history:{order_id}/{version}"


def command_key(command_id: str) -> str:
    return f"command:{command_id}"


def sync_key(shop_id: str) -> str:
    return f"sync:{shop_id}"


def catalog_key(kind: str, catalog_id: str) -> str:
    """`kind` is artwork, shop or vendor; an artwork's id is its `reference_of`."""
    return f"{kind}:{catalog_id}"


def reference_of(artwork: ArtworkRef | Artwork | artwork_v1.Artwork) -> str:
    """`artwork_id/version`, as the key of catalog.artworks."""
    return f"{artwork.artwork_id}/{artwork.version}"
