"""A story written down beforehand: messages that make sense in one order of events, to be sent in any."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.orders import OrderCommand
from platen_contracts.sync import ShopOrderObserved
from platen_messaging.outcome import Applied
from platen_orders.model import Order

from tests.orders import world as w

from .machine import TOPICS
from .words import NOBODY, Dice, command, fact, next_good_thing, shop_order

STEPS = 25


class Record(NamedTuple):
    topic: str
    key: str
    message: Message
    id: str
    at: datetime


class Script(NamedTuple):
    """`first` makes the orders; `rest` may come in any order after it, and more than once."""

    first: list[Record]
    rest: list[Record]


class _Memory(w.World):
    """Takes the ids and the times that the records will have, so that it comes to the same items and orders."""

    def hear(self, record: Record) -> None:
        handlers = w.COMMANDS if isinstance(record.message, OrderCommand) else w.FACTS
        meta = w.Meta(record.id, type(record.message).TYPE, "test", record.key, record.at)
        outcome = handlers.decide(self.states, record.message, w.Context(record.at, meta))
        if isinstance(outcome, Applied):
            self.states.update(outcome.states)


def write(number: int, seed: int, now: datetime) -> Script:
    """Of the shop orders `number`-1001 and so on, beginning at `now`."""
    dice, memory, count = Dice(f"{number}/{seed}"), _Memory(), 0

    def record(message: Message) -> Record:
        nonlocal count
        count += 1
        if isinstance(message, ShopOrderObserved):
            name = f"{number}-{message.shop_order_id}"
            message = message.model_copy(update={"shop_order_id": name, "number": name})
        made = Record(
            TOPICS[type(message)], _key(message), message, derived_id(number, seed, count), now + timedelta(seconds=count)
        )
        memory.hear(made)
        return made

    lines = [w.a_line("1"), w.a_line("2", quantity=3), w.by_hand(w.a_line("3", vendor_id="by-hand"))]
    begun = shop_order(None, now, dice).model_copy(update={"cancelled": False, "lines": lines})
    first = [record(it) for it in (w.MUG, w.a_shop(), begun)]
    known = [order.id for order in memory.orders()]
    rest = list[Record]()
    while len(rest) < STEPS:
        at, held = now + timedelta(seconds=count), [memory.order(it) for it in known]
        rest += [record(it) for it in _said(dice, memory.orders(), held, at) if getattr(it, "order_id", "") != NOBODY]
    return Script(first, rest)


def _said(dice: Dice, everyone: list[Order], known: list[Order], at: datetime) -> list[Any]:
    """Facts of orders that exist by then: one of an order that nobody made is a dead letter."""
    match dice.of(4):
        case 0:
            return [command(everyone, dice)]
        case 1:
            return [fact(known, at, dice)]
        case _:
            return next_good_thing(dice.one(known), at, dice)


def _key(message: Any) -> str:
    if isinstance(message, ShopOrderObserved):
        return f"{message.shop_id}/{message.shop_order_id}"
    if hasattr(message, "order_id"):
        return message.order_id
    return f"{message.artwork_id}/{message.version}" if hasattr(message, "artwork_id") else message.shop_id
