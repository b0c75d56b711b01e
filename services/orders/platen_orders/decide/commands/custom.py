"""Orders of vendors without an API: the operator hands the files over and tells what came of it. No status changes."""

from __future__ import annotations

from unicodedata import category

from platen_contracts import orders
from platen_contracts.envelope import rfc3339
from platen_messaging.outcome import Context

from platen_orders.decide.answers import No
from platen_orders.decide.change import Edit
from platen_orders.decide.commands.deciding import Already, States
from platen_orders.model import MOST_PARCELS, HandOver, Order, Parcel, replace

_LONGEST = {"parcel": 64, "carrier": 100, "tracking_number": 100, "tracking_url": 2000}
"""Characters."""


def record_hand_over(_: States, order: Order, command: orders.RecordHandOver, context: Context) -> Edit | Already | No:
    """Once for each state of the order: what was edited since the last one is handed over anew."""
    if order.hand_over is not None and order.hand_over.version >= max(order.edited_version, order.files_version):
        return "the hand-over is recorded already, and nothing was edited since"
    hand_over = HandOver(at=rfc3339(context.now), version=order.version + 1)
    return Edit(replace(order, hand_over=hand_over), command.actor)


def record_parcel(_: States, order: Order, command: orders.RecordParcel, __: Context) -> Edit | Already | No:
    wrong = _wrong_words(command) or _wrong_units(order, command)
    if wrong is not None:
        return wrong
    held = order.parcels.get(command.parcel)
    if held is None and len(order.parcels) >= MOST_PARCELS:
        return No("too_many_parcels", f"The order has {MOST_PARCELS} parcels, which is the most.", "parcel")
    parcel = Parcel(
        units=dict(command.units),
        carrier=command.carrier,
        tracking_number=command.tracking_number,
        tracking_url=command.tracking_url,
    )
    told = (parcel.tracking_number, parcel.tracking_url)
    known = held is not None and (held.tracking_number, held.tracking_url) == told
    if held is not None and known:
        parcel = replace(parcel, posted=held.posted)
    if parcel == held:
        return "the parcel is recorded already"
    recorded = replace(order, parcels={**order.parcels, command.parcel: parcel})
    return Edit(recorded, command.actor, personal_changed=[] if known else ["tracking"])


def _wrong_words(command: orders.RecordParcel) -> No | None:
    if not command.parcel.strip():
        return No("invalid_parcel", "Give the parcel a name within the order, such as 1.", "parcel")
    for name, longest in _LONGEST.items():
        words = getattr(command, name) or ""
        if len(words) > longest:
            return No("invalid_parcel", f"{name} has {len(words)} characters; at most {longest} are allowed.", name)
        if any(category(character) in ("Cc", "Cs") for character in words):
            return No("invalid_parcel", f"{name} holds control characters; take them out.", name)
    if command.tracking_url and not command.tracking_url.startswith(("https://", "http://")):
        return No("invalid_parcel", "tracking_url must begin with https:// or http://.", "tracking_url")
    return None


def _wrong_units(order: Order, command: orders.RecordParcel) -> No | None:
    if not command.units:
        return No("empty_parcel", "Name at least one item and its units.", "units")
    for item_id, units in command.units.items():
        field, item = f"units.{item_id}", order.live_items.get(item_id)
        if item is None:
            return No("unknown_item", "The order has no such item that is not ignored; name one of its own.", field)
        elsewhere = sum(it.units.get(item_id, 0) for key, it in order.parcels.items() if key != command.parcel)
        left = item.quantity - elsewhere
        if not 1 <= units <= left:
            return No("wrong_quantities", f"{units} units; 1 to {left} are left to ship of this item.", field)
    return None
