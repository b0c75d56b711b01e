"""What orders remembers. Frozen; times are RFC 3339 UTC text, so that state, snapshot and patch hold the same words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct, field
from platen_contracts.catalog import Artwork, Shop
from platen_contracts.status import ActivityKind, OrderStatus

Json = dict[str, Any]

PREPARING = (OrderStatus.NEW, OrderStatus.READY, OrderStatus.FAILED)
"""Statuses in which the order is still in our hands."""


class Failure(Struct, frozen=True, omit_defaults=True):
    """Why, where, and what the operator can do about it."""

    code: str
    remedy: str
    field: str | None = None


class SideFile(Struct, frozen=True, omit_defaults=True):
    """One side of one item. Hashes are input hashes; `wanted` is the one computed from the item as it stands now."""

    wanted: str
    request_id: str | None = None
    requested: str | None = None
    """The hash of the open request."""
    file: Json | None = None
    """FileRef as JSON."""
    file_hash: str | None = None
    link: str | None = None
    failed_hash: str | None = None
    failure: Failure | None = None
    requested_at: str | None = None
    """When the open request was made."""
    drawn_at: str | None = None
    """When render told of the file, and `failed_at` of the failure: the later word counts, whichever comes first."""
    failed_at: str | None = None
    gone: str | None = None
    """The sha256 of the file that was collected last, and when."""
    gone_at: str | None = None

    @property
    def current(self) -> bool:
        return self.file is not None and self.file_hash == self.wanted

    @property
    def asked(self) -> bool:
        """A request for what is wanted is open."""
        return self.request_id is not None and self.requested == self.wanted


class Item(Struct, frozen=True, omit_defaults=True):
    """`product`, `profile`, `artwork` and `price` are the contracts' models as JSON. `sides` is empty until the artwork comes."""

    line_id: str
    listing_id: str
    title: str
    quantity: int
    product: Json
    profile: Json
    variant: str | None = None
    artwork: Json | None = None
    price: Json | None = None
    answers: Json = field(default_factory=dict[str, Any])
    sides: dict[str, SideFile] = field(default_factory=dict[str, SideFile])
    ignored: bool = False

    @property
    def current(self) -> bool:
        """Every side has a print file drawn from what the item says now."""
        for side in self.sides.values():
            if side.file is None or side.file_hash != side.wanted:
                return False
        return bool(self.sides)

    @property
    def has_file(self) -> bool:
        for side in self.sides.values():  # noqa: SIM110 - a generator costs as much again here
            if side.file is not None:
                return True
        return False

    @property
    def artwork_ref(self) -> str | None:
        return None if self.artwork is None else f"{self.artwork['artwork_id']}/{self.artwork['version']}"


class Sending(Struct, frozen=True, omit_defaults=True):
    """The latest generation and the strongest word that dispatch has given of it."""

    generation: int
    outcome: str
    """requested, then started, delayed, in_doubt, withdrawn, refused or accepted."""
    since: str
    attempt: int | None = None
    next_try: str | None = None
    reason: str | None = None
    withdraw_asked: bool = False
    asked_at: str | None = None
    """When the generation began; absent while `since` says so."""
    told_at: str | None = None
    """When dispatch said it."""


class Scheduled(Struct, frozen=True):
    """It is sent by itself at `due`, unless somebody stops it."""

    since: str
    due: str


class Refusal(Struct, frozen=True):
    """The latest generation that the vendor refused, and why."""

    generation: int
    failure: Failure


class VendorOrder(Struct, frozen=True, omit_defaults=True):
    """An order that the vendor took. Counts as dead only while the last word on it is that it ended before anything shipped."""

    generation: int
    taken_at: str
    status: str | None = None
    raw: str | None = None
    read_at: str | None = None
    ended: bool = False
    cancelled: dict[str, int] = field(default_factory=dict[str, int])
    """Units by item."""
    differs: tuple[str, ...] = ()
    """Where it is not what was meant."""


