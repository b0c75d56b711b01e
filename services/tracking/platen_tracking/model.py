"""What tracking remembers of a vendor order. Frozen; all times are aware and UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field
from platen_contracts.catalog import Vendor
from platen_messaging.outcome import Key


class Parcel(Struct, frozen=True, omit_defaults=True):
    """`units` by our item id."""

    units: dict[str, int]
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    shipped_at: datetime | None = None
    reshipment: bool = False


class Told(Struct, frozen=True, omit_defaults=True):
    """The last VendorOrderChanged. `raw` is the vendor's word, `cancelled` units by item."""

    raw: str
    status: str
    cancelled: dict[str, int] = field(default_factory=dict[str, int])
    ended: bool = False


class Followed(Struct, frozen=True, omit_defaults=True):
    """A vendor order that dispatch said is ours. `cause_id` and `correlation_id` are of the newest DispatchAccepted."""

    order_id: str
    generation: int
    external_id: str
    items: dict[str, int]
    """Units per item that the vendor took."""
    cause_id: str
    correlation_id: str
    news_at: datetime
    """When something last happened to it."""
    read_at: datetime | None = None
    """Answers to questions that left at this moment or before count no more."""
    told: Told | None = None
    parcels: dict[str, Parcel] = field(default_factory=dict[str, Parcel])
    """By the vendor's shipment id."""
    failures: int = 0
    """Readings in a row that brought nothing."""
    absences: int = 0
    """Those among them for which the vendor said that there is no such order."""
    idle_hints: int = 0
    """Webhooks in a row after which nothing had changed."""
    erased: bool = False
    """The order was erased: no tracking number of it is kept or told again."""


class Watch(Struct, frozen=True):
    """One vendor order: what is known of it (None: only that a webhook named it) and when it is read. All None: no row."""

    order: Followed | None = None
    next_read_at: datetime | None = None
    hinted_at: datetime | None = None
    leased_until: datetime | None = None


class Account(Struct, frozen=True):
    """A vendor account of the catalog; None: it is gone from there."""

    vendor: Vendor | None


class Erased(Struct, frozen=True):
    """An order that was erased, whatever vendor orders of it are followed, now or later."""


State = Watch | Account | Erased
States = Mapping[Key, State]


def watch_key(vendor_id: str, vendor_order_id: str) -> Key:
    return f"order:{vendor_id}/{vendor_order_id}"


def account_key(vendor_id: str) -> Key:
    return f"vendor:{vendor_id}"


def erased_key(order_id: str) -> Key:
    """With it come all vendor orders of the order."""
    return f"erased:{order_id}"


def watch_of(states: States, key: Key) -> Watch:
    found = states.get(key)
    return found if isinstance(found, Watch) else Watch()
