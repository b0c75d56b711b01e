"""What tracking tells itself: hints of webhooks and readings at the vendor. They never leave the service."""

from __future__ import annotations

from datetime import datetime

from platen_contracts.message import Message
from platen_vendors.model import Snapshot


class VendorOrderFact(Message):
    vendor_id: str
    vendor_order_id: str


class Hinted(VendorOrderFact, owner="tracking"):
    """A webhook said: read this order. Nothing else in it is believed."""


class OrderRead(VendorOrderFact, owner="tracking"):
    """The vendor showed it. `read_at`: when the question left, so everything before that moment is in the answer."""

    read_at: datetime
    snapshot: Snapshot


class OrderNotRead(VendorOrderFact, owner="tracking"):
    """The vendor did not show it; `absent`: it said that there is no such order.

    `again_at` where the account is to blame, not the order: then nothing is counted against the order.
    """

    read_at: datetime
    absent: bool = False
    again_at: datetime | None = None
