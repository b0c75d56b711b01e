"""A WooCommerce v3 order in neutral words. Source: reference/apis.md 2.3."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from platen_contracts.common import Address, Money
from pydantic import ValidationError

from platen_sync.model import Answered, SeenLine, SeenOrder, Standing

Json = dict[str, Any]

MOST_TEXT = 2000

_STANDINGS = {
    "processing": Standing.PAID,
    "completed": Standing.PAID,
    "pending": Standing.UNPAID,
    "on-hold": Standing.UNPAID,
    "checkout-draft": Standing.UNPAID,
    "auto-draft": Standing.UNPAID,
    "cancelled": Standing.CANCELLED,
    "refunded": Standing.CANCELLED,
    "failed": Standing.CANCELLED,
    "trash": Standing.CANCELLED,
}


class Unreadable(ValueError):
    """The shop's answer does not hold an order as WooCommerce v3 describes it; the text names the field."""


def key_of(raw: object) -> tuple[str, datetime]:
    """The order's id and modified time, which paging needs even where the rest is unreadable."""
    order = _mapping(raw, "the order")
    return str(_number(order, "id")), moment(order.get("date_modified_gmt") or order.get("date_created_gmt"), "date_modified_gmt")


def read_order(raw: object) -> SeenOrder:
    """Reads the REST resource. Raises `Unreadable`."""
    order = _mapping(raw, "the order")
    shop_order_id, modified_at = key_of(order)
    word = str(order.get("status") or "")
    currency = str(order.get("currency") or "")
    try:
        return SeenOrder(
            shop_order_id=shop_order_id,
            number=_text(order.get("number")) or shop_order_id,
            standing=_STANDINGS.get(word, Standing.OTHER),
            word=word,
            modified_at=modified_at,
            placed_at=moment(order.get("date_created_gmt"), "date_created_gmt"),
            currency=currency,
            recipient=_recipient(order),
            buyer_note=_text(order.get("customer_note")),
            lines=[line for item in _list(order, "line_items") if (line := _line(item, currency))],
        )
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        raise Unreadable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def moment(text: object, field: str) -> datetime:
    """WooCommerce's GMT times bear no zone: `2026-11-23T10:00:00`."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        raise Unreadable(f"{field}: a time without a zone is expected") from None


def _recipient(order: Json) -> Address | None:
    """Where the parcel goes: the shipping address, or billing's where none was given. None without a street or a country."""
    billing, shipping = _part(order, "billing"), _part(order, "shipping")
    place = shipping if _text(shipping.get("address_1")) else billing
    line1, country = _text(place.get("address_1")), (_text(place.get("country")) or "").upper()
    if line1 is None or not (len(country) == 2 and country.isascii() and country.isalpha()):
        return None
    names = (_text(place.get("first_name")), _text(place.get("last_name")))
    company = _text(place.get("company"))
    return Address(
        full_name=" ".join(name for name in names if name) or company or "",
        company=company,
        line1=line1,
        line2=_text(place.get("address_2")),
        city=_text(place.get("city")) or "",
        region_code=_text(place.get("state")),
        postcode=_text(place.get("postcode")),
        country=country,
        phone=_text(shipping.get("phone")) or _text(billing.get("phone")),
        email=_text(billing.get("email")),
    )


def _line(raw: object, currency: str) -> SeenLine | None:
    """None for a line of which nothing is left to make."""
    item = _mapping(raw, "line_items")
    quantity = int(_number(item, "quantity"))
    if quantity < 1:
        return None
    product, variation = int(_number(item, "product_id")), int(_number(item, "variation_id", 0))
    name, parent = _text(item.get("name")) or f"product {product}", _text(item.get("parent_name"))
    meta = [_mapping(entry, "line_items.meta_data") for entry in _list(item, "meta_data")]
    return SeenLine(
        line_id=str(_number(item, "id")),
        listing_ids=[f"{product}:{variation}", str(product)] if variation else [str(product)],
        title=parent or name,
        variant=_variant(name, parent, meta) if variation else None,
        sku=_text(item.get("sku")),
        quantity=quantity,
        price=_price(item, quantity, currency),
        fields=_fields(meta),
    )


def _variant(name: str, parent: str | None, meta: Iterable[Json]) -> str | None:
    """`Poster - A2, black` of the product `Poster` is `A2, black`; else the attributes themselves."""
    if parent and name.startswith(f"{parent} - "):
        return name.removeprefix(f"{parent} - ")
    attributes = [entry for entry in meta if str(entry.get("key") or "").startswith(("pa_", "attribute_"))]
    values = (_text(entry.get("display_value")) or _text(entry.get("value")) for entry in attributes)
    return ", ".join(value for value in values if value) or None


def _price(item: Json, quantity: int, currency: str) -> Money | None:
    """Of one unit, after discounts, to the shop's own number of decimals."""
    try:
        total = Decimal(str(item.get("total")))
        if not total.is_finite():
            return None
        return Money(amount=(total / quantity).quantize(total), currency=currency)
    except (InvalidOperation, ValidationError):
        return None


def _fields(meta: Iterable[Json]) -> list[Answered]:
    """The buyer's answers as each plugin keeps them. One field that stands twice has both values; empty ones are left out."""
    found: dict[str, Answered] = {}
    for entry in meta:
        key, values = _text(entry.get("key")), _values(entry.get("value"))
        if key is None or not values:
            continue
        label = _text(entry.get("display_key")) or key
        held = found.get(key)
        found[key] = Answered(key=key, label=label, values=[*held.values, *values] if held else values)
    return list(found.values())


def _values(value: object) -> list[str]:
    """Plugins keep a text, a number, a list of them, or an object with the text under `value`."""
    if isinstance(value, list):
        return [text for one in cast("list[object]", value) for text in _values(one)]
    if isinstance(value, dict):
        inner = cast("Json", value)
        return _values(inner["value"]) if "value" in inner else [json.dumps(inner, ensure_ascii=False)[:MOST_TEXT]]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    text = _text(value)
    return [text] if text else []


def _text(value: object) -> str | None:
    """Stripped and cut to what a message may carry; None when nothing is left. The letters stay as the buyer typed them."""
    if value is None or isinstance(value, list | dict):
        return None
    text = str(value).replace("\x00", "").encode("utf-8", "replace").decode()
    return text.strip()[:MOST_TEXT] or None


def _mapping(value: object, field: str) -> Json:
    if not isinstance(value, dict):
        raise Unreadable(f"{field}: an object is expected")
    return cast("Json", value)


def _part(order: Json, field: str) -> Json:
    value = order.get(field)
    return cast("Json", value) if isinstance(value, dict) else {}


def _list(of: Json, field: str) -> list[object]:
    value = of.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{field}: a list is expected")
    return cast("list[object]", value)


def _number(of: Json, field: str, default: int | None = None) -> int:
    """WooCommerce's schema gives some ids as text."""
    value = of.get(field)
    if value in (None, "") and default is not None:
        return default
    try:
        return int(float(value)) if isinstance(value, float) else int(cast("str", value))
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"{field}: a whole number is expected") from None
