"""What sync asks of a shop, and what it may hear. An adapter per platform implements it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from platen_contracts.sync import SkippedOrder
from platen_outside.failures import Failure

from platen_sync.model import PageAsked, SeenOrder


@dataclass(frozen=True, slots=True)
class Page:
    """Orders by modified time, ascending. `modified` has the time of each, also of those that are `unreadable`."""

    modified: Sequence[datetime]
    orders: Sequence[SeenOrder]
    unreadable: Sequence[SkippedOrder] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """The shop has no such order (any more)."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The shop answered with something that is not what its platform describes; `remedy` says what to do."""

    code: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ParcelToPost:
    tracking_number: str
    tracking_url: str | None = None
    carrier: str | None = None
    shipped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a shop keeps tracking, and what stands there now: the Shipment Tracking plugin's list, or notes to the customer."""

    plugin: bool
    texts: Sequence[str]

    def holds(self, tracking_number: str) -> bool:
        """True if this parcel was posted before, by whomever."""
        wanted = tracking_number.strip().casefold()
        if self.plugin:
            return any(text.strip().casefold() == wanted for text in self.texts)
        return any(_stands_in(wanted, text.casefold()) for text in self.texts)


class ShopGateway(Protocol):
    def paused_for(self) -> float:
        """Seconds for which the shop wants no calls, 0 when it takes them."""
        ...

    async def list_changed(self, asked: PageAsked, per_page: int) -> Page | Unusable | Failure:
        """One page of the orders modified strictly after `asked.after`, whatever their status (but trashed ones)."""
        ...

    async def fetch(self, shop_order_id: str) -> SeenOrder | Absent | Unusable | Failure:
        """One order, trashed or not."""
        ...

    async def read_shelf(self, shop_order_id: str) -> Shelf | Absent | Unusable | Failure:
        """What tracking the shop has for an order. Always asked before posting."""
        ...

    async def post_tracking(self, shop_order_id: str, parcel: ParcelToPost, shelf: Shelf) -> Failure | None:
        """Puts the parcel on the shelf, once; None when the shop confirmed it."""
        ...


def _stands_in(number: str, text: str) -> bool:
    """As a word of its own: `123` does not stand in `tracking 1234`."""
    start = text.find(number)
    while start >= 0:
        end = start + len(number)
        if not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum():
            return True
        start = text.find(number, start + 1)
    return False
