"""Owned by `sync`: commands it obeys, what it sees in the shops, what it posts back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from platen_contracts.common import (
    Actor,
    Address,
    Answers,
    ArtworkRef,
    Currency,
    Money,
    Name,
    OutputProfile,
    Text,
    VendorProduct,
)
from platen_contracts.message import Id, Message, Moment, OpenTo, Part, Personal

ShopKey = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""The shop's own id of an order or a line, as text."""


class SyncShop(Message, owner="sync"):
    """Fetch what changed since the watermark, or since `since`."""

    shop_id: Name
    actor: Actor
    since: Moment | None = None


class ReconcileShop(Message, owner="sync"):
    """Read every open shop order again, however old, and report what differs."""

    shop_id: Name
    actor: Actor


class CancelSync(Message, owner="sync"):
    """Stop the run that is under way; what was already reported stays."""

    shop_id: Name
    actor: Actor


class ForgetShopOrder(Message, owner="sync"):
    """Every order made of this shop order was erased: nothing personal of it is kept, or reported again."""

    shop_id: Name
    shop_order_id: ShopKey
    actor: Actor


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class SkippedOrder(Part):
    shop_order_id: ShopKey
    code: str
    remedy: str


class SyncProgressed(Message, owner="sync"):
    """How a run stands. The counts only grow; the last one of a run has a `state` other than running."""

    shop_id: Name
    run_id: Id
    state: Annotated[str, OpenTo(RunState)]
    found: int = Field(default=0, ge=0)
    imported: int = Field(default=0, ge=0)
    already_there: int = Field(default=0, ge=0)
    skipped: list[SkippedOrder] = Field(default_factory=list[SkippedOrder], max_length=100)
    """The latest hundred; `skipped_count` counts them all."""
    skipped_count: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    problem: str | None = None
    """Why the run failed, and what to do about it."""


class Link(Part):
    """What a listing says of a line, resolved when the shop order was read."""

    listing_id: str
    vendor_id: Name
    custom: bool = False
    """The vendor has no API. Frozen on the order when it is made."""
    product: VendorProduct
    profile: OutputProfile
    artwork: ArtworkRef | None = None
    answers: Annotated[Answers, Personal()] = Field(default_factory=dict)


class ShopLine(Part):
    line_id: ShopKey
    title: Text
    variant: Text | None = None
    sku: str | None = None
    quantity: int = Field(ge=1, le=1000)
    price: Money | None = None
    link: Link | None = None
    """Absent: no listing names a vendor for this line (yet), or an artwork where the shop's policy asks for one."""


class ShopOrderObserved(Message, owner="sync"):
    """The whole shop order as it looks now. Its revision is the pair (`modified_at`, `read_at`); only a smaller pair is older."""

    shop_id: Name
    shop_order_id: ShopKey
    number: str
    modified_at: Moment
    read_at: Moment
    placed_at: Moment
    cancelled: bool = False
    currency: Currency
    recipient: Address | None = None
    buyer_note: Annotated[Text | None, Personal()] = None
    lines: list[ShopLine] = Field(max_length=200)


class TrackingPosted(Message, owner="sync"):
    """The shop has this parcel's tracking now."""

    order_id: Id
    parcel: str
    at: Moment


class TrackingNotPosted(Message, owner="sync"):
    """The shop would not take this parcel's tracking."""

    order_id: Id
    parcel: str
    code: str
    remedy: str
