"""One order, and how Printful would show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from platen_contracts.common import Address, Money
from platen_vendors.model import VendorFile, VendorItem, VendorOrder, external_id

MUG, POSTER = "a1" * 16, "b2" * 16
LINK = "http://127.0.0.1:8103/f/token"
ORDER = VendorOrder(
    external_id=external_id("0f" * 16, 1),
    display_ref="#1001",
    recipient=Address(
        full_name="Zoë Ångström",
        company="Prints & Co",
        line1="19749 Dearborn St",
        line2="Unit 4",
        city="Chatsworth",
        region_code="CA",
        postcode="91311",
        country="US",
        phone="+1 231 232 2334",
        email="zoe@example.com",
    ),
    items=(
        VendorItem(
            MUG,
            "Mug",
            2,
            "4011",
            (VendorFile("front", f"{LINK}1", "1" * 64),),
            Money.model_validate({"amount": "13.50", "currency": "USD"}),
        ),
        VendorItem(
            POSTER, "Poster", 1, "1", (VendorFile("front", f"{LINK}2", "2" * 64), VendorFile("back", f"{LINK}3", "3" * 64))
        ),
    ),
    currency="USD",
)


def with_recipient(order: VendorOrder = ORDER, **changes: Any) -> VendorOrder:
    return replace(order, recipient=order.recipient.model_copy(update=changes))


def as_printful(order: VendorOrder = ORDER, status: str = "draft", **more: Any) -> dict[str, Any]:
    """The order as Printful gives it back; its line ids are 500, 501, …"""
    to = order.recipient
    return {
        "id": 13,
        "external_id": order.external_id,
        "status": status,
        "recipient": {
            "name": to.full_name,
            "company": to.company,
            "address1": to.line1,
            "address2": to.line2,
            "city": to.city,
            "state_code": to.region_code,
            "state_name": "California",
            "country_code": to.country,
            "country_name": "United States",
            "zip": to.postcode,
            "phone": to.phone,
            "email": to.email,
        },
        "items": [
            {
                "id": 500 + at,
                "external_id": item.item_id,
                "variant_id": int(item.variant_id),
                "quantity": item.quantity,
                "files": [{"type": file.placement, "url": file.url, "status": "waiting"} for file in item.files],
            }
            for at, item in enumerate(order.items)
        ],
        "shipments": [],
        **more,
    }
