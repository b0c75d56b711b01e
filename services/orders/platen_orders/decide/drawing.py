"""What render reports of print files. It comes to the same in any order: the file that is wanted counts, then the latest."""

from __future__ import annotations

from collections.abc import Sequence

from platen_contracts import render
from platen_contracts.envelope import rfc3339
from platen_messaging.outcome import Context

from platen_orders.decide.change import Edit
from platen_orders.model import Failure, Order, SideFile, replace


def on_render_finished(order: Order, fact: render.RenderFinished, context: Context) -> Edit | str:
    """The file that is wanted counts more than another, and among those like it the one drawn last."""
    side = _side(order, fact)
    if side is None:
        return "the item has no such side any more"
    closed, at = _closed(side, fact), rfc3339(context.meta.time)
    if (fact.input_hash == side.wanted, at) < (side.current, side.drawn_at or ""):
        return _with_side(order, fact, closed)
    made = replace(
        closed, file=fact.file.model_dump(mode="json"), file_hash=fact.input_hash, link=fact.link, drawn_at=at
    )  # fmt: skip
    if fact.input_hash == side.wanted and (side.failed_at or "") <= at:
        made = replace(made, failure=None, failed_hash=None, failed_at=None)
    if side.gone == fact.file.sha256 and at <= (side.gone_at or ""):
        made = _bare(made)
    changed = made.file != side.file  # a new link to the file that was looked at changes nothing of what is sent
    return _with_side(order, fact, made, files_changed=changed, personal_changed=[f"items.{fact.item_id}.files"])


def on_render_failed(order: Order, fact: render.RenderFailed, context: Context) -> Edit | str:
    side, at = _side(order, fact), rfc3339(context.meta.time)
    if side is None:
        return "the item has no such side any more"
    asked_now = side.request_id == fact.request_id
    if side.current and side.file_hash == fact.input_hash and not asked_now and at <= (side.drawn_at or ""):
        return "the side has what this one failed to draw"
    if (fact.input_hash == side.wanted, at) < (side.failed_hash == side.wanted, side.failed_at or ""):
        return _with_side(order, fact, _closed(side, fact))
    failure = Failure(code=fact.code, remedy=fact.remedy, field=fact.field)
    return _with_side(order, fact, replace(_closed(side, fact), failed_hash=fact.input_hash, failure=failure, failed_at=at))


def on_render_skipped(order: Order, fact: render.RenderSkipped, _: Context) -> Edit | str:
    side = _side(order, fact)
    return "the item has no such side any more" if side is None else _with_side(order, fact, _closed(side, fact))


def on_file_collected(order: Order, fact: render.FileCollected, context: Context) -> Edit | str:
    """Remembered also of a file that render's word has not come of yet."""
    item, at = order.items.get(fact.item_id), rfc3339(context.meta.time)
    side = item.sides.get(fact.side) if item is not None else None
    if item is None or side is None:
        return "the item has no such side any more"
    if side.file is not None and (side.file["sha256"] != fact.sha256 or at < (side.drawn_at or "")):
        if side.request_id is None:
            return "the side uses another file"
        bare = replace(side, gone=fact.sha256, gone_at=at)
    else:
        bare = _bare(replace(side, gone=fact.sha256, gone_at=at))
    items = {**order.items, fact.item_id: replace(item, sides={**item.sides, fact.side: bare})}
    if bare.file == side.file:  # remembered, and nothing of what is sent changed
        return Edit(replace(order, items=items))
    return Edit(replace(order, items=items), files_changed=True, personal_changed=[f"items.{fact.item_id}.files"])


def _side(order: Order, fact: render.RenderAnswer) -> SideFile | None:
    item = order.items.get(fact.item_id)
    return item.sides.get(fact.side) if item is not None else None


def _closed(side: SideFile, fact: render.RenderAnswer) -> SideFile:
    return replace(side, request_id=None, requested=None) if side.request_id == fact.request_id else side


def _with_side(
    order: Order, fact: render.RenderAnswer, side: SideFile, *, files_changed: bool = False, personal_changed: Sequence[str] = ()
) -> Edit:
    item = order.items[fact.item_id]
    items = {**order.items, fact.item_id: replace(item, sides={**item.sides, fact.side: side})}
    return Edit(replace(order, items=items), files_changed=files_changed, personal_changed=personal_changed)


def _bare(side: SideFile) -> SideFile:
    return replace(side, file=None, file_hash=None, link=None, drawn_at=None)
