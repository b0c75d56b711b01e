"""All the personal data that orders keeps, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from platen_contracts.common import ArtworkRef, OutputProfile
from platen_contracts.input_hash import input_hash

from platen_orders.model import Item, Json, Order, SideFile, replace


def without_personal(order: Order) -> Order:
    """The order as its erasure leaves it. Print files and input hashes go too: they are made of the buyer's answers."""
    return replace(
        order,
        recipient=None,
        buyer_note=None,
        vendor_words=None,
        shop_differs={},
        items={item_id: _bare(item) for item_id, item in order.items.items()},
        parcels={key: replace(parcel, tracking_number=None, tracking_url=None) for key, parcel in order.parcels.items()},
    )


def personal_of(order: Order) -> list[str]:
    """The names of what `without_personal` takes away from this order."""
    held = {"recipient": order.recipient, "buyer_note": order.buyer_note, "vendor_words": order.vendor_words}
    names = [name for name, value in held.items() if value is not None]
    for item_id, item in order.items.items():
        if item.answers:
            names.append(f"items.{item_id}.answers")
        if item.has_file:
            names.append(f"items.{item_id}.files")
    names += [f"shop_differs.{path}" for path in order.shop_differs]
    if any(parcel.tracking_number or parcel.tracking_url for parcel in order.parcels.values()):
        names.append("tracking")
    return names


def all_erased(orders: Sequence[Order]) -> bool:
    """Every order of a shop order is erased: one that is made late is so too."""
    return bool(orders) and all(order.erased for order in orders)


def shop_copy(seen: Json, orders: Sequence[Order]) -> Json:
    """What may be kept of a shop order (ShopOrderObserved as JSON) for those of its orders that are not erased.

    The address and the note stay as long as one of them needs them, the buyer's answers with the lines of each.
    """
    if not any(order.erased for order in orders):
        return seen
    gone = {item.line_id for order in orders if order.erased for item in order.items.values()}
    gone -= {item.line_id for order in orders if not order.erased for item in order.items.values()}
    whole = all_erased(orders)
    kept = {name: value for name, value in seen.items() if not (whole and name in ("recipient", "buyer_note"))}
    lines = cast("list[Json]", seen["lines"])
    return {**kept, "lines": [_unanswered(line) if whole or line["line_id"] in gone else line for line in lines]}


def _bare(item: Item) -> Item:
    if item.artwork is None:
        return replace(item, answers={}, sides={})
    reference, profile = ArtworkRef.model_validate(item.artwork), OutputProfile.model_validate(item.profile)
    sides = {name: SideFile(wanted=input_hash(reference, profile, name, {})) for name in item.sides}
    return replace(item, answers={}, sides=sides)


def _unanswered(line: Json) -> Json:
    link: Any = line.get("link")
    return line if link is None else {**line, "link": {**link, "answers": {}}}
