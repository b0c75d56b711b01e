"""How a decision becomes versions: every edge crossed is a version and a history event of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from platen_contracts.common import Actor
from platen_contracts.dispatch import DispatchWithdrawRequested
from platen_contracts.envelope import rfc3339
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.orders import OrderChanged, OrderPrivate, OrderSnapshot
from platen_contracts.status import ActivityKind, OrderStatus
from platen_contracts.subscribing import difference
from platen_messaging.outcome import Applied, Context, Outgoing

from platen_orders.decide import erasure
from platen_orders.decide.snapshot import private, public
from platen_orders.model import PREPARING, Attention, Entry, Held, Json, Order, replace
from platen_orders.transitions import derive, path

SHOP = Actor(kind="shop")
SYSTEM = Actor(kind="system")


@dataclass(frozen=True, slots=True)
class HistoryEvent(Outgoing):
    """An OrderChanged on its way out, which the store keeps too."""

    version: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """What a decision wants: the order as it should be, who wants it, and what else must be said."""

    order: Order
    actor: Actor = SYSTEM
    edited: bool = False
    """A person or the shop changed items, answers, artwork, shipping or archive."""
    files_changed: bool = False
    personal_changed: Sequence[str] = ()
    messages: Sequence[Outgoing] = ()
    made: Sequence[Edit] = ()
    """Orders that come to be with it."""
    states: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    """What else changes with it, such as the shop order."""


def apply(held: Held | None, edit: Edit, context: Context) -> Applied[Entry] | None:
    """The edit as versions; None where it changes nothing that anybody could see or the order would remember."""
    before = held.order if held is not None else None
    if edit.order.erased:
        edit = _without_personal(before, edit)
    if before is not None and edit.order == before:
        return None
    now = rfc3339(context.now)
    messages: list[Outgoing] = list(edit.messages)
    order, more = _settle_cancellation(edit.order, context)
    messages += more
    order = replace(
        order,
        version=order.version + 1,
        edited_version=order.version + 1 if edit.edited or before is None else order.edited_version,
        files_version=order.version + 1 if edit.files_changed else order.files_version,
    )
    picture: Json = held.public if held is not None else {}
    private_changed = bool(edit.personal_changed) or before is None
    was = before.status if before is not None else None
    for number, status in enumerate(_steps(was, order)):
        order = order if number == 0 else replace(order, version=order.version + 1)
        if status != was:
            order = replace(order, status=status, status_since=now)
        after = public(order)
        personal = edit.personal_changed if number == 0 else ()
        messages.append(_history(order, was, picture, after, edit.actor, personal, now, context))
        picture, was = after, status
    dirty = private_changed or (held is not None and held.private_changed)
    states: dict[str, Entry] = {order.id: Held(order, picture, dirty), **edit.states}
    for other in edit.made:
        if (making := apply(None, other, context)) is not None:
            states |= making.states
            messages += making.messages
    return Applied(states, messages)


def published(changed: Mapping[str, Entry], now: datetime) -> list[Outgoing]:
    """Once per batch: the latest snapshot of each order that changed, and its private half where that did.

    Of an erased order the private half is a tombstone.
    """
    messages: list[Outgoing] = []
    for key, entry in changed.items():
        if not isinstance(entry, Held):
            continue
        version = entry.order.version
        messages.append(encoded("orders.status", key, OrderSnapshot, entry.public, derived_id("status", key, version)))
        if entry.private_changed and entry.order.erased:
            messages.append(Outgoing("orders.private", key, None, derived_id("private", key, version)))
        elif entry.private_changed:
            picture = private(entry.order)
            messages.append(encoded("orders.private", key, OrderPrivate, picture, derived_id("private", key, version)))
    return messages


def encoded(topic: str, key: str, message: type[Message], body: Any, message_id: str) -> Outgoing:
    """An outgoing message whose body is JSON already: the hot path builds no pydantic models."""
    return Outgoing(topic, key, None, message_id, value=msgspec.json.encode(body), type=message.TYPE)


def with_attention(order: Order, code: str, remedy: str, now: str) -> Order:
    """The order with one more thing to look at; since when, if it stands already, is kept."""
    if code in order.attention and order.attention[code].remedy == remedy:
        return order
    since = order.attention[code].since if code in order.attention else now
    return replace(order, attention={**order.attention, code: Attention(since=since, remedy=remedy)})


def without_attention(order: Order, code: str) -> Order:
    if code not in order.attention:
        return order
    return replace(order, attention={name: it for name, it in order.attention.items() if name != code})


def withdrawal(order: Order, generation: int, actor: Actor, context: Context) -> Outgoing:
    request = DispatchWithdrawRequested(order_id=order.id, generation=generation, actor=actor)
    return Outgoing("dispatch.requests", order.id, request, context.id("withdraw", generation))


def _without_personal(before: Order | None, edit: Edit) -> Edit:
    """Whatever arrives, an erased order takes no personal data; only the erasure itself still names what goes."""
    names = edit.personal_changed if before is not None and not before.erased else ()
    return dataclasses.replace(edit, order=erasure.without_personal(edit.order), personal_changed=names)


def _steps(was: OrderStatus | None, order: Order) -> tuple[OrderStatus, ...]:
    """The statuses of the versions to come; the same status once where no edge is crossed."""
    if was is None:
        return (OrderStatus.NEW, *path(OrderStatus.NEW, derive(order)))
    if order.archived_from is not None:
        return (*path(was, order.archived_from), OrderStatus.ARCHIVED)
    if was == OrderStatus.ARCHIVED:
        return (order.status, *path(order.status, derive(order)))
    return path(was, derive(order)) or (was,)


def _settle_cancellation(order: Order, context: Context) -> tuple[Order, list[Outgoing]]:
    """An order cancelled in its shop is archived as soon as nothing is under way with the vendor any more."""
    if not order.cancelled_in_shop or order.archived_from is not None:
        return order, []
    status = derive(order)
    if status not in PREPARING:
        remedy = "Cancelled in the shop after it was sent: ask the vendor to cancel, or refund."
        return with_attention(order, "cancelled_in_shop", remedy, rfc3339(context.now)), []
    sending = order.sending
    if sending is None or order.activity == ActivityKind.NONE:
        return replace(order, archived_from=status), []
    if sending.withdraw_asked:
        return order, []
    asked = replace(order, sending=replace(sending, withdraw_asked=True))
    return asked, [withdrawal(order, sending.generation, SHOP, context)]


def _history(
    order: Order,
    was: OrderStatus | None,
    before: Json,
    after: Json,
    actor: Actor,
    personal: Sequence[str],
    now: str,
    context: Context,
) -> HistoryEvent:
    body: Json = {
        "order_id": order.id,
        "version": order.version,
        "at": now,
        "actor": {"kind": actor.kind, "name": actor.name},
        "cause": {"id": context.meta.id, "type": context.meta.type},
        "to": order.status.value,
        "patch": difference(before, after),
    }
    if was is not None:
        body["from"] = was.value
    if personal:
        body["personal_changed"] = list(personal)
    return HistoryEvent(
        "orders.history",
        order.id,
        None,
        derived_id("history", order.id, order.version),
        value=msgspec.json.encode(body),
        type=OrderChanged.TYPE,
        version=order.version,
    )
