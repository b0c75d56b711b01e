"""Our order in Printful v1's words, and what keeps it from being sent at all."""

from __future__ import annotations

import re
from typing import Any

from platen_contracts.common import Address

from platen_vendors.model import Rejected, VendorItem, VendorOrder

MAX_QUANTITY = 1000
RECIPIENT = {
    "full_name": "name",
    "company": "company",
    "line1": "address1",
    "line2": "address2",
    "city": "city",
    "region_code": "state_code",
    "country": "country_code",
    "postcode": "zip",
    "phone": "phone",
    "email": "email",
    "tax_id": "tax_number",
}
"""Our field of an address to Printful's."""

_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


def unsendable(order: VendorOrder) -> Rejected | None:
    """Why this would be refused, or print blank products, before anything is sent."""
    if not _EXTERNAL_ID.fullmatch(order.external_id):
        return _refuse(
            "external_id",
            f"{order.external_id!r} is not 1 to 32 letters, digits, - or _",
            "Report this; it is a fault in Platen.",
        )
    if not order.items:
        return _refuse("items", "there are none", "Restore an item, then send again.")
    return next((refusal for item in order.items if (refusal := _item_unsendable(item))), None)


def _item_unsendable(item: VendorItem) -> Rejected | None:
    path = f"items.{item.item_id}"
    if not 1 <= item.quantity <= MAX_QUANTITY:
        return _refuse(
            f"{path}.quantity", f"{item.quantity} is not between 1 and {MAX_QUANTITY}", "Split the line, then send again."
        )
    if not (item.variant_id.isascii() and item.variant_id.isdigit()):
        remedy = "Put the number of a variant of Printful's catalogue into the listing."
        return _refuse(f"{path}.product", f"variant id {item.variant_id!r} is not a number", remedy)
    if not item.files:
        return _refuse(f"{path}.files", "there is no print file; the product would be blank", "Render the item, then send again.")
    if any(not file.url.startswith(("http://", "https://")) for file in item.files):
        return _refuse(
            f"{path}.files",
            "the print file's link is not http(s)",
            "Set PLATEN_FILES_URL of render to an address Printful reaches.",
        )
    return None


def _refuse(field: str, why: str, remedy: str) -> Rejected:
    return Rejected("vendor.unsendable", f"{field}: {why}", field, remedy)


def order_body(order: VendorOrder, *, whole: bool = False) -> dict[str, Any]:
    """The JSON of create. `whole` for an update, which leaves fields that are not named as they were: it names them all."""
    body: dict[str, Any] = {
        "external_id": order.external_id,
        "shipping": "STANDARD",
        "recipient": _recipient(order.recipient, whole=whole),
        "items": [_item(item) for item in order.items],
    }
    if any(item.price for item in order.items):
        body["retail_costs"] = {"currency": order.currency}
    return body


def _recipient(address: Address, *, whole: bool) -> dict[str, str]:
    given = {theirs: getattr(address, ours) or "" for ours, theirs in RECIPIENT.items()}
    return given if whole else {name: value for name, value in given.items() if value}


def _item(item: VendorItem) -> dict[str, Any]:
    body: dict[str, Any] = {
        "external_id": item.item_id,
        "variant_id": int(item.variant_id),
        "quantity": item.quantity,
        "name": item.title,
        "files": [{"type": file.placement, "url": file.url} for file in item.files],
    }
    if item.price:
        body["retail_price"] = str(item.price.amount)
    return body
