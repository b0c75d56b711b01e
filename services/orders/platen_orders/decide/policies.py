"""What happens by itself, as the order's shop wants it: print files are asked for, and orders are sent after a grace time."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts.catalog import Artwork, Policies
from platen_contracts.envelope import rfc3339
from platen_contracts.status import OrderStatus
from platen_messaging.outcome import Context, Outgoing

from platen_orders.decide import files
from platen_orders.decide.answers import unfit_answer
from platen_orders.decide.change import Edit
from platen_orders.decide.deadlines import after
from platen_orders.model import PREPARING, Entry, Item, Order, Scheduled, SideFile, artwork_key, replace


def auto_render(
    before: Order | None, order: Order, policies: Policies, states: Mapping[str, Entry], context: Context
) -> Edit | None:
    """Asks for the files of sides whose input changed or whose file is gone; of all sides when the order comes back to us.

    Not for one that is current, asked for already, or that failed on this very input; nor while required answers are missing.
    """
    if not policies.auto_render or order.status not in PREPARING or order.in_flight or order.erased:
        return None
    known = before.items if before is not None and not _came_back(before, order) else {}
    items, messages = dict[str, Item](), list[Outgoing]()
    for item_id, item in order.items.items():
        held = known.get(item_id)
        if item is held or item.ignored:
            continue
        wanted = [name for name, side in item.sides.items() if _wants(held, name, side)]
        if wanted and _answered(item, states):
            sides = dict(item.sides)
            for name in wanted:
                sides[name], request = files.request(order, item_id, name, context)
                messages.append(request)
            items[item_id] = replace(item, sides=sides)
    return Edit(replace(order, items={**order.items, **items}), messages=messages) if messages else None


def auto_send(before: Order | None, order: Order, policies: Policies, context: Context) -> Edit | None:
    """Schedules what became Ready; anew where the shop changed it, and no longer where something speaks against it."""
    grace = policies.auto_send_after_s
    may = grace is not None and order.status == OrderStatus.READY and not order.in_flight and not _held_back(order)
    if order.scheduled is None:
        begins = may and (before is None or before.status != OrderStatus.READY)
    else:
        begins = may and before is not None and before.edited_version < order.edited_version
        if may and not begins:
            return None
    if begins and grace is not None:
        now = rfc3339(context.now)
        return Edit(replace(order, scheduled=Scheduled(since=now, due=after(now, grace))))
    return None if order.scheduled is None else Edit(replace(order, scheduled=None))


def _held_back(order: Order) -> bool:
    """A person should look at it first."""
    return order.custom or order.erased or bool(order.buyer_note) or bool(order.attention)


def _came_back(before: Order, order: Order) -> bool:
    """Out of the archive, from the vendor's side, or now that its shop is known."""
    unarchived = before.archived_from is not None and order.archived_from is None
    return unarchived or before.in_flight or (before.waits_for_shop and not order.waits_for_shop)


def _wants(held: Item | None, name: str, side: SideFile) -> bool:
    if side.current or side.asked or side.failed_hash == side.wanted:
        return False
    was = None if held is None or held.ignored else held.sides.get(name)
    return was is None or was.wanted != side.wanted or (was.file is not None and side.file is None)


def _answered(item: Item, states: Mapping[str, Entry]) -> bool:
    artwork = None if item.artwork_ref is None else states.get(artwork_key(item.artwork_ref))
    return isinstance(artwork, Artwork) and unfit_answer(artwork.options, files.answers_of(item)) is None
