"""Shop changes and operator edits, merged in three ways: what the shop said before, what it says now, what stands here.

Only fields that changed in the shop are applied. Where the operator edited the field too, or it is too late, the operator's
value stays and the shop's is kept beside it (`Order.shop_differs`). While something is under way with the vendor every change
is only kept; what can be applied is so when that ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from platen_contracts.catalog import Artwork

from platen_orders.decide import files
from platen_orders.model import PREPARING, Differs, Entry, Item, Json, Order, artwork_key, replace
from platen_orders.transitions import underneath

_PLACE = ("line1", "line2", "city", "region_code", "postcode", "country")
"""One field: half of one address and half of another is nobody's."""
_PERSON = ("full_name", "company", "phone", "email", "tax_id")

Put = Callable[[Order, Any], Order]


class _Field(NamedTuple):
    """A field as it stands here, and how the shop's value is put there; None where only a person can."""

    ours: Any
    put: Put | None


def observed(order: Order, last: Json, now: Json, states: Mapping[str, Entry]) -> Order:
    """The order after a look at the shop. `last` and `now`: the copies to keep of the look before and of this one (`carried`)."""
    if order.erased:
        return order
    order = _shown(order, now)
    before, after = _values(order, last), _values(order, now)
    differs = dict(order.shop_differs)
    for path in dict.fromkeys((*before, *after)):
        base, shop = before.get(path), after.get(path)
        held = differs.get(path)
        if held is not None:
            base = held.base
        if base != shop:
            differs[path] = Differs(base=base, shop=shop)
        else:
            differs.pop(path, None)
    return settled(replace(order, shop_differs=differs), states)


def settled(order: Order, states: Mapping[str, Entry]) -> Order:
    """The order with every change of the shop applied that can be, and no longer kept where both say the same."""
    if not order.shop_differs or order.in_flight:
        return order
    open_to_change = underneath(order) in PREPARING
    changed, left = order, dict[str, Differs]()
    for path, differs in order.shop_differs.items():
        field = _field(changed, path)
        if field is None or field.ours == differs.shop:
            continue
        if open_to_change and field.put is not None and field.ours == differs.base:
            changed = field.put(changed, differs.shop)
        else:
            left[path] = differs
    changed = replace(changed, shop_differs=left)
    return changed if changed.items is order.items else _with_wanted(order, changed, states)


def acknowledged(before: Order, after: Order) -> Order:
    """Once a person edited a field, the shop's other value has been seen."""
    left = {path: it for path, it in after.shop_differs.items() if _stand(before, path) == _stand(after, path)}
    return after if len(left) == len(after.shop_differs) else replace(after, shop_differs=left)


def personal_of(before: Order, after: Order) -> Sequence[str]:
    """Names of personal fields that a merge changed."""
    names = [name for name in ("recipient", "buyer_note") if getattr(before, name) != getattr(after, name)]
    if before.items is not after.items:
        names += [f"items.{key}.answers" for key, it in after.items.items() if it.answers != before.items[key].answers]
    return names if before.shop_differs == after.shop_differs else [*names, "shop"]


def carried(last: Json | None, now: Json) -> Json:
    """The copy to keep of a look at the shop, ShopOrderObserved as JSON.

    What it does not tell any more is remembered, to compare the next one with: an address, a link, and lines (as `gone`).
    """
    if last is None:
        return now
    known: dict[str, Json] = {line["line_id"]: line for line in last["lines"]}
    told: dict[str, Json] = {line["line_id"]: line for line in now["lines"]}
    lines = [
        line if "link" in line or "link" not in known.get(line_id, ()) else {**line, "link": known[line_id]["link"]}
        for line_id, line in told.items()
    ]
    lines += [{**line, "gone": True} for line_id, line in known.items() if line_id not in told]
    return {"recipient": last["recipient"], **now, "lines": lines} if "recipient" in last else {**now, "lines": lines}


def own(order: Order) -> Order:
    """Without what the shop changed of items that the order does not have: they went to another."""
    if not order.shop_differs:
        return order
    left = {path: it for path, it in order.shop_differs.items() if _field(order, path) is not None}
    return replace(order, shop_differs=left)


def edited(before: Order, after: Order) -> bool:
    """Whether a merge changed items, answers, artwork or shipping."""
    if before.recipient != after.recipient:
        return True
    return any(_made_of(it) != _made_of(before.items[key]) for key, it in after.items.items() if it is not before.items[key])


def _shown(order: Order, now: Json) -> Order:
    """Titles and prices are the shop's alone."""
    lines = {line["line_id"]: line for line in now["lines"]}
    items = dict(order.items)
    for item_id, item in order.items.items():
        line = lines.get(item.line_id)
        if line is not None and (line["title"], line.get("price")) != (item.title, item.price):
            items[item_id] = replace(item, title=line["title"], price=line.get("price"))
    return order if items == order.items else replace(order, items=items)


