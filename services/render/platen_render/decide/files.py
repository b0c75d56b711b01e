"""How long files stay: an order says what it uses, and what nobody uses goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from platen_contracts.orders import OrderSnapshot
from platen_contracts.render import FileCollected
from platen_contracts.status import OrderStatus
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored, Key, Outcome, Outgoing

from platen_render.decide.requests import erased
from platen_render.model import FileDue, Given, Kept, OrderKnown, State, Unanswered, file_key, order_key, unanswered_key

States = Mapping[Key, State]

LOOK_AGAIN = timedelta(days=7)
"""After a file was found in use. An order that is archived or erased meanwhile has its files looked at in time."""


def on_order(states: States, snapshot: OrderSnapshot, context: Context) -> Outcome[State]:
    """What it names is in use. An erased one's open requests end, and what it named before is not forgotten."""
    known = _known(states, snapshot.order_id)
    if snapshot.version <= known.version or known.erased:
        return Ignored("as new a version is known")
    named = frozenset(side.file.sha256 for item in snapshot.items.values() for side in item.sides.values() if side.file)
    now = OrderKnown(
        snapshot.order_id,
        snapshot.version,
        snapshot.erased,
        snapshot.status_since if snapshot.status == OrderStatus.ARCHIVED else None,
        named | known.named if snapshot.erased else named,
    )
    return _ended(states, now, context) if now.erased else Applied({order_key(now.order_id): now})


def on_order_gone(states: States, stone: Tombstone, context: Context) -> Outcome[State]:
    """A purged order is as good as erased."""
    known = _known(states, stone.key)
    return Ignored("it is erased already") if known.erased else _ended(states, replace(known, erased=True), context)


def on_file_due(states: States, fact: FileDue, context: Context) -> Outcome[State]:
    """Nobody uses it: its links end and it goes. Otherwise only the links of erased orders end."""
    file = states.get(file_key(fact.sha256))
    if not isinstance(file, Kept) or not file.due:
        return Ignored("it is gone, or was used again")
    ended = [link for link in file.links if link.revoked or not file.in_use]
    left = tuple(link for link in file.links if link not in ended)
    look_at = context.now + LOOK_AGAIN if file.in_use else None
    after = replace(file, due=False, links=left, look_at=look_at)
    return Applied({file_key(fact.sha256): after}, [_collected(link, fact.sha256, context) for link in ended])


def _ended(states: States, order: OrderKnown, context: Context) -> Applied[State]:
    key = unanswered_key(order.order_id)
    found = states.get(key)
    waiting = found.requests if isinstance(found, Unanswered) else ()
    return Applied({order_key(order.order_id): order, key: Unanswered()}, [erased(request, context) for request in waiting])


def _known(states: States, order_id: str) -> OrderKnown:
    found = states.get(order_key(order_id))
    return found if isinstance(found, OrderKnown) else OrderKnown(order_id)


def _collected(link: Given, sha256: str, context: Context) -> Outgoing:
    message = FileCollected(order_id=link.order_id, item_id=link.item_id, side=link.side, sha256=sha256)
    return Outgoing("render.results", link.order_id, message, context.id("collected", link.order_id, link.item_id, link.side))