class Parcel(Struct, frozen=True, omit_defaults=True):
    units: dict[str, int]
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    shipped_at: str | None = None
    reshipment: bool = False
    posted: bool = False
    read_at: str | None = None
    """When it was read at the vendor; a later look counts more."""
    numbered_at: str | None = None
    """The earliest look that had this tracking number."""
    renumbered: bool = False
    """It had another one before."""


class Posting(Struct, frozen=True, omit_defaults=True):
    """The last word on posting a parcel's tracking to the shop; `remedy` where the shop would not take it."""

    at: str
    remedy: str | None = None


class HandOver(Struct, frozen=True):
    """The operator gave a custom vendor the print files, in this version of the order."""

    at: str
    version: int


class Attention(Struct, frozen=True, omit_defaults=True):
    since: str
    remedy: str
    about: str | None = None
    """The parcel, item or activity that it is about, where its order may have several; then part of the key."""


class Differs(Struct, frozen=True, omit_defaults=True):
    """A field that the shop changed and that is not applied (yet): what the shop said before, and what it says now."""

    base: Any = None
    shop: Any = None


class Order(Struct, frozen=True, omit_defaults=True):
    """One vendor, one send, one honest status."""

    id: str
    number: str
    shop_id: str
    shop_order_id: str
    vendor_id: str
    currency: str
    created_at: str
    placed_at: str
    status: OrderStatus
    status_since: str
    items: dict[str, Item]
    version: int = 0
    edited_version: int = 0
    """The last version in which a person or the shop changed something."""
    files_version: int = 0
    """The last version in which a print file changed."""
    custom: bool = False
    archived_from: OrderStatus | None = None
    """The status to return to; set while archived."""
    recipient: Json | None = None
    buyer_note: str | None = None
    generation: int = 0
    sending: Sending | None = None
    failure: Failure | None = None
    """Why the last generation failed; stands until the vendor takes one."""
    vendor_words: str | None = None
    vendor_orders: dict[str, VendorOrder] = field(default_factory=dict[str, VendorOrder])
    parcels: dict[str, Parcel] = field(default_factory=dict[str, Parcel])
    attention: dict[str, Attention] = field(default_factory=dict[str, Attention])
    cancelled_in_shop: bool = False
    kept: bool = False
    """Taken out of the archive though it was cancelled in the shop."""
    refusal: Refusal | None = None
    postings: dict[str, Posting] = field(default_factory=dict[str, Posting])
    """By parcel; also of one that is not known yet."""
    shop_differs: dict[str, Differs] = field(default_factory=dict[str, Differs])
    """By field path."""
    scheduled: Scheduled | None = None
    timer: str | None = None
    """When to look at the order again, whatever happens; its row in `timers` says the same."""
    waits_for_shop: bool = False
    """Its shop's policies were not known when they were asked for."""
    parent: str | None = None
    """The order that this one was split off from, and the version of that one that did it."""
    parent_version: int | None = None
    children: dict[str, int] = field(default_factory=dict[str, int])
    """Orders split off from this one, with the version of this one that did it."""
    hand_over: HandOver | None = None
    erased: bool = False
    """Takes no personal data any more: `change.apply` lets none in (`erasure.without_personal`, which names all of it)."""

    @property
    def activity(self) -> ActivityKind:
        if self.sending is not None and self.sending.outcome in _ACTIVITIES:
            return _ACTIVITIES[self.sending.outcome]
        return ActivityKind.NONE if self.scheduled is None else ActivityKind.SCHEDULED

    @property
    def in_flight(self) -> bool:
        """Something is under way with the vendor: shop changes wait, and only dispatch's answer ends it."""
        return self.sending is not None and self.sending.outcome in _ACTIVITIES

    @property
    def live_items(self) -> dict[str, Item]:
        return {item_id: item for item_id, item in self.items.items() if not item.ignored}

    def shipped(self) -> dict[str, int]:
        """Units by item that left the vendor, reshipments not counted twice. Items of which none did are missing."""
        units: dict[str, int] = {}
        for parcel in self.parcels.values():
            if not parcel.reshipment:
                for item_id, count in parcel.units.items():
                    item = self.items.get(item_id)
                    if item is not None and count > 0:
                        units[item_id] = min(units.get(item_id, 0) + count, item.quantity)
        return units

    @property
    def told_parcels(self) -> dict[str, Parcel]:
        """Those that the snapshot holds, the first that were heard of: what was told of once goes on being told."""
        return self.parcels if len(self.parcels) <= MOST_PARCELS else dict(islice(self.parcels.items(), MOST_PARCELS))

    @property
    def latest_vendor_order(self) -> str | None:
        """The vendor's id of the order that counts: an earlier one was ended before this one was taken."""
        if len(self.vendor_orders) < 2:
            return next(iter(self.vendor_orders), None)
        return max(
            self.vendor_orders,
            key=lambda it: (self.vendor_orders[it].generation, self.vendor_orders[it].taken_at),
            default=None,
        )

    def cancelled(self, shipped: Mapping[str, int]) -> dict[str, int]:
        """Units by item that the vendor will not make; what it shipped after all is not counted, nor what a retry sent anew."""
        latest = self.latest_vendor_order
        if latest is None:
            return {}
        units = self.vendor_orders[latest].cancelled
        return {
            item_id: min(count, self.items[item_id].quantity - shipped.get(item_id, 0))
            for item_id, count in units.items()
            if item_id in self.items
        }