def _values(order: Order, seen: Json) -> dict[str, Any]:
    """What the shop says of each field of this order. A field that it does not have is missing."""
    values: dict[str, Any] = {}
    if (recipient := seen.get("recipient")) is not None:
        values["recipient.address"] = _place(recipient)
        values |= {f"recipient.{name}": recipient[name] for name in _PERSON if recipient.get(name) is not None}
    if seen.get("buyer_note") is not None:
        values["buyer_note"] = seen["buyer_note"]
    lines = {line["line_id"]: line for line in seen["lines"]}
    for item_id, item in order.items.items():
        line = lines.get(item.line_id)
        if line is None:
            continue
        values |= {} if line.get("gone") else {f"lines.{item.line_id}": True}
        values[f"lines.{item.line_id}.quantity"] = line["quantity"]
        link: Json | None = line.get("link")
        if link is not None:
            values[f"lines.{item.line_id}.listing"] = link["listing_id"]
            if item.artwork is None and link.get("artwork") is not None:
                values[f"items.{item_id}.artwork"] = link["artwork"]
            answers = cast("Json", link.get("answers", {}))
            values |= {f"items.{item_id}.answers.{option}": answer for option, answer in answers.items()}
    return values


def _field(order: Order, path: str) -> _Field | None:
    """None: the order has no such item or line any more."""
    kind, _, rest = path.partition(".")
    if kind == "recipient":
        return _of_recipient(order, rest)
    if kind == "buyer_note":
        return _Field(order.buyer_note, _put_note)
    key, _, name = rest.partition(".")
    return _of_line(order, *_line_and_name(order, rest)) if kind == "lines" else _of_item(order, key, name)


def _of_recipient(order: Order, name: str) -> _Field:
    recipient = order.recipient or {}
    if name == "address":
        return _Field(_place(recipient), _put_place)
    return _Field(recipient.get(name), partial(_put_person, name))


def _of_line(order: Order, line_id: str, name: str) -> _Field | None:
    items = {item_id: item for item_id, item in order.items.items() if item.line_id == line_id}
    if not items:
        return None
    if _is_split(order, line_id):
        return _Field(_SPLIT, None)
    ((item_id, item),) = items.items()
    match name:
        case "quantity":
            return _Field(item.quantity, partial(_put_item, item_id, "quantity"))
        case "listing":
            return _Field(item.listing_id, None)
        case _:
            return _Field(None if item.ignored else True, partial(_put_line, item_id))


def _of_item(order: Order, item_id: str, name: str) -> _Field | None:
    item = order.items.get(item_id)
    if item is None:
        return None
    if name == "artwork":
        return _Field(item.artwork, partial(_put_item, item_id, "artwork"))
    option = name.removeprefix("answers.")
    put = None if _is_split(order, item.line_id) else partial(_put_answer, item_id, option)
    return _Field(item.answers.get(option), put)


_SPLIT = object()
"""Stands for the value of a line that was split: the shop's cannot be put there."""


def _is_split(order: Order, line_id: str) -> bool:
    """What the shop says of a line of a split order is for a person to divide."""
    parted = order.parent is not None or bool(order.children)
    return parted or sum(item.line_id == line_id for item in order.items.values()) > 1


def _made_of(item: Item) -> tuple[object, ...]:
    return item.quantity, item.ignored, item.answers, item.artwork


def _line_and_name(order: Order, rest: str) -> tuple[str, str]:
    """Line ids are the shop's own, and may hold dots."""
    for item in order.items.values():
        if rest == item.line_id:
            return item.line_id, ""
        if rest.startswith(f"{item.line_id}.") and rest[len(item.line_id) + 1 :] in ("quantity", "listing"):
            return item.line_id, rest[len(item.line_id) + 1 :]
    return rest, ""


def _stand(order: Order, path: str) -> Any:
    """What a person sees of a field: all parts of a line that was split."""
    if path.startswith("lines."):
        line_id, _ = _line_and_name(order, path.removeprefix("lines."))
        return {key: (it.quantity, it.ignored, it.artwork) for key, it in order.items.items() if it.line_id == line_id}
    field = _field(order, path)
    return None if field is None else field.ours


def _place(recipient: Json) -> Json | None:
    return {name: recipient[name] for name in _PLACE if recipient.get(name) is not None} or None


def _put_note(order: Order, value: Any) -> Order:
    return replace(order, buyer_note=value)


def _put_place(order: Order, value: Any) -> Order:
    return _with_recipient(order, dict.fromkeys(_PLACE) | (value or {}))


def _put_person(name: str, order: Order, value: Any) -> Order:
    return _with_recipient(order, {name: value})


def _put_item(item_id: str, name: str, order: Order, value: Any) -> Order:
    return _with_item(order, item_id, **{name: value})


def _put_line(item_id: str, order: Order, value: Any) -> Order:
    return _with_item(order, item_id, ignored=value is None)


def _put_answer(item_id: str, option: str, order: Order, value: Any) -> Order:
    answers = {key: answer for key, answer in order.items[item_id].answers.items() if key != option}
    return _with_item(order, item_id, answers=answers if value is None else {**answers, option: value})


def _with_recipient(order: Order, values: Mapping[str, Any]) -> Order:
    recipient = {**(order.recipient or {}), **values}
    return replace(order, recipient={name: value for name, value in recipient.items() if value is not None} or None)


def _with_item(order: Order, item_id: str, **values: Any) -> Order:
    return replace(order, items={**order.items, item_id: replace(order.items[item_id], **values)})


def _with_wanted(before: Order, after: Order, states: Mapping[str, Entry]) -> Order:
    """What the changed items must be drawn from now."""
    items: dict[str, Item] = {}
    for item_id, item in after.items.items():
        held = before.items[item_id]
        same = (item.answers, item.artwork) == (held.answers, held.artwork)
        artwork = None if same or item.artwork_ref is None else states.get(artwork_key(item.artwork_ref))
        items[item_id] = files.with_wanted(item, artwork if isinstance(artwork, Artwork) else None)
    return replace(after, items=items)
