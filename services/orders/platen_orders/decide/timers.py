"""When the time of an order's next look has come: what is late is said, what was scheduled is sent."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from platen_contracts.catalog import Shop
from platen_contracts.envelope import rfc3339
from platen_contracts.ids import derived_id
from platen_contracts.message import Id, Message, Moment
from platen_contracts.orders import Send
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_orders.decide import deadlines
from platen_orders.decide.answers import No
from platen_orders.decide.attention import NOT_SENT, with_attention
from platen_orders.decide.change import SYSTEM, Edit
from platen_orders.decide.commands import sending
from platen_orders.decide.following import States, follow, then
from platen_orders.model import Entry, Held, Order, replace, shop_key


class TimerDue(Message, owner="orders"):
    """Orders tells itself, and nobody else: it is time to look at the order. Each time of each order counts once."""

    order_id: Id
    due_at: Moment

    @property
    def id(self) -> str:
        return derived_id("timer", self.order_id, rfc3339(self.due_at))


def on_timer_due(states: States, fact: TimerDue, context: Context) -> Outcome[Entry]:
    """The order's row in `timers` is written anew whatever comes of it."""
    held = states.get(fact.order_id)
    if not isinstance(held, Held):
        return Ignored("there is no such order")
    now = max(context.now, fact.due_at)  # whoever found it due may have another clock
    shop = states.get(shop_key(held.order.shop_id))
    late_after = shop.policies.late_after if isinstance(shop, Shop) else deadlines.DEFAULT
    looked, messages = then(held, Edit(deadlines.with_late(held.order, late_after, rfc3339(now))), context)
    looked, more = then(looked, _sending(states, looked.order, shop if isinstance(shop, Shop) else None, now, context), context)
    return follow(states, Applied({fact.order_id: dataclasses.replace(looked, timer_changed=True)}, [*messages, *more]), context)


def _sending(states: States, order: Order, shop: Shop | None, now: datetime, context: Context) -> Edit | None:
    """The policy is asked again: it may have changed since the order was scheduled."""
    if order.scheduled is None or order.scheduled.due > rfc3339(now):
        return None
    order = replace(order, scheduled=None)
    if shop is None or shop.policies.auto_send_after_s is None:
        return Edit(order)
    command = Send(order_id=order.id, actor=SYSTEM, expected_version=order.version)
    answer = sending.send(states, order, command, context)
    if isinstance(answer, No):
        return Edit(with_attention(order, NOT_SENT, f"It was not sent by itself: {answer.reason}", rfc3339(context.now)))
    return answer if isinstance(answer, Edit) else Edit(order)
