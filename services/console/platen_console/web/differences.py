"""Where the shop says otherwise than the order: what stands here, what the shop says, and the form that takes it over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from platen_contracts.catalog import Artwork
from platen_contracts.common import Address, FileRef
from platen_contracts.orders import OrderPrivate, OrderSnapshot, SnapshotItem
from pydantic import ValidationError

from platen_console.model import reference_of
from platen_console.web.builders import ADDRESS_FIELDS, ANSWER
from platen_console.web.words import answer_text, kilobytes, spaced

_PLACE = ("line1", "line2", "postcode", "city", "region_code", "country")
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Take:
    """The form that puts the shop's value in the place of ours."""

    action: str
    fields: Mapping[str, str]
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    here: str
    shop: str
    take: Take | None = None


def differences(order: OrderSnapshot, private: OrderPrivate | None, artworks: Mapping[str, Artwork]) -> list[Difference]:
    """In words, in the order of their paths. `artworks`: those of the items, which know what their options are called."""
    if private is None:
        return []
    return [it for path in sorted(private.shop) for it in _difference(path, private.shop[path].value, order, private, artworks)]


def _difference(
    path: str, shop: Any, order: OrderSnapshot, private: OrderPrivate, artworks: Mapping[str, Artwork]
) -> Iterator[Difference]:
    kind, _, rest = path.partition(".")
    item_id, _, name = rest.partition(".")
    if kind == "recipient":
        yield _of_recipient(rest, shop, order, private)
    elif kind == "buyer_note":
        yield Difference("The buyer’s note", private.buyer_note or _NOTHING, _said(shop))
    elif kind == "lines":
        yield from _of_line(rest, shop, order)
    elif kind == "items" and item_id in order.items:
        yield _of_item(item_id, name, shop, order, private, artworks)
    else:
        yield Difference(spaced(path), _NOTHING, _said(shop))


def _of_recipient(name: str, shop: Any, order: OrderSnapshot, private: OrderPrivate) -> Difference:
    held: dict[str, Any] = {} if private.recipient is None else private.recipient.model_dump(exclude_none=True)
    place = cast("dict[str, Any]", shop if isinstance(shop, dict) else {})
    said = {part: place.get(part) for part in _PLACE} if name == "address" else {name: shop}
    here = {part: held.get(part) for part in _PLACE} if name == "address" else held.get(name)
    merged = {part: value for part, value in {**held, **said}.items() if value is not None and part in ADDRESS_FIELDS}
    return Difference(f"Recipient’s {spaced(name)}", _said(here), _said(shop), _take_recipient(merged, order))


def _take_recipient(merged: Mapping[str, Any], order: OrderSnapshot) -> Take | None:
    try:
        Address.model_validate(merged)
    except ValidationError:
        return None
    return Take("edit_shipping", merged) if order.actions.get("edit_shipping") == "allowed" else None


def _of_line(rest: str, shop: Any, order: OrderSnapshot) -> Iterator[Difference]:
    """A line id is the shop's own, and may hold dots. A line that was split is told with all its parts."""
    whole = [item for item in order.items.values() if item.line_id == rest]
    if whole:
        here = "ignored" if all(item.state == "Ignored" for item in whole) else "in the order"
        yield Difference(f"{whole[0].title}: the line", here, "ordered" if shop else "taken out of the order")
        return
    line_id, _, name = rest.rpartition(".")
    items = [item for item in order.items.values() if item.line_id == line_id]
    title = items[0].title if items else f"line {line_id}"
    units = " + ".join(str(item.quantity) for item in items) or _NOTHING
    yield Difference(f"{title}: {spaced(name)}", units if name == "quantity" else _NOTHING, _said(shop))


def _of_item(
    item_id: str, name: str, shop: Any, order: OrderSnapshot, private: OrderPrivate, artworks: Mapping[str, Artwork]
) -> Difference:
    item = order.items[item_id]
    pinned = None if item.artwork is None else item.artwork.model_dump()
    if name == "artwork":
        return Difference(
            f"{item.title}: artwork", _said(pinned), _said(shop), _take(item, item_id, "set_artwork", _artwork(shop))
        )
    option = name.removeprefix("answers.")
    artwork = None if item.artwork is None else artworks.get(reference_of(item.artwork))
    asked = None if artwork is None else artwork.options.get(option)
    held = private.items[item_id].answers.get(option) if item_id in private.items else None
    typed = isinstance(held, list) if isinstance(shop, list) else isinstance(shop, str) and not isinstance(held, list)
    fields = {ANSWER + option: answer_text(shop)} if typed and asked is not None and asked.kind != "photo" else {}
    label = option if asked is None else asked.label
    return Difference(f"{item.title}: {label}", _said(held), _said(shop), _take(item, item_id, "personalise", fields))


def _artwork(shop: Any) -> Mapping[str, str]:
    return {"artwork": _said(shop)} if isinstance(shop, dict) else {}


def _take(item: SnapshotItem, item_id: str, action: str, fields: Mapping[str, str]) -> Take | None:
    return Take(action, fields, item_id) if fields and item.actions.get(action) == "allowed" else None


def _said(value: Any) -> str:
    """A value as it is read: an address and a list one a line, an artwork by name and version."""
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, list):
        return "\n".join(map(str, cast("list[Any]", value)))
    if isinstance(value, FileRef) or not isinstance(value, dict):
        return answer_text(value)
    parts = cast("dict[str, Any]", value)
    if "sha256" in parts:
        return f"a photo, {kilobytes(int(parts.get('size', 0)))}"
    if "artwork_id" in parts:
        return f"{parts['artwork_id']}/{parts.get('version')}"
    return _lines(parts) or _NOTHING


def _lines(parts: Mapping[str, Any]) -> str:
    city = " ".join(str(parts[name]) for name in ("postcode", "city", "region_code") if parts.get(name))
    rows: Sequence[Any] = (parts.get("line1"), parts.get("line2"), city, parts.get("country"))
    return "\n".join(str(row) for row in rows if row)