_ACTIVITIES = {
    "requested": ActivityKind.QUEUED,
    "delayed": ActivityKind.QUEUED,
    "started": ActivityKind.SENDING,
    "in_doubt": ActivityKind.IN_DOUBT,
}


class ShopOrder(Struct, frozen=True, omit_defaults=True):
    """What the shop last said, and which of its lines were taken in. Its row is the lock of all its orders."""

    modified_at: str = ""
    read_at: str = ""
    orders_made: int = 0
    lines: dict[str, str] = field(default_factory=dict[str, str])
    """Line id to the order that took it in; never forgotten."""
    last: Json | None = None
    """ShopOrderObserved as JSON."""
    split_off: tuple[str, ...] = ()
    """Orders that took in no line: they were split off from others."""

    @property
    def orders(self) -> Iterable[str]:
        """The ids of all orders that were made of it, each once."""
        return dict.fromkeys((*self.lines.values(), *self.split_off))


@dataclass(frozen=True, slots=True)
class Held:
    """An order with its public snapshot as it was last published."""

    order: Order
    public: Json
    private_changed: bool = False
    """In this batch: orders.private is due."""
    news: bool = False
    """In this batch: it has a new version, and orders.status is due."""
    timer_changed: bool = False
    """In this batch: its row in `timers` is due."""


Entry = Held | ShopOrder | Artwork | Shop
"""What a key stands for: `<order id>`, `shop-order:<shop>/<order>`, `artwork:<id>/<version>`, `shop:<id>`."""

MOST_ITEMS = 200
MOST_PARCELS = 100
"""Of one order. A vendor may ship in more: they count for its status, and what is told of it names the first of them."""


def shop_key(shop_id: str) -> str:
    return f"shop:{shop_id}"


def shop_order_key(shop_id: str, shop_order_id: str) -> str:
    return f"shop-order:{shop_id}/{shop_order_id}"


def shop_order_of_key(order_id: str) -> str:
    """Asks the store for an order's shop order, with all orders that were made of it."""
    return f"shop-order-of:{order_id}"


def artwork_key(ref: str) -> str:
    return f"artwork:{ref}"


def waiting_key(ref: str) -> str:
    """Asks the store for every order that waits for this artwork."""
    return f"waiting:{ref}"


replace = msgspec.structs.replace
