"""What is printed on one item: its answers, its artwork, its print files, and whether it is made at all."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts import orders
from platen_contracts.catalog import Artwork, Option
from platen_contracts.common import Answer, Answers, ArtworkRef
from platen_messaging.outcome import Context, Outgoing

from platen_orders.decide import files
from platen_orders.decide.answers import No, answer_problem, unfit_answer
from platen_orders.decide.change import Edit
from platen_orders.decide.commands.deciding import Already, States
from platen_orders.model import Item, Order, artwork_key, replace

UNKNOWN_ITEM = No("unknown_item", "The order has no such item; name one of its items.", "item_id")


def personalise(states: States, order: Order, command: orders.Personalise, _: Context) -> Edit | Already | No:
    item = order.items.get(command.item_id)
    if item is None:
        return UNKNOWN_ITEM
    artwork = _artwork(states, item)
    if artwork is None:
        return No("missing_artwork", "The item's artwork is not known; link the listing to one, or wait for it.", "item_id")
    wrong = _wrong_answer(artwork.options, command.answers)
    if wrong is not None:
        return wrong
    answers = {**item.answers, **files.plain(command.answers)}
    if answers == item.answers:
        return "the item has these answers already"
    changed = files.with_wanted(replace(item, answers=answers), artwork)
    return _with_item(order, command, changed, [f"items.{command.item_id}.answers"])


def set_artwork(states: States, order: Order, command: orders.SetArtwork, _: Context) -> Edit | Already | No:
    """Answers that the new artwork does not ask for are kept: it may be changed back, and then the old files are current."""
    item = order.items.get(command.item_id)
    if item is None:
        return UNKNOWN_ITEM
    artwork = states.get(artwork_ref_key(command.artwork))
    if not isinstance(artwork, Artwork):
        named = f"{command.artwork.artwork_id} version {command.artwork.version}"
        return No("unknown_artwork", f"No artwork {named} was published; publish it, or name one that was.", "artwork")
    given = command.answers or {}
    held = {name: answer for name, answer in files.answers_of(item).items() if name in artwork.options}
    wrong = _wrong_answer(artwork.options, {**held, **given})
    if wrong is not None:
        return wrong
    answers = {**item.answers, **files.plain(given)}
    pinned = command.artwork.model_dump(mode="json")
    if pinned == item.artwork and answers == item.answers:
        return "the item has this artwork already"
    changed = files.with_wanted(replace(item, artwork=pinned, answers=answers), artwork)
    personal = [f"items.{command.item_id}.answers"] if answers != item.answers else []
    dropped = [side.link for name, side in item.sides.items() if name not in changed.sides and side.link is not None]
    if dropped:
        personal.append(f"items.{command.item_id}.files")
    return _with_item(order, command, changed, personal)


def set_artwork_touches(command: orders.SetArtwork) -> tuple[str, str]:
    return command.order_id, artwork_ref_key(command.artwork)


def artwork_ref_key(artwork: ArtworkRef) -> str:
    return artwork_key(f"{artwork.artwork_id}/{artwork.version}")


def ignore_item(_: States, order: Order, command: orders.IgnoreItem, __: Context) -> Edit | Already | No:
    return _ignored(order, command, True)


def restore_item(_: States, order: Order, command: orders.RestoreItem, __: Context) -> Edit | Already | No:
    return _ignored(order, command, False)


def render(states: States, order: Order, command: orders.Render, context: Context) -> Edit | Already | No:
    wanted = list(order.live_items) if command.item_ids is None else command.item_ids
    items, messages = dict(order.items), list[Outgoing]()
    for item_id in wanted:
        item = items.get(item_id)
        if item is None:
            return No("unknown_item", f"The order has no item {item_id}; name its own.", "item_ids")
        artwork = _artwork(states, item)
        if artwork is None:
            return No("missing_artwork", f"The artwork of item {item_id} is not known; link the listing to one, or wait for it.")
        unfit = unfit_answer(artwork.options, files.answers_of(item))
        if unfit is not None:
            return No(unfit.code, f"{unfit.reason}; personalise item {item_id}.", unfit.field)
        sides = dict(item.sides)
        for name, side in item.sides.items():
            if (side.asked or side.current) and not command.again:
                continue  # asked again, render skips what nobody has in hand; a request that was lost would be open for ever
            sides[name], request = files.request(order, item_id, name, context)
            messages.append(request)
        items[item_id] = replace(item, sides=sides)
    if not messages:
        return "every print file is current or being drawn"
    return Edit(replace(order, items=items), command.actor, messages=messages)


def _ignored(order: Order, command: orders.IgnoreItem | orders.RestoreItem, ignored: bool) -> Edit | Already | No:
    item = order.items.get(command.item_id)
    if item is None:
        return UNKNOWN_ITEM
    if item.ignored == ignored:
        return f"the item is {'ignored' if ignored else 'live'} already"
    return _with_item(order, command, replace(item, ignored=ignored), [])


def _with_item(
    order: Order,
    command: orders.Personalise | orders.SetArtwork | orders.IgnoreItem | orders.RestoreItem,
    item: Item,
    personal: list[str],
) -> Edit:
    items = {**order.items, command.item_id: item}
    return Edit(replace(order, items=items), command.actor, edited=True, personal_changed=personal)


def _wrong_answer(options: Mapping[str, Option], answers: Mapping[str, Answer] | Answers) -> No | None:
    return next((wrong for name, answer in answers.items() if (wrong := answer_problem(options, name, answer))), None)


def _artwork(states: States, item: Item) -> Artwork | None:
    artwork = states.get(artwork_key(item.artwork_ref)) if item.artwork_ref is not None else None
    return artwork if isinstance(artwork, Artwork) else None
