"""Builds and changes the order resource as WooCommerce answers it (pure: ids and the clock come in)."""

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from platen_sandbox.clock import woo_time
from platen_sandbox.model import Json, Shop

from .errors import invalid_param

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash")
AMOUNT = re.compile(r"-?\d+(\.\d+)?")
PLAIN_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
PAID = frozenset({"processing", "completed", "refunded"})
ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")
SOMEBODY = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "address_1": "12 St James's Square",
    "city": "London",
    "postcode": "SW1Y 4JH",
    "country": "GB",
}
ALWAYS: Json = {
    "version": "10.3.4",
    "prices_include_tax": False,
    **dict.fromkeys(("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total_tax"), "0.00"),
    "customer_ip_address": "203.0.113.7",
    "customer_user_agent": "Mozilla/5.0",
    "created_via": "checkout",
    "cart_hash": "",
    "payment_url": "",
    "currency_symbol": "$",
    **{name: [] for name in ("tax_lines", "shipping_lines", "fee_lines", "coupon_lines", "refunds")},
    **dict.fromkeys(("date_paid", "date_paid_gmt", "date_completed", "date_completed_gmt")),
}
"""What no order of the sandbox differs in; the dates are set when they come."""
WRITABLE = frozenset(
    {"customer_note", "billing", "shipping", "meta_data", "payment_method", "payment_method_title", "transaction_id"}
)


def new_order(shop: Shop, order_id: int, given: Json, next_id: Callable[[str], int], moment: datetime) -> Json:
    """The whole resource from a partial one of the same shape; whatever is not given is filled in as a paid guest checkout."""
    check_shape(given)
    status = checked_status(given.get("status", "processing"))
    shipping = address(given.get("shipping") or SOMEBODY, ())
    billing = address(
        given.get("billing") or {**shipping, "email": "buyer@example.com", "phone": "+442079460000"}, ("email", "phone")
    )
    lines = [line_item(line, next_id) for line in given.get("line_items", [])]
    total = sum((Decimal(line["total"]) for line in lines), Decimal(0))
    body: Json = {
        "id": order_id,
        "parent_id": 0,
        "number": str(given.get("number", order_id)),
        "status": status,
        "currency": given.get("currency", shop.currency),
        "total": f"{total:.2f}",
        "customer_id": given.get("customer_id", 0),
        "order_key": "wc_order_" + hashlib.sha256(f"{shop.id}/{order_id}".encode()).hexdigest()[:13],
        "billing": billing,
        "shipping": shipping,
        "payment_method": given.get("payment_method", "bacs"),
        "payment_method_title": given.get("payment_method_title", "Direct bank transfer"),
        "transaction_id": given.get("transaction_id", ""),
        "customer_note": given.get("customer_note", ""),
        "meta_data": meta_data(given.get("meta_data", []), next_id),
        "line_items": lines,
        "is_editable": status in ("pending", "on-hold"),
        "needs_payment": status in ("pending", "failed"),
        "needs_processing": status == "processing",
        **_times("date_created", given, moment, shop),
        **_times("date_modified", given, moment, shop),
        **copy.deepcopy(ALWAYS),
    }
    _stamp_status(body, shop, moment)
    return body


def changed_order(shop: Shop, body: Json, given: Json, next_id: Callable[[str], int], moment: datetime) -> Json:
    """What PUT makes of an order: given fields replaced, addresses merged, the modified time set."""
    check_shape(given)
    changed = {**body}
    for name, value in given.items():
        if name == "status":
            changed["status"] = checked_status(value)
        elif name in ("billing", "shipping"):
            changed[name] = {**body[name], **value}
        elif name == "meta_data":
            changed[name] = _merged_meta(body[name], value, next_id)
        elif name == "line_items":
            changed[name] = list(_merged_lines(body[name], value, next_id))
            changed["total"] = f"{sum((Decimal(line['total']) for line in changed[name]), Decimal(0)):.2f}"
        elif name in WRITABLE:
            changed[name] = value
    _stamp_status(changed, shop, moment)
    return touched(shop, changed, moment, given)


def touched(shop: Shop, body: Json, moment: datetime, given: Json | None = None) -> Json:
    return {**body, **_times("date_modified", given or {}, moment, shop)}


