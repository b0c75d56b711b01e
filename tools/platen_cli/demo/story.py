"""The demo's shop orders and what is to become of each. Pure: the same number gives the same orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from platen_contracts.status import OrderStatus

SHOP = "gifts"
VENDORS = ("north", "south")

Json = dict[str, Any]

REFUSED = "Refusa Bly"
LOST_REPLY = "Lossy Line"
TWO_PARCELS = "Parcel Twain"

_PEOPLE = (
    ("Zoë Müller", "Hauptstraße 12", "Berlin", "10115", "DE", ""),
    ("ليلى حداد", "Rue de Rivoli 8", "Paris", "75001", "FR", ""),
    ("สมชาย ใจดี", "99 Sukhumvit Road", "Bangkok", "10110", "TH", "Bangkok"),
    ("Åsa Lindqvist", "Storgatan 5", "Stockholm", "111 23", "SE", ""),
    ("Łukasz Wójcik", "Długa 3", "Kraków", "31-146", "PL", ""),
    ("محمد العربي", "Calle Mayor 1", "Madrid", "28013", "ES", "M"),
    ("มาลี ศรีสุข", "12 Nimman Road", "Chiang Mai", "50200", "TH", "Chiang Mai"),
    ("Ana Sofía Ruiz", "Gran Vía 20", "Madrid", "28013", "ES", "M"),
    ("Noah O’Connor", "1 Main Street", "Springfield", "62701", "US", "IL"),
    ("Đặng Thảo", "Via Roma 4", "Torino", "10121", "IT", "TO"),
)
_WISHES = ("", "Happy birthday!", "كل عام وأنتم بخير", "สุขสันต์วันเกิด", "To many more years")


@dataclass(frozen=True, slots=True)
class Plan:
    """One shop order, as WooCommerce's body, and the status each of its orders should end in, by vendor."""

    body: Json
    ends: dict[str, OrderStatus]


def plans(count: int) -> list[Plan]:
    """`count` shop orders. From the sixth on there is one of each special case, then they vary."""
    special: Sequence[Plan] = (
        _plan(0, [_line(11, 1)], name=REFUSED, ends={"north": OrderStatus.FAILED}),
        _plan(1, [_line(11, 1)], name=LOST_REPLY),
        _plan(2, [_line(13, 1)], ends={"atelier": OrderStatus.READY}),
        _plan(3, [_line(11, 2), _line(12, 1)]),
        _plan(4, [_line(12, 2)], name=TWO_PARCELS),
    )
    plain = [_plan(n, _lines(n)) for n in range(max(0, count - len(special)))]
    return [*plain[:5], *special, *plain[5:]][:count]


def faults() -> list[Json]:
    """What goes wrong at the vendors."""
    return [
        {
            "target": "vendor/north",
            "kind": "refuse",
            "match": {"method": "POST", "path": "/orders", "recipient": REFUSED},
            "times": "forever",
            "params": {"status": 400, "code": "OR-6", "message": "This variant is currently restricted in this region"},
        },
        {
            "target": "vendor/north",
            "kind": "drop_reply",
            "match": {"method": "POST", "path": "/orders", "recipient": LOST_REPLY},
            "times": 1,
        },
    ]


def _plan(n: int, lines: list[Json], *, name: str | None = None, ends: dict[str, OrderStatus] | None = None) -> Plan:
    full_name, street, city, postcode, country, state = _PEOPLE[n % len(_PEOPLE)]
    shown = name or full_name
    first, _, last = shown.partition(" ")
    address = {
        "first_name": first,
        "last_name": last,
        "address_1": street,
        "city": city,
        "postcode": postcode,
        "country": country,
        "state": state,
    }
    body: Json = {
        "status": "processing",
        "currency": "EUR",
        "billing": {**address, "email": f"buyer{n}@example.com", "phone": "+49 30 1234567"},
        "shipping": address,
        "line_items": [_personalised(line, shown, _WISHES[(n + place) % len(_WISHES)]) for place, line in enumerate(lines)],
    }
    vendors = {"11": "north", "12": "south", "13": "atelier"}
    by_vendor = {vendors[str(line["product_id"])]: OrderStatus.FULFILLED for line in lines}
    return Plan(body, by_vendor if ends is None else ends)


def _lines(n: int) -> list[Json]:
    products = ((11,), (12,), (11, 11), (11, 12), (12, 11, 11))[n % 5]
    return [_line(product, 1 + (n + place) % 2) for place, product in enumerate(products)]


def _line(product: int, quantity: int) -> Json:
    names = {11: "Poster with a name", 12: "Canvas with a name", 13: "Hand-pulled print with a name"}
    total = f"{19.90 * quantity:.2f}"
    return {"product_id": product, "name": names[product], "quantity": quantity, "total": total, "price": 19.90}


def _personalised(line: Json, name: str, wish: str) -> Json:
    answers = [{"key": "Name", "value": name.partition(" ")[0]}]
    if wish:
        answers.append({"key": "Wish", "value": wish})
    return {**line, "meta_data": answers}
