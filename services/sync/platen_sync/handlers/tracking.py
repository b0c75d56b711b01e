"""Orders as everyone knows them, and tracking back to the shops."""

from __future__ import annotations

from platen_contracts.orders import OrderPrivate, OrderSnapshot
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_sync.decide import posting
from platen_sync.decide.facts import (
    PostingBegun,
    PostingDone,
    PostingFailed,
)
from platen_sync.handlers.states import States, order_in, sent
from platen_sync.model import (
    State,
    order_key,
)


def status_came(states: States, snapshot: OrderSnapshot, context: Context) -> Outcome[State]:
    order = posting.status_came(order_in(states, snapshot.order_id), snapshot, context.now)
    return Applied({order_key(snapshot.order_id): order}) if order else Ignored("an older version")


def private_came(states: States, private: OrderPrivate, context: Context) -> Outcome[State]:
    order = posting.private_came(order_in(states, private.order_id), private, context.now)
    return Applied({order_key(private.order_id): order}) if order else Ignored("an older version")


def posting_begun(states: States, fact: PostingBegun, context: Context) -> Outcome[State]:
    order = posting.begin(order_in(states, fact.order_id), fact, context.now)
    return Applied({order_key(fact.order_id): order}) if order else Ignored("another process is at it, or the number has changed")


def posting_done(states: States, fact: PostingDone, context: Context) -> Outcome[State]:
    return _posted(posting.done(order_in(states, fact.order_id), fact, context.now), context)


def posting_failed(states: States, fact: PostingFailed, context: Context) -> Outcome[State]:
    return _posted(posting.failed(order_in(states, fact.order_id), fact, context.now), context)


def _posted(step: posting.Posted | None, context: Context) -> Outcome[State]:
    if step is None:
        return Ignored("the posting is settled")
    return Applied({order_key(step.order.order_id): step.order}, [sent(step.told, context)] if step.told else [])
