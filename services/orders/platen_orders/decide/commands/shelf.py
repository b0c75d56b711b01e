"""Put away, taken out again, and stripped of all that is personal."""

from __future__ import annotations

from platen_contracts import orders
from platen_messaging.outcome import Context

from platen_orders.decide import change, erasure
from platen_orders.decide.answers import No
from platen_orders.decide.change import Edit, without_attention
from platen_orders.decide.commands.deciding import Already, States
from platen_orders.model import Entry, Held, Order, ShopOrder, replace, shop_order_key, shop_order_of_key

ADMIN = "admin"
"""The kind of actor that may erase."""


def archive(_: States, order: Order, command: orders.Archive, __: Context) -> Edit | Already | No:
    return Edit(replace(order, archived_from=order.status), command.actor, edited=True)


def unarchive(_: States, order: Order, command: orders.Unarchive, __: Context) -> Edit | Already | No:
    assert order.archived_from is not None  # the table offers it only while archived
    returned = replace(order, archived_from=None, status=order.archived_from, cancelled_in_shop=False)
    return Edit(without_attention(returned, "cancelled_in_shop"), command.actor, edited=True)


def erase_touches(command: orders.Erase) -> tuple[str, str]:
    return command.order_id, shop_order_of_key(command.order_id)


def erase(states: States, order: Order, command: orders.Erase, context: Context) -> Edit | Already | No:
    """What is under way with the vendor is asked to stop; if it is too late for that, the vendor's word still counts."""
    if command.actor.kind != ADMIN:
        return No("admins_only", f"Only an actor of kind {ADMIN} may erase an order.", "actor.kind")
    if order.erased:
        return "the order is erased already"
    erased, messages, sending = replace(order, erased=True, scheduled=None), [], order.sending
    if sending is not None and order.in_flight and not sending.withdraw_asked:
        erased = replace(erased, sending=replace(sending, withdraw_asked=True))
        messages = [change.withdrawal(order, sending.generation, command.actor, context)]
    return Edit(
        erased,
        command.actor,
        edited=True,
        personal_changed=erasure.personal_of(order),
        messages=messages,
        states=_shop_order_without(states, erased),
    )


def _shop_order_without(states: States, erased: Order) -> dict[str, Entry]:
    """The last copy from the shop, without what no order of it may keep."""
    key = shop_order_key(erased.shop_id, erased.shop_order_id)
    shop_order = states[key]
    assert isinstance(shop_order, ShopOrder)  # it was made with its first order
    orders_of = [held.order for order_id in shop_order.orders if isinstance(held := states.get(order_id), Held)]
    last = shop_order.last
    orders_now = [erased if it.id == erased.id else it for it in orders_of]
    return {key: replace(shop_order, last=None if last is None else erasure.shop_copy(last, orders_now))}
