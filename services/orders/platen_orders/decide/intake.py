"""Shop orders become orders: one per vendor, each shop line taken in exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork
from platen_contracts.envelope import rfc3339
from platen_contracts.ids import derived_id, order_id
from platen_contracts.status import OrderStatus
from platen_contracts.sync import Link, ShopLine, ShopOrderObserved
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing

from platen_orders.decide import change, erasure, files
from platen_orders.decide.change import SHOP, Edit, with_attention
from platen_orders.model import (
    Entry,
    Held,
    Item,
    Json,
    Order,
    ShopOrder,
    artwork_key,
    replace,
    shop_order_key,
    waiting_key,
)


def observed_touches(message: ShopOrderObserved) -> Iterable[str]:
    yield shop_order_key(message.shop_id, message.shop_order_id)
    for line in message.lines:
        if line.link is not None and line.link.artwork is not None:
            yield artwork_key(_ref(line.link))


def on_shop_order_observed(states: Mapping[str, Entry], message: ShopOrderObserved, context: Context) -> Outcome[Entry]:
    """New linked lines become orders; a change to lines already taken in is shown to the operator."""
    key = shop_order_key(message.shop_id, message.shop_order_id)
    shop_order = _shop_order(states, key)
    revision = (rfc3339(message.modified_at), rfc3339(message.read_at))
    if revision < (shop_order.modified_at, shop_order.read_at):
        return Ignored("an older look at the shop order")
    held_orders = [held.order for held in _orders_of(states, shop_order)]
    seen = erasure.shop_copy(message.model_dump(mode="json", exclude_none=True), held_orders)
    states_out: dict[str, Entry] = {}
    messages: list[Outgoing] = []
    for held in _orders_of(states, shop_order):
        edit = Edit(_after_shop_change(held.order, shop_order.last, seen, message, context), SHOP, edited=message.cancelled)
        outcome = change.apply(held, edit, context)
        if outcome is not None:
            states_out |= outcome.states
            messages += outcome.messages
    lines, made = dict(shop_order.lines), shop_order.orders_made
    for vendor_lines in [] if message.cancelled else _new_lines_by_vendor(message, lines):
        order = _new_order(states, message, vendor_lines, made, context)
        order = replace(order, erased=erasure.all_erased(held_orders))
        outcome = change.apply(None, Edit(order, SHOP, edited=True), context)
        if outcome is not None:
            states_out |= outcome.states
            messages += outcome.messages
        made += 1
        lines |= {line.line_id: order.id for line, _ in vendor_lines}
    states_out[key] = replace(shop_order, modified_at=revision[0], read_at=revision[1], orders_made=made, lines=lines, last=seen)
    return Applied(states_out, messages)


def artwork_touches(message: Artwork | artwork_v1.Artwork) -> Iterable[str]:
    ref = f"{message.artwork_id}/{message.version}"
    return (artwork_key(ref), waiting_key(ref))


def on_artwork(states: Mapping[str, Entry], message: Artwork | artwork_v1.Artwork, context: Context) -> Outcome[Entry]:
    """An artwork version is published once; orders that waited for it are derived again."""
    ref = f"{message.artwork_id}/{message.version}"
    if artwork_key(ref) in states:
        return Ignored("an artwork version is immutable, and this one is known")
    artwork = artwork_v1.of_today(message)
    states_out: dict[str, Entry] = {artwork_key(ref): artwork}
    messages: list[Outgoing] = []
    for held in states.values():
        if isinstance(held, Held):
            items = {
                item_id: files.with_wanted(item, artwork) if item.artwork_ref == ref else item
                for item_id, item in held.order.items.items()
            }
            outcome = change.apply(held, Edit(replace(held.order, items=items)), context)
            if outcome is not None:
                states_out |= outcome.states
                messages += outcome.messages
    return Applied(states_out, messages)


def _shop_order(states: Mapping[str, Entry], key: str) -> ShopOrder:
    held = states.get(key)
    return held if isinstance(held, ShopOrder) else ShopOrder()


def _orders_of(states: Mapping[str, Entry], shop_order: ShopOrder) -> Iterable[Held]:
    for order in shop_order.orders:
        held = states.get(order)
        if isinstance(held, Held):
            yield held


def _new_lines_by_vendor(message: ShopOrderObserved, taken: Mapping[str, str]) -> list[list[tuple[ShopLine, Link]]]:
    by_vendor: dict[str, list[tuple[ShopLine, Link]]] = {}
    for line in message.lines:
        if line.link is not None and line.line_id not in taken:
            by_vendor.setdefault(line.link.vendor_id, []).append((line, line.link))
    return list(by_vendor.values())


def _new_order(
    states: Mapping[str, Entry], message: ShopOrderObserved, lines: list[tuple[ShopLine, Link]], made: int, context: Context
) -> Order:
    now = rfc3339(context.now)
    items = {_item_id(message, line): _item(line, link, states) for line, link in lines}
    return Order(
        id=order_id(message.shop_id, message.shop_order_id, lines[0][0].line_id),
        number=f"#{message.number}" if made == 0 else f"#{message.number}-{made + 1}",
        shop_id=message.shop_id,
        shop_order_id=message.shop_order_id,
        vendor_id=lines[0][1].vendor_id,
        custom=lines[0][1].custom,
        currency=message.currency,
        created_at=now,
        placed_at=rfc3339(message.placed_at),
        status=OrderStatus.NEW,
        status_since=now,
        items=items,
        recipient=None if message.recipient is None else message.recipient.model_dump(mode="json", exclude_none=True),
        buyer_note=message.buyer_note,
    )


def _item_id(message: ShopOrderObserved, line: ShopLine) -> str:
    return derived_id("item", message.shop_id, message.shop_order_id, line.line_id)


def _item(line: ShopLine, link: Link, states: Mapping[str, Entry]) -> Item:
    artwork = states.get(artwork_key(_ref(link))) if link.artwork is not None else None
    item = Item(
        line_id=line.line_id,
        listing_id=link.listing_id,
        title=line.title,
        variant=line.variant,
        quantity=line.quantity,
        product=link.product.model_dump(mode="json"),
        profile=link.profile.model_dump(mode="json"),
        artwork=None if link.artwork is None else link.artwork.model_dump(mode="json"),
        price=None if line.price is None else line.price.model_dump(mode="json"),
        answers=files.plain(link.answers),
    )
    return files.with_wanted(item, artwork if isinstance(artwork, Artwork) else None)


def _ref(link: Link) -> str:
    return "" if link.artwork is None else f"{link.artwork.artwork_id}/{link.artwork.version}"


def _after_shop_change(order: Order, before: Json | None, after: Json, message: ShopOrderObserved, context: Context) -> Order:
    """The order as the shop's change leaves it: cancelled, or with a word to the operator. The operator's values stay."""
    if before is None:
        return order
    if message.cancelled and not before["cancelled"]:
        return replace(order, cancelled_in_shop=True)
    if _shown(before) != _shown(after):
        remedy = "The buyer or the shop changed this order; compare it with the shop and edit here what should follow."
        return with_attention(order, "shop_changed", remedy, rfc3339(context.now))
    return order


def _shown(observed: Json) -> Json:
    """What a buyer or a shop can change; a link that a listing brought is no change."""
    lines = [{name: value for name, value in line.items() if name != "link"} for line in observed["lines"]]
    return {"recipient": observed.get("recipient"), "note": observed.get("buyer_note"), "lines": lines}
