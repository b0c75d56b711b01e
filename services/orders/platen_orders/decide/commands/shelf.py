"""Put away, taken out again, and stripped of all that is personal."""

from __future__ import annotations

from platen_contracts import orders
from platen_contracts.dispatch import DispatchForgetRequested
from platen_contracts.sync import ForgetShopOrder
from platen_messaging.outcome import Context, Outgoing

from platen_orders.decide import change, erasure
from platen_orders.decide.answers import No
from platen_orders.decide.change import Edit
from platen_orders.decide.commands.deciding import Already, States
from platen_orders.model import Held, Order, ShopOrder, replace, shop_order_key, shop_order_of_key

ADMIN = "admin"
"""The kind of actor that may erase."""


def archive(_: States, order: Order, command: orders.Archive, __: Context) -> Edit | Already | No:
    return Edit(replace(order, archived_from=order.status), command.actor, edited=True)


def unarchive(_: States, order: Order, command: orders.Unarchive, __: Context) -> Edit | Already | No:
    assert order.archived_from is not None  # the table offers it only while archived
    returned = replace(order, archived_from=None, status=order.archived_from, cancelled_in_shop=False)
    return Edit(returned, command.actor, edited=True)


def erase_touches(command: orders.Erase) -> tuple[str, str]:
    return command.order_id, shop_order_of_key(command.order_id)


def erase(states: States, order: Order, command: orders.Erase, context: Context) -> Edit | Already | No:
    """What is under way with the vendor is asked to stop; if it is too late for that, the vendor's word still counts."""
    if command.actor.kind != ADMIN:
        return No("admins_only", f"Only an actor of kind {ADMIN} may erase an order.", "actor.kind")
    if order.erased:
        return "the order is erased already"
    erased, messages = _forgotten_by_dispatch(order, command, context)
    key = shop_order_key(order.shop_id, order.shop_order_id)
    shop_order = states[key]
    assert isinstance(shop_order, ShopOrder)  # it was made with its first order
    others = [held.order for it in shop_order.orders if it != order.id and isinstance(held := states.get(it), Held)]
    if erasure.all_erased([erased, *others]):
        forget = ForgetShopOrder(shop_id=order.shop_id, shop_order_id=order.shop_order_id, actor=command.actor)
        messages.append(Outgoing("sync.commands", order.shop_id, forget, context.id("forget", "shop order")))
    last = None if shop_order.last is None else erasure.shop_copy(shop_order.last, [erased, *others])
    return Edit(
        erased,
        command.actor,
        edited=True,
        personal_changed=erasure.personal_of(order),
        messages=messages,
        states={key: replace(shop_order, last=last)},
    )


def _forgotten_by_dispatch(order: Order, command: orders.Erase, context: Context) -> tuple[Order, list[Outgoing]]:
    erased, messages, sending = replace(order, erased=True, scheduled=None), list[Outgoing](), order.sending
    if sending is not None and order.in_flight and not sending.withdraw_asked:
        erased = replace(erased, sending=replace(sending, withdraw_asked=True))
        messages.append(change.withdrawal(order, sending.generation, command.actor, context))
    if order.generation > 0:
        forget = DispatchForgetRequested(order_id=order.id)
        messages.append(Outgoing("dispatch.requests", order.id, forget, context.id("forget", "dispatch")))
    return erased, messages
