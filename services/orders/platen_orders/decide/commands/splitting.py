"""A line in several items, an order in two. Units and money stay the same: every unit has its price, in one order."""

from __future__ import annotations

from platen_contracts import orders
from platen_contracts.envelope import rfc3339
from platen_contracts.status import OrderStatus
from platen_messaging.outcome import Context, Outgoing

from platen_orders.decide import files
from platen_orders.decide.answers import No
from platen_orders.decide.change import Edit
from platen_orders.decide.commands.deciding import Already, States
from platen_orders.decide.commands.items import UNKNOWN_ITEM
from platen_orders.model import (
    MOST_ITEMS,
    Item,
    Order,
    ShopOrder,
    replace,
    shop_order_key,
    shop_order_of_key,
)


def split_line(_: States, order: Order, command: orders.SplitLine, context: Context) -> Edit | Already | No:
    """The first part stays the item it was. The others have its answers and its print files."""
    item = order.items.get(command.item_id)
    if item is None:
        return UNKNOWN_ITEM
    wrong = _wrong_quantities(item.quantity, command.quantities) or _too_many(order, len(command.quantities) - 1)
    if wrong is not None:
        return wrong
    if _in_a_parcel(order, command.item_id):
        return No("in_parcel", "A parcel with units of this item was recorded; it stays whole.", "item_id")
    first, *others = command.quantities
    items, messages = {**order.items, command.item_id: replace(item, quantity=first)}, list[Outgoing]()
    for number, quantity in enumerate(others, 2):
        part_id = context.id("item", number)
        part = replace(item, quantity=quantity)
        items[part_id], requests = _with_files_of_its_own(replace(order, items={part_id: part}), part_id, context)
        messages += requests
    personal = [f"items.{item_id}.answers" for item_id in items if item_id not in order.items]
    return Edit(replace(order, items=items), command.actor, edited=True, personal_changed=personal, messages=messages)


def split_off_touches(command: orders.SplitOff) -> tuple[str, str]:
    return command.order_id, shop_order_of_key(command.order_id)


def split_off(states: States, order: Order, command: orders.SplitOff, context: Context) -> Edit | Already | No:
    """The items go on in an order of their own, with all that the order knows of the buyer."""
    moved = {item_id: order.items[item_id] for item_id in command.item_ids if item_id in order.items}
    wrong = _wrong_items(order, command.item_ids, moved)
    if wrong is not None:
        return wrong
    key = shop_order_key(order.shop_id, order.shop_order_id)
    shop_order = states[key]
    assert isinstance(shop_order, ShopOrder)  # it was made with its first order
    assert shop_order.last is not None
    child_id, made = context.id("order"), shop_order.orders_made + 1
    child, messages = _child(order, child_id, f"#{shop_order.last['number']}-{made}", moved, context)
    parent = replace(
        order,
        items={item_id: item for item_id, item in order.items.items() if item_id not in moved},
        children={**order.children, child_id: order.version + 1},
    )
    counted = replace(shop_order, orders_made=made, split_off=(*shop_order.split_off, child_id))
    personal = [f"items.{item_id}.answers" for item_id in moved]
    making = Edit(child, command.actor, edited=True, messages=messages)
    return Edit(parent, command.actor, edited=True, personal_changed=personal, made=[making], states={key: counted})


def _child(order: Order, child_id: str, number: str, moved: dict[str, Item], context: Context) -> tuple[Order, list[Outgoing]]:
    now = rfc3339(context.now)
    child = replace(
        order,
        id=child_id,
        number=number,
        parent=order.id,
        parent_version=order.version + 1,
        children={},
        created_at=now,
        status=OrderStatus.NEW,
        status_since=now,
        items=moved,
        version=0,
        edited_version=0,
        files_version=0,
        generation=0,
        sending=None,
        refusal=None,
        scheduled=None,
        timer=None,
        attention={},
        hand_over=None,
        parcels={},
        postings={},
    )
    items, messages = dict[str, Item](), list[Outgoing]()
    for item_id in moved:
        items[item_id], requests = _with_files_of_its_own(child, item_id, context)
        messages += requests
    return replace(child, items=items), messages


def _with_files_of_its_own(order: Order, item_id: str, context: Context) -> tuple[Item, list[Outgoing]]:
    """Files stay what they were; links, and answers to what was asked, come to each item of each order by itself.

    Nothing is drawn twice for it: the renderer knows its own files by their input hash.
    """
    item, messages = order.items[item_id], list[Outgoing]()
    sides = dict(item.sides)
    for name, side in item.sides.items():
        if side.current or side.asked:
            sides[name], request = files.request(order, item_id, name, context)
            messages.append(request)
        elif side.request_id is not None:
            sides[name] = replace(side, request_id=None, requested=None)
    return replace(item, sides=sides), messages


def _wrong_quantities(quantity: int, parts: list[int]) -> No | None:
    if len(parts) < 2:
        return No("empty_split", "Name the sizes of at least two parts.", "quantities")
    if min(parts) < 1:
        return No("wrong_quantities", "Every part needs at least one unit.", "quantities")
    if sum(parts) != quantity:
        return No("wrong_quantities", f"The parts add up to {sum(parts)}; the item has {quantity}.", "quantities")
    return None


def _too_many(order: Order, more: int) -> No | None:
    if len(order.items) + more <= MOST_ITEMS:
        return None
    return No("too_many_items", f"The order would have {len(order.items) + more} items; {MOST_ITEMS} are allowed.", "quantities")


def _wrong_items(order: Order, named: list[str], moved: dict[str, Item]) -> No | None:
    unknown = [item_id for item_id in named if item_id not in moved]
    if unknown:
        return No("unknown_item", f"The order has no item {unknown[0]}; name its own.", "item_ids")
    if not any(not item.ignored for item in moved.values()):
        return No("empty_split", "Name at least one item that is not ignored.", "item_ids")
    if order.live_items.keys() <= moved.keys():
        return No("nothing_left", "At least one item that is not ignored must stay; name fewer items.", "item_ids")
    if any(_in_a_parcel(order, item_id) for item_id in moved):
        return No("in_parcel", "A parcel with units of these items was recorded; they stay.", "item_ids")
    return None


def _in_a_parcel(order: Order, item_id: str) -> bool:
    return any(item_id in parcel.units for parcel in order.parcels.values())
