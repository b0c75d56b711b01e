"""What sync keeps: shops and their runs, listings, vendors, shop orders as last seen, parcels to post back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from platen_contracts.catalog import Listing, Shop, Vendor
from platen_contracts.common import Actor, Address, Currency, Money
from platen_contracts.message import Id, Part
from platen_contracts.sync import SkippedOrder
from pydantic import Field


class Standing(StrEnum):
    """What the shop's own word for an order's state means to us."""

    PAID = "paid"
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    OTHER = "other"
    """A word of a plugin."""


class Answered(Part):
    """One field that the buyer filled in at the shop."""

    key: str
    label: str
    values: list[str]


class SeenLine(Part):
    line_id: str
    listing_ids: list[str]
    """The listings that may speak for it, most specific first."""
    title: str
    variant: str | None = None
    sku: str | None = None
    quantity: int
    price: Money | None = None
    fields: list[Answered] = Field(default_factory=list[Answered])


class SeenOrder(Part):
    """A shop order as it looked when it was read, in neutral words. `word` is the shop's own for `standing`."""

    shop_order_id: str
    number: str
    standing: Standing
    word: str
    modified_at: datetime
    placed_at: datetime
    currency: Currency
    recipient: Address | None = None
    buyer_note: str | None = None
    lines: list[SeenLine]

    def without_personal(self) -> SeenOrder:
        lines = [line.model_copy(update={"fields": []}) for line in self.lines]
        return self.model_copy(update={"recipient": None, "buyer_note": None, "lines": lines})


@dataclass(frozen=True, slots=True)
class PageAsked:
    """One request of a run: orders modified strictly after `after`.

    `second` is set while single pages hold nothing but that second; then `page` counts, forth and `back`. `is_over`: the shop
    had written something later before the way back.
    """

    after: datetime
    page: int = 1
    second: datetime | None = None
    back: bool = False
    is_over: bool = False


class RunKind(StrEnum):
    ASKED = "asked"
    POLL = "poll"
    RECONCILE = "reconcile"


class Run(Part):
    """A run that is not over. A reconciliation goes by shop order id instead of pages: `passed` is the last one read."""

    run_id: Id
    kind: RunKind
    actor: Actor
    began_at: datetime
    asked: PageAsked | None = None
    """Absent until the shop is known."""
    since: datetime | None = None
    passed: str = ""
    found: int = 0
    imported: int = 0
    already_there: int = 0
    skipped: list[SkippedOrder] = Field(default_factory=list[SkippedOrder])
    skipped_count: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One shop: what the catalog says of it, how far it was read, and its runs in the order they are to be done."""

    shop_id: str
    shop: Shop | None = None
    watermark: datetime | None = None
    """The last modified second of which every order is out."""
    poll_at: datetime | None = None
    runs: tuple[Run, ...] = ()
    failing: bool = False
    """The last poll failed; the first one that does not is told of."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing and its vendor, as far as they are known."""

    shop_id: str
    listing_id: str
    listing: Listing | None = None
    vendor: Vendor | None = None


@dataclass(frozen=True, slots=True)
class VendorKept:
    vendor_id: str
    vendor: Vendor | None = None


class Wants(StrEnum):
    """What a line lacks until its listing says more."""

    LINK = "link"
    ARTWORK = "artwork"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line of a shop order waits for this listing."""

    listing_id: str
    wants: Wants


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """A shop order as last seen. `hinted_at`: a webhook said that it changed and it was not read since."""

    shop_id: str
    shop_order_id: str
    seen: SeenOrder | None = None
    read_at: datetime | None = None
    reported: bool = False
    waiting: tuple[Waiting, ...] = ()
    last_run: str | None = None
    """The run that counted it last."""
    hinted_at: datetime | None = None
    read_next: datetime | None = None
    """When to follow the hint, or to try again."""
    tries: int = 0
    erased: bool = False
    """Every order made of it was erased: it is read, kept and reported without personal data."""


class PostingState(StrEnum):
    WANTED = "wanted"
    POSTED = "posted"
    REFUSED = "refused"


class Posting(Part):
    """One parcel's tracking on its way to the shop. `started_at`: a post that may have arrived was begun then."""

    tracking_number: str
    tracking_url: str | None = None
    state: PostingState = PostingState.WANTED
    due_at: datetime | None = None
    started_at: datetime | None = None
    tries: int = 0
    told: str | None = None
    """The code of the trouble that was last told of."""


class Parcel(Part):
    carrier: str | None = None
    shipped_at: datetime | None = None
    posted: bool = False


class Tracking(Part):
    tracking_number: str | None = None
    tracking_url: str | None = None


@dataclass(frozen=True, slots=True)
class PlatenOrder:
    """What sync must know of an order: where it came from, its parcels, and what became of posting them."""

    order_id: str
    shop_id: str | None = None
    shop_order_id: str | None = None
    status: str | None = None
    version: int = 0
    private_version: int = 0
    parcels: dict[str, Parcel] = field(default_factory=dict[str, Parcel])
    tracking: dict[str, Tracking] = field(default_factory=dict[str, Tracking])
    postings: dict[str, Posting] = field(default_factory=dict[str, Posting])


State = Account | Listed | VendorKept | ShopOrder | PlatenOrder


def shop_key(shop_id: str) -> str:
    return f"shop/{shop_id}"


def listing_key(shop_id: str, listing_id: str) -> str:
    return f"listing/{shop_id}/{listing_id}"


def vendor_key(vendor_id: str) -> str:
    return f"vendor/{vendor_id}"


def shop_order_key(shop_id: str, shop_order_id: str) -> str:
    return f"shop-order/{shop_id}/{shop_order_id}"


def order_key(order_id: str) -> str:
    return f"order/{order_id}"
