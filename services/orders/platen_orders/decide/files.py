"""Which print files an item needs: its input hashes, and the requests for them."""

from __future__ import annotations

from platen_contracts.catalog import Artwork
from platen_contracts.common import Answers, ArtworkRef, OutputProfile
from platen_contracts.envelope import rfc3339
from platen_contracts.input_hash import input_hash
from platen_contracts.render import RenderRequested
from platen_messaging.outcome import Context, Outgoing
from pydantic import ConfigDict, TypeAdapter

from platen_orders.model import Item, Order, SideFile, replace

_ANSWERS: TypeAdapter[Answers] = TypeAdapter(Answers, config=ConfigDict(hide_input_in_errors=True))


def with_wanted(item: Item, artwork: Artwork | None) -> Item:
    """The item with the input hash that each side needs now; files already made are kept, current or stale."""
    if artwork is None or item.artwork is None:
        return item
    reference = ArtworkRef.model_validate(item.artwork)
    profile = OutputProfile.model_validate(item.profile)
    answers = answers_of(item)
    sides: dict[str, SideFile] = {}
    for name in artwork.sides:
        wanted = input_hash(reference, profile, name, answers)
        held = item.sides.get(name)
        sides[name] = SideFile(wanted=wanted) if held is None else replace(held, wanted=wanted)
    return replace(item, sides=sides)


def answers_of(item: Item) -> Answers:
    return _ANSWERS.validate_python(item.answers)


def plain(answers: Answers) -> dict[str, object]:
    """Answers as JSON."""
    return _ANSWERS.dump_python(answers, mode="json")


def request(order: Order, item_id: str, side: str, context: Context) -> tuple[SideFile, Outgoing]:
    """The side with an open request, and the request."""
    item = order.items[item_id]
    held = item.sides[side]
    request_id = context.id("render", item_id, side)
    message = RenderRequested(
        request_id=request_id,
        order_id=order.id,
        shop_id=order.shop_id,
        item_id=item_id,
        side=side,
        input_hash=held.wanted,
        artwork=ArtworkRef.model_validate(item.artwork),
        profile=OutputProfile.model_validate(item.profile),
        answers=answers_of(item),
    )
    asked = replace(held, request_id=request_id, requested=held.wanted, requested_at=rfc3339(context.now))
    return asked, Outgoing("render.requests", order.id, message, request_id)
