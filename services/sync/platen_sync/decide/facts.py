"""What sync tells itself: outcomes of its own calls outside, and the hours that strike. They never leave the service."""

from __future__ import annotations

from datetime import datetime

from platen_contracts.message import Id, Message
from platen_contracts.sync import SkippedOrder
from pydantic import Field

from platen_sync.model import PageAsked, SeenOrder


class PollDue(Message, owner="sync"):
    """It is time to ask the shop by itself."""

    shop_id: str


class PageRead(Message, owner="sync"):
    """A page came. `modified` are the modified times of all its orders, ascending; `unreadable` those that made no sense."""

    shop_id: str
    run_id: Id
    asked: PageAsked
    per_page: int
    read_at: datetime
    modified: list[datetime]
    orders: list[SeenOrder]
    unreadable: list[SkippedOrder] = Field(default_factory=list[SkippedOrder])


class OrdersReread(Message, owner="sync"):
    """A step of a reconciliation: the orders after `passed`, up to `until`; none of them means that it is over."""

    shop_id: str
    run_id: Id
    passed: str
    until: str
    read_at: datetime
    orders: list[SeenOrder]
    """Those that the shop has no more stand here as cancelled (`hints.gone`)."""
    unreadable: list[SkippedOrder] = Field(default_factory=list[SkippedOrder])


class RunFailed(Message, owner="sync"):
    """The shop would not answer; `problem` says why and what to do."""

    shop_id: str
    run_id: Id
    problem: str


class Hinted(Message, owner="sync"):
    """A webhook said that this order changed: go and read it."""

    shop_id: str
    shop_order_id: str


class OrderRead(Message, owner="sync"):
    """A hint was followed. An order that the shop has no more stands in `seen` as cancelled (`hints.gone`)."""

    shop_id: str
    read_at: datetime
    seen: SeenOrder


class OrderNotRead(Message, owner="sync"):
    """A hint could not be followed; `for_good` where asking again cannot help."""

    shop_id: str
    shop_order_id: str
    read_at: datetime
    for_good: bool = False


class LinkCame(Message, owner="sync"):
    """A listing or vendor that lines of this order wait for is here."""

    shop_id: str
    shop_order_id: str
    listing_ids: list[str]
    """Of all its lines."""


class PostingBegun(Message, owner="sync"):
    """The shop did not have this tracking at `read_at`; it is about to be posted."""

    order_id: Id
    parcel: str
    tracking_number: str
    read_at: datetime


class PostingDone(Message, owner="sync"):
    """The shop has this tracking."""

    order_id: Id
    parcel: str
    tracking_number: str


class PostingFailed(Message, owner="sync"):
    """The shop has it not, or not for certain. `code` and `remedy` are told (once) if `tell`."""

    order_id: Id
    parcel: str
    code: str
    remedy: str
    tell: bool = False
    for_good: bool = False
    """Asking again cannot help."""
    maybe_done: bool = False
    """It may have arrived: wait before reading again."""
