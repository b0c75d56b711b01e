"""The history of an order told as one would tell it: each version from its patch, and from what those before it said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platen_contracts.orders import OrderChanged, OrderSnapshot
from platen_contracts.status import OrderStatus

from platen_console.web.words import said_of, spaced

_UNSAID = ("version", "edited_version", "status", "status_since", "actions", "order_id", "created_at", "placed_at", "children")
"""Parts of a patch that are said elsewhere, or say nothing to a person."""


@dataclass(frozen=True, slots=True)
class Line:
    """An item as the versions before had it: a patch names neither what it changes nor what it takes away."""

    title: str = "an item"
    quantity: int | None = None

    def __str__(self) -> str:
        return self.title if self.quantity is None else f"{self.quantity} × {self.title}"


def story(history: Sequence[OrderChanged], order: OrderSnapshot, numbers: Mapping[str, str]) -> dict[int, list[str]]:
    """What each version changed, a phrase each. `history`: newest first. `numbers`: of the orders of its family, by id."""
    lines = {item_id: Line(item.title) for item_id, item in order.items.items()}
    told: dict[int, list[str]] = {}
    for event in reversed(history):
        told[event.version] = changes(event, lines, numbers)
        for item_id, patch in said_of(event.patch.get("items")).items():
            said, line = said_of(patch), lines.get(item_id, Line())
            lines[item_id] = Line(said.get("title", line.title), said.get("quantity", line.quantity))
    return told


def changes(event: OrderChanged, lines: Mapping[str, Line], numbers: Mapping[str, str]) -> list[str]:
    """What one version changed. `lines`: the items before it."""
    if event.version == 1:
        count, parent = len(said_of(event.patch.get("items"))), event.patch.get("parent")
        came = "taken in" if parent is None else f"split off from {numbers.get(parent, 'another order')}"
        return [f"{came} with {count} {'item' if count == 1 else 'items'}"]
    phrases = ["cancelled in the shop"] if _cancelled(event) else []
    for name, value in event.patch.items():
        if name == "items":
            phrases += _items(event, lines, numbers)
        elif name not in _UNSAID:
            phrases += _phrases(name, value)
    return phrases + [f"{_personal(name, lines)} changed" for name in event.personal_changed if not _went_along(name, event)]


def _cancelled(event: OrderChanged) -> bool:
    """The shop archives an order for one reason alone, whatever message let it happen at last."""
    archived = event.to_status == OrderStatus.ARCHIVED != event.from_status
    return archived and event.actor.kind == "shop"


def _went_along(name: str, event: OrderChanged) -> bool:
    """Answers that came or went with their item did not change."""
    first, _, rest = name.partition(".")
    items, item_id = said_of(event.patch.get("items")), rest.partition(".")[0]
    return first == "items" and item_id in items and (items[item_id] is None or _is_new(items[item_id]))


def _is_new(patch: Any) -> bool:
    """Of an item that was there before, a patch never names the line."""
    return "line_id" in said_of(patch)


def _phrases(name: str, value: Any) -> Iterator[str]:
    match name:
        case "activity":
            yield from _activity(value)
        case "attention":
            for code, patch in said_of(value).items():
                yield f"no longer: {spaced(code)}" if patch is None else f"attention: {spaced(code)}"
        case "failure":
            if value is not None:
                yield f"failed: {spaced(str(said_of(value).get('code', 'again')))}"
        case "vendor_order":
            yield from _vendor_order(value)
        case "parcels":
            for parcel, patch in said_of(value).items():
                yield f"parcel {parcel} {'removed' if patch is None else _parcel(patch)}"
        case "generation":
            yield f"sending no. {value}"
        case "hand_over":
            yield "handed over"
        case "erased":
            yield "personal data erased"
        case _:
            yield f"{spaced(name)}: {value}" if isinstance(value, str | int) else f"{spaced(name)} changed"


def _items(event: OrderChanged, lines: Mapping[str, Line], numbers: Mapping[str, str]) -> Iterator[str]:
    """Items that came new into an order are parts of the one whose quantity went down with it."""
    patches = said_of(event.patch["items"])
    parts = [said_of(patch) for patch in patches.values() if _is_new(patch)]
    if parts:
        kept = [said_of(patch) for patch in patches.values() if not _is_new(patch) and "quantity" in said_of(patch)]
        sizes = [int(it.get("quantity", 1)) for it in (*kept, *parts)]
        what = f"split into {' + '.join(map(str, sizes))}" if kept else "added"
        yield f"{Line(str(parts[0].get('title')), sum(sizes))} {what}"
    children = list(said_of(event.patch.get("children")))
    for item_id, patch in patches.items():
        line = lines.get(item_id, Line())
        if patch is None:
            yield f"{line} moved to {numbers.get(children[0], 'another order') if children else 'another order'}"
        elif not _is_new(patch):
            yield from _item(line.title, said_of(patch), with_quantity=not parts)


def _item(title: str, patch: Mapping[str, Any], with_quantity: bool) -> Iterator[str]:
    if isinstance(patch.get("state"), str):
        yield f"{title}: {patch['state']}"
    for side, change in said_of(patch.get("sides")).items():
        state = said_of(change).get("state")
        if isinstance(state, str):
            yield f"{title}, {side}: file {state}"
    quantity = patch.get("quantity")
    if quantity is not None and with_quantity:
        yield f"{title}: {quantity} {'unit' if quantity == 1 else 'units'}"
    for name in ("shipped", "cancelled"):
        if patch.get(name) is not None:
            yield f"{title}: {patch[name]} {name}"
    if "artwork" in patch:
        yield f"{title}: artwork changed"


def _activity(value: Any) -> Iterator[str]:
    held = said_of(value)
    kind = held.get("kind")
    if kind == "none":
        yield "nothing under way any more"
    elif isinstance(kind, str):
        yield kind
    if held.get("attempt") is not None:
        yield f"attempt {held['attempt']}"
    if isinstance(held.get("reason"), str):
        yield held["reason"]


def _vendor_order(value: Any) -> Iterator[str]:
    held = said_of(value)
    if held.get("vendor_order_id") is not None:
        yield f"vendor's order {held['vendor_order_id']}"
    if held.get("status") is not None:
        yield f"the vendor says {spaced(str(held['status']))}"


def _parcel(patch: Any) -> str:
    held = said_of(patch)
    if held.get("posted") is True and len(held) == 1:
        return "told to the shop"
    return f"with {held['carrier']}" if held.get("carrier") else "updated"


def _personal(name: str, lines: Mapping[str, Line]) -> str:
    """`items.<id>.answers` → answers of its item; `recipient.postcode` → recipient's postcode."""
    first, _, rest = name.partition(".")
    if first == "items":
        item_id, _, part = rest.partition(".")
        return f"{spaced(part) or 'answers'} of {lines.get(item_id, Line()).title}"
    return f"{spaced(first)}’s {spaced(rest)}" if rest else spaced(first)
