"""What a decision entails: shop changes that waited, what happens by itself, and when to look at the order again."""

from __future__ import annotations

import dataclasses
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import TypeVar

from platen_contracts.catalog import Shop
from platen_contracts.envelope import rfc3339
from platen_messaging.outcome import Applied, Context, Outcome, Outgoing

from platen_orders.decide import change, deadlines, merge, policies
from platen_orders.decide.change import SHOP, Edit
from platen_orders.model import Entry, Held, Order, replace, shop_key

M = TypeVar("M")
States = Mapping[str, Entry]
Decide = Callable[[States, M, Context], Outcome[Entry]]


def followed(decide: Decide[M]) -> Decide[M]:
    """`decide`, and what that entails, each a version of its own."""

    def decided(states: States, message: M, context: Context) -> Outcome[Entry]:
        outcome = decide(states, message, context)
        return follow(states, outcome, context) if isinstance(outcome, Applied) else outcome

    return decided


def follow(states: States, applied: Applied[Entry], context: Context) -> Applied[Entry]:
    """Args: `states` as they were before."""
    entries, messages = dict(applied.states), list(applied.messages)
    now: States = ChainMap(entries, states)  # pyright: ignore[reportArgumentType]  # it only reads
    for key, entry in applied.states.items():
        if isinstance(entry, Held):
            was = states.get(key)
            entries[key], more = _entailed(was.order if isinstance(was, Held) else None, entry, now, context)
            messages += more
    return Applied(entries, messages)


def then(held: Held, edit: Edit | None, context: Context) -> tuple[Held, list[Outgoing]]:
    """The order after one more edit."""
    applied = None if edit is None else change.apply(held, edit, context)
    if applied is None:
        return held, []
    after = applied.states[held.order.id]
    assert isinstance(after, Held)
    return after, list(applied.messages)


def _entailed(before: Order | None, held: Held, states: States, context: Context) -> tuple[Held, list[Outgoing]]:
    held, messages = then(held, _shop_change(before, held.order, states), context)
    shop = states.get(shop_key(held.order.shop_id))
    if isinstance(shop, Shop):
        if held.order.waits_for_shop:
            held = dataclasses.replace(held, order=replace(held.order, waits_for_shop=False))
        held, more = then(held, policies.auto_render(before, held.order, shop.policies, states, context), context)
        messages += more
        held, more = then(held, policies.auto_send(before, held.order, shop.policies, context), context)
        messages += more
    elif not held.order.waits_for_shop:
        held = dataclasses.replace(held, order=replace(held.order, waits_for_shop=True))
    return _timed(held, states, context), messages


def _timed(held: Held, states: States, context: Context) -> Held:
    """With the time of its next look, as its shop wants it.

    What was due before is looked at now: a deadline that stands again has a time that may have counted already.
    """
    shop = states.get(shop_key(held.order.shop_id))
    late_after = shop.policies.late_after if isinstance(shop, Shop) else deadlines.DEFAULT
    due = deadlines.next_look(held.order, late_after)
    if due == held.order.timer:
        return held
    timer = None if due is None else max(due, rfc3339(context.now))
    return dataclasses.replace(held, order=replace(held.order, timer=timer), timer_changed=True)


def _shop_change(before: Order | None, order: Order, states: States) -> Edit | None:
    """What the shop changed meanwhile is applied once the order is in our hands again."""
    if not order.shop_differs or before is None or (before.in_flight, before.status) == (order.in_flight, order.status):
        return None
    merged = merge.settled(order, states)
    return Edit(merged, SHOP, edited=merge.edited(order, merged), personal_changed=merge.personal_of(order, merged))
