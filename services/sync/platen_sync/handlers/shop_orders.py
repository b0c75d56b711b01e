"""Shop orders one by one: hints, readings, links that came."""

from __future__ import annotations

from platen_contracts.sync import ForgetShopOrder
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_sync.decide import hints, observing
from platen_sync.decide.facts import (
    Hinted,
    LinkCame,
    OrderNotRead,
    OrderRead,
)
from platen_sync.handlers.states import States, account_in, catalog_in, sent, shop_order_in
from platen_sync.model import (
    State,
    shop_order_key,
)


def forget(states: States, command: ForgetShopOrder, context: Context) -> Outcome[State]:
    order = shop_order_in(states, command.shop_id, command.shop_order_id)
    if order.erased:
        return Ignored("it is forgotten already")
    return Applied({shop_order_key(command.shop_id, command.shop_order_id): observing.erased(order)})


def hinted(states: States, fact: Hinted, context: Context) -> Outcome[State]:
    order = shop_order_in(states, fact.shop_id, fact.shop_order_id)
    return Applied({shop_order_key(fact.shop_id, fact.shop_order_id): hints.hinted(order, context.now)})


def order_read(states: States, fact: OrderRead, context: Context) -> Outcome[State]:
    account, held = account_in(states, fact.shop_id), shop_order_in(states, fact.shop_id, fact.seen.shop_order_id)
    if account.shop is None:
        return Ignored("the shop is not in the catalog")
    catalog = catalog_in(states, fact.shop_id)
    return _observed(observing.observe(held, fact.seen, fact.read_at, catalog, account.shop), context)


def order_not_read(states: States, fact: OrderNotRead, context: Context) -> Outcome[State]:
    held = shop_order_in(states, fact.shop_id, fact.shop_order_id)
    state = hints.not_read(held, fact.read_at, context.now, for_good=fact.for_good)
    return Applied({shop_order_key(fact.shop_id, fact.shop_order_id): state})


def link_came(states: States, fact: LinkCame, context: Context) -> Outcome[State]:
    account, held = account_in(states, fact.shop_id), shop_order_in(states, fact.shop_id, fact.shop_order_id)
    if account.shop is None:
        return Ignored("the shop is not in the catalog")
    catalog = catalog_in(states, fact.shop_id)
    return _observed(observing.relink(held, catalog, account.shop), context)


def _observed(outcome: observing.Reported | observing.Known | observing.Skipped, context: Context) -> Outcome[State]:
    state = outcome.state
    messages = [sent(outcome.observed, context)] if isinstance(outcome, observing.Reported) else []
    return Applied({shop_order_key(state.shop_id, state.shop_order_id): state}, messages)