def check_shape(given: Json) -> None:
    """What the REST schema would refuse before anything is done."""
    for name in ("billing", "shipping"):
        if not isinstance(given.get(name, {}), dict):
            raise invalid_param(name, f"{name} is not of type object.")
    for name in ("meta_data", "line_items"):
        entries = given.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise invalid_param(name, f"{name}[0] is not of type object.")
    if not all("key" in entry for entry in _all_meta(given)):
        raise invalid_param("meta_data", "meta_data[0][key] is a required property.")
    for line in given.get("line_items", []):
        if not isinstance(line.get("quantity", 1), int):
            raise invalid_param("line_items", "line_items[0][quantity] is not of type integer.")
        for name in ("price", "total"):
            if not AMOUNT.fullmatch(str(line.get(name, 0))):
                raise invalid_param("line_items", f"line_items[0][{name}] is not an amount.")
    for name in ("date_created_gmt", "date_modified_gmt"):
        if name in given and not PLAIN_TIME.fullmatch(str(given[name])):
            raise invalid_param(name, "Invalid date.")


def _all_meta(given: Json) -> list[Json]:
    return [entry for owner in (given, *given.get("line_items", [])) for entry in owner.get("meta_data", [])]


def checked_status(status: Any) -> str:
    if status not in STATUSES:
        raise invalid_param("status", f"status is not one of {', '.join(STATUSES)}.")
    return status


def address(given: Json, more: tuple[str, ...]) -> Json:
    return {name: str(given.get(name) or "") for name in (*ADDRESS, *more)} | {"phone": str(given.get("phone") or "")}


def line_item(given: Json, next_id: Callable[[str], int]) -> Json:
    quantity = int(given.get("quantity", 1))
    price = Decimal(str(given.get("price", "25.00")))
    total = str(given.get("total", f"{price * quantity:.2f}"))
    return {
        "id": given.get("id") or next_id("line_item"),
        "name": given.get("name", "Personalised poster"),
        "product_id": int(given.get("product_id", 11)),
        "variation_id": int(given.get("variation_id", 0)),
        "quantity": quantity,
        "tax_class": "",
        "subtotal": total,
        "subtotal_tax": "0.00",
        "total": total,
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": meta_data(given.get("meta_data", []), next_id),
        "sku": given.get("sku", ""),
        "global_unique_id": "",
        "price": float(price),
        "image": given.get("image", {"id": "", "src": ""}),
        "parent_name": given.get("parent_name"),
    }


def meta_data(given: list[Json], next_id: Callable[[str], int]) -> list[Json]:
    """Each entry gets an id; the display forms are what plugins and the admin page show."""
    return [
        {
            "id": entry.get("id") or next_id("meta"),
            "key": entry["key"],
            "value": entry.get("value", ""),
            "display_key": entry.get("display_key", entry["key"]),
            "display_value": entry.get("display_value", _displayed(entry.get("value", ""))),
        }
        for entry in given
    ]


def _displayed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _merged_meta(present: list[Json], given: list[Json], next_id: Callable[[str], int]) -> list[Json]:
    """As the real one: an entry with a known id or key is replaced, another one is added."""
    merged = list(present)
    for entry in meta_data(given, next_id):
        at = next((i for i, old in enumerate(merged) if entry["id"] == old["id"] or entry["key"] == old["key"]), None)
        if at is None:
            merged.append(entry)
        else:
            merged[at] = {**entry, "id": merged[at]["id"]}
    return merged


def _merged_lines(present: list[Json], given: list[Json], next_id: Callable[[str], int]) -> Iterator[Json]:
    """A line with a known id is changed (quantity 0 removes it), one without is added, the others stay."""
    changes = {line["id"]: line for line in given if "id" in line}
    for line in present:
        change = changes.get(line["id"], {})
        if change.get("quantity") == 0:
            continue
        keep = {name: value for name, value in line.items() if name not in ("total", "subtotal") or "quantity" not in change}
        yield line_item({**keep, **change}, next_id) if change else line
    for line in given:
        if "id" not in line:
            yield line_item(line, next_id)


def _times(name: str, given: Json, moment: datetime, shop: Shop) -> Json:
    gmt = given.get(f"{name}_gmt")
    if gmt is not None:
        from_given = datetime.fromisoformat(f"{gmt}+00:00")
        return {name: woo_time(from_given, shop.utc_offset_minutes), f"{name}_gmt": gmt}
    return {name: woo_time(moment, shop.utc_offset_minutes), f"{name}_gmt": woo_time(moment)}


def _stamp_status(body: Json, shop: Shop, moment: datetime) -> None:
    if body["status"] in PAID and body["date_paid_gmt"] is None:
        body.update(_times("date_paid", {}, moment, shop))
    if body["status"] == "completed" and body["date_completed_gmt"] is None:
        body.update(_times("date_completed", {}, moment, shop))
