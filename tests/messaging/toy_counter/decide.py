"""Pure decisions of the toy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_messaging.handlers import Handlers, On, OnTombstone, Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing, Refused, Unusable

from .contract import Add, Added, AddPlease, Refusal, Total

Totals = Mapping[str, int]


def keyed(message: Add | AddPlease) -> list[str]:
    return [message.counter]


def add(totals: Totals, message: Add, context: Context) -> Outcome[int]:
    if message.by == 13:
        raise RuntimeError("thirteen is bad luck")
    if message.by == 666:
        return Unusable("nobody counts with this number")
    text = "x" * 2_000_000 if message.by == 99 else message.text
    return _added(totals, message.counter, message.by, text, context)


def add_please(totals: Totals, message: AddPlease, context: Context) -> Outcome[int]:
    if message.by < 0:
        return Refused("negative", [refusal("negative", context)])
    return _added(totals, message.counter, message.by, "", context)


def refusal(code: str, context: Context) -> Outgoing:
    return Outgoing("toy.added", context.meta.subject, Refusal(code=code), context.id("refused"))


def too_old(message: Message, context: Context) -> Outcome[int]:
    return Refused("too_old", [refusal("too_old", context)])


def gone(totals: Totals, tombstone: Tombstone, context: Context) -> Outcome[int]:
    if tombstone.key not in totals:
        return Ignored("never was")
    return Applied({tombstone.key: 0}, [Outgoing("toy.totals", tombstone.key, None, context.id("gone"))])


def closing(changed: Totals, now: datetime) -> Sequence[Outgoing]:
    return [
        Outgoing("toy.totals", key, Total(total=total), derived_id("total", key, total, now))
        for key, total in changed.items()
        if total
    ]


def _added(totals: Totals, key: str, by: int, text: str, context: Context) -> Outcome[int]:
    total = totals.get(key, 0) + by
    return Applied({key: total}, [Outgoing("toy.added", key, Added(by=by, total=total, text=text), context.id("added"))])


HANDLERS = Handlers[int](
    On(Add, keyed, add),
    On(AddPlease, keyed, add_please),
    tombstone=OnTombstone(lambda tombstone: [tombstone.key], gone),
    closing=closing,
    too_old=too_old,
)
