"""Messages that orders sends, and the vendor they go to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from platen_contracts.catalog import Vendor
from platen_contracts.common import Actor
from platen_contracts.dispatch import (
    DispatchForgetRequested,
    DispatchRequested,
    DispatchSettleRequested,
    DispatchWithdrawRequested,
)
from platen_contracts.ids import derived_id

ORDER = "0f" * 16
ITEM = "a1" * 16
VENDOR = "prints"
T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERSON = Actor(kind="operator", name="ada")


def requested(generation: int = 1, order_id: str = ORDER, *, city: str = "London", **changes: Any) -> DispatchRequested:
    link = changes.pop("link", "http://127.0.0.1:9/f/token")
    body: dict[str, Any] = {
        "order_id": order_id,
        "generation": generation,
        "vendor_id": VENDOR,
        "number": "#1001",
        "currency": "GBP",
        "recipient": {"full_name": "Ada", "line1": "12 St James's Square", "city": city, "postcode": "SW1Y 4JH", "country": "GB"},
        "items": [
            {
                "item_id": derived_id("item", order_id) if order_id != ORDER else ITEM,
                "title": "Mug",
                "quantity": 2,
                "product": {"variant_id": "4011", "placements": {"front": "default"}},
                "files": {"front": {"sha256": "1" * 64, "link": link}},
            }
        ],
    }
    return DispatchRequested.model_validate({**body, **changes})


def withdraw(generation: int = 1, order_id: str = ORDER) -> DispatchWithdrawRequested:
    return DispatchWithdrawRequested(order_id=order_id, generation=generation, actor=PERSON)


def forget(order_id: str = ORDER) -> DispatchForgetRequested:
    return DispatchForgetRequested(order_id=order_id)


def settle(accepted: bool, vendor_order_id: str | None = None, generation: int = 1) -> DispatchSettleRequested:
    return DispatchSettleRequested(
        order_id=ORDER,
        generation=generation,
        accepted=accepted,
        vendor_order_id=vendor_order_id,
        reason="looked at the vendor's site",
        actor=PERSON,
    )


def vendor(**changes: Any) -> Vendor:
    given = {"vendor_id": VENDOR, "title": "Prints Ltd", "kind": "printful", "absence_gap_s": 60, "patience_s": 3600}
    return Vendor.model_validate({**given, **changes})
