"""How a decision becomes versions: every edge crossed is a version and a history event of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from platen_contracts.common import Actor
from platen_contracts.dispatch import DispatchWithdrawRequested
from platen_contracts.envelope import rfc3339
from platen_contracts.ids import derived_id
from platen_contracts.orders import OrderChanged, OrderPrivate, OrderSnapshot
from platen_contracts.status import OrderStatus
from platen_contracts.subscribing import difference
from platen_messaging.outcome import Applied, Context, Outgoing

from platen_orders.decide import attention, erasure, merge
from platen_orders.decide.snapshot import private, public
from platen_orders.model import PREPARING, Entry, Held, Json, Order, replace
from platen_orders.transitions import derive, path

SHOP = Actor(kind="shop")
SYSTEM = Actor(kind="system")

HISTORY = "orders.history"


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
    order, more = _settle_cancellation(_followed(before, edit), context)
    messages += more
    was = before.status if before is not None else None
    steps = _steps(was, order)
    order = attention.settled(order, steps[-1], now)
    order = replace(
        order,
        version=order.version + 1,
        edited_version=order.version + 1 if edit.edited or before is None else order.edited_version,
        files_version=order.version + 1 if edit.files_changed else order.files_version,
    )
    picture: Json = held.public if held is not None else {}
    private_changed = bool(edit.personal_changed) or before is None
    for number, status in enumerate(steps):
        order = order if number == 0 else replace(order, version=order.version + 1)
        if status != was:
            order = replace(order, status=status, status_since=now)
        after = public(order, held)
        personal = edit.personal_changed if number == 0 else ()
        by_shop = status == OrderStatus.ARCHIVED and edit.order.archived_from is None
        actor = SHOP if by_shop else edit.actor
        messages.append(_history(order, was, picture, after, actor, personal, now, context))
        picture, was = after, status
    dirty = private_changed or (held is not None and held.private_changed)
    timer_changed = held is not None and held.timer_changed
    states: dict[str, Entry] = {order.id: Held(order, picture, dirty, True, timer_changed), **edit.states}
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
        if not isinstance(entry, Held) or not entry.news:
            continue
        messages.append(status_told(key, entry.order.version, msgspec.json.encode(entry.public)))
        if entry.private_changed:
            messages.append(private_told(entry.order))
    return messages


# Values are JSON already: the hot path builds no pydantic models.


def status_told(order_id: str, version: int, value: bytes) -> Outgoing:
    """`value`: OrderSnapshot as JSON."""
    name = derived_id("status", order_id, version)
    return Outgoing("orders.status", order_id, None, name, value=value, type=OrderSnapshot.TYPE)


def private_told(order: Order) -> Outgoing:
    """The private half; of an erased order a tombstone."""
    name = derived_id("private", order.id, order.version)
    if order.erased:
        return Outgoing("orders.private", order.id, None, name)
    value = msgspec.json.encode(private(order))
    return Outgoing("orders.private", order.id, None, name, value=value, type=OrderPrivate.TYPE)


def history_told(order_id: str, version: int, value: bytes) -> Outgoing:
    """`value`: OrderChanged as JSON. The store keeps it too."""
    name = derived_id("history", order_id, version)
    return Outgoing(HISTORY, order_id, None, name, value=value, type=OrderChanged.TYPE, version=version)


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
    taken = bool(order.vendor_orders)
    if order.archived_from is not None:
        return (*path(was, order.archived_from, taken=taken), OrderStatus.ARCHIVED)
    if was == OrderStatus.ARCHIVED:
        return (order.status, *path(order.status, derive(order), taken=taken))
    return path(was, derive(order), taken=taken) or (was,)


def _followed(before: Order | None, edit: Edit) -> Order:
    """The order with what an edit by a person or the shop entails."""
    order = edit.order
    if before is None:
        return merge.own(order)
    if before.archived_from is not None and order.archived_from is None and before.cancelled_in_shop:
        order = replace(order, kept=True, cancelled_in_shop=False)
    if edit.edited and edit.actor is not SHOP and order.shop_differs:
        order = merge.acknowledged(before, order)
    return order


def _settle_cancellation(order: Order, context: Context) -> tuple[Order, list[Outgoing]]:
    """An order cancelled in its shop is archived as soon as nothing is under way with the vendor any more."""
    if not order.cancelled_in_shop or order.archived_from is not None:
        return order, []
    status = derive(order)
    if status not in PREPARING:
        return order, []
    sending = order.sending
    if sending is None or not order.in_flight:
        return replace(order, archived_from=status, scheduled=None), []
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
) -> Outgoing:
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
    return history_told(order.id, order.version, msgspec.json.encode(body))
