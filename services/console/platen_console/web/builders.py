"""From what was typed to the command it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from platen_contracts import orders
from platen_contracts.catalog import Artwork
from platen_contracts.common import Actor, Address, Answer, Answers, ArtworkRef, FileRef
from platen_contracts.orders import OrderCommand, OrderSnapshot
from platen_contracts.status import OrderStatus
from pydantic import ValidationError

from platen_console.model import reference_of
from platen_console.settings import ADMIN
from platen_console.store.reading import Known
from platen_console.web.forms import Form, Wrong, version_of

ADDRESS_FIELDS = tuple(Address.model_fields)
ANSWER = "answer."
UNITS = "units."
MOST_PARTS = 200

C = TypeVar("C", bound=OrderCommand)


def command_of(action: str, known: Known, form: Form, actor: Actor) -> OrderCommand:
    """The command of one action on one order. Raises `Wrong`, and `KeyError` for an action that has no form."""
    build = BUILDERS[action]
    return build(known, form, {"order_id": known.order.order_id, "actor": actor, "expected_version": version_of(form)})


def bulk_command(action: str, order: OrderSnapshot, version: int, bulk_id: str, actor: Actor) -> tuple[str, OrderCommand]:
    """The action and the command of one order in a bulk; sending an order that failed is a retry. Raises `KeyError`."""
    words = {"order_id": order.order_id, "actor": actor, "expected_version": version, "bulk_id": bulk_id}
    if action == "send" and order.status == OrderStatus.FAILED:
        action = "retry"
    return action, BULK[action](**words)


def _plain(message: type[C]) -> Callable[[Known, Form, Mapping[str, Any]], OrderCommand]:
    return lambda known, form, words: message(**words)


def _render(_: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    item = form.get("item")
    return orders.Render(**words, item_ids=[item] if item else None, again=form.get("again") == "yes")


def _edit_shipping(_: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    typed = {name: form.get(name) for name in ADDRESS_FIELDS}
    typed["country"] = typed["country"].upper()
    try:
        recipient = Address.model_validate({name: value for name, value in typed.items() if value or _required(name)})
    except ValidationError as wrong:
        error = wrong.errors(include_url=False)[0]
        field = str(error["loc"][0])
        reason = "two letters such as DE or TH" if field == "country" else "at most 2000 characters"
        raise Wrong(f"recipient.{field}", f"{field}: {reason} are expected") from None
    return orders.EditShipping(**words, recipient=recipient)


def _required(name: str) -> bool:
    return Address.model_fields[name].is_required()


def _settle(_: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    verdict, reason = form.get("verdict"), form.get("reason")
    if verdict not in ("accepted", "not accepted"):
        raise Wrong("verdict", "say whether the vendor has the order or not")
    if not 0 < len(reason) <= 2000:
        raise Wrong("reason", "say in up to 2000 characters how you know")
    vendor_order_id = form.get("vendor_order_id") or None
    return orders.Settle(**words, accepted=verdict == "accepted", vendor_order_id=vendor_order_id, reason=reason)


def _of_item(message: type[orders.IgnoreItem | orders.RestoreItem]) -> Callable[[Known, Form, Mapping[str, Any]], OrderCommand]:
    return lambda known, form, words: message(**words, item_id=_item(known, form))


def _item(known: Known, form: Form) -> str:
    item_id = form.get("item")
    if item_id not in known.order.items:
        raise Wrong("item", "the order has no such item; open the page again")
    return item_id


def _split_line(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    sizes = [size for size in re.split(r"[+,;\s]+", form.get("quantities")) if size]
    if len(sizes) > MOST_PARTS:
        raise Wrong("quantities", f"{len(sizes)} parts are named; at most {MOST_PARTS} are possible")
    quantities = [_units(size, "quantities", "sizes such as 2 + 1 are expected") for size in sizes]
    return orders.SplitLine(**words, item_id=_item(known, form), quantities=quantities)


def _split_off(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    picked = [item_id for item_id in known.order.items if item_id in form.all("items")]
    if not picked:
        raise Wrong("item_ids", "no item is ticked; tick those that go into the new order")
    return orders.SplitOff(**words, item_ids=picked)


def _set_artwork(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    """Where the artwork asks something that the item does not answer, it is asked once; left empty, it may be answered later."""
    item_id, ref = _item(known, form), artwork_ref(form)
    if ref is None:
        raise Wrong("artwork", f"{form.get('artwork')!r} is no artwork; its name and version are expected, such as family-mug/3")
    artwork, held = known.artworks.get(reference_of(ref)), answers_of(known, item_id)
    if artwork is None:
        return orders.SetArtwork(**words, item_id=item_id, artwork=ref)
    for name in unanswered(artwork, held):
        if artwork.options[name].kind != "photo" and not form.all(ANSWER + name):
            raise Wrong(f"answers.{name}", f"{artwork.options[name].label}: this artwork asks for it; answer it here")
    changed = _changed(_typed_answers(artwork, form, held), held)
    return orders.SetArtwork(**words, item_id=item_id, artwork=ref, answers=changed or None)


def artwork_ref(form: Form) -> ArtworkRef | None:
    """The artwork that a form names as `artwork_id/version`."""
    artwork_id, _, version = form.get("artwork").partition("/")
    try:
        ref = ArtworkRef.model_validate({"artwork_id": artwork_id, "version": version})
    except ValidationError:
        return None
    return ref if str(ref.version) == version else None


def _record_parcel(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    """Only the form of a recorded parcel corrects it: in the other one its name may stand by mistake."""
    parcel, units = form.get("parcel"), dict[str, int]()
    if parcel in known.order.parcels and form.get("correct") != "yes":
        raise Wrong("parcel", f"parcel {parcel} is recorded already; name this one otherwise, or correct that one below")
    for item_id in known.order.items:
        field = UNITS + item_id
        if typed := form.get(field):
            units[item_id] = _units(typed, field, "type how many the parcel holds, or leave it empty")
    return orders.RecordParcel(
        **words,
        parcel=parcel,
        carrier=form.get("carrier") or None,
        tracking_number=form.get("tracking_number") or None,
        tracking_url=form.get("tracking_url") or None,
        units={item_id: count for item_id, count in units.items() if count},
    )


def _units(text: str, field: str, expected: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise Wrong(field, f"{text!r} is no number of units; {expected}")
    return int(text)


def _erase(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    if words["actor"].kind != ADMIN:
        raise Wrong("confirm", "only an admin may erase; log in with PLATEN_CONSOLE_ADMIN_TOKEN")
    if form.get("confirm") != known.order.number.strip():
        raise Wrong("confirm", f"type the order's number, {known.order.number}, to erase its personal data for good")
    return orders.Erase(**words)


def _personalise(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    item_id = _item(known, form)
    ref = known.order.items[item_id].artwork
    artwork = None if ref is None else known.artworks.get(reference_of(ref))
    if artwork is None:
        raise Wrong("item", "the item's artwork is not known here yet; wait for the catalogue")
    for name, option in artwork.options.items():
        if option.required and form.all(ANSWER + name) and not form.get(ANSWER + name):
            raise Wrong(f"answers.{name}", f"{option.label} is required")
    held = answers_of(known, item_id)
    typed = _typed_answers(artwork, form, held)
    return orders.Personalise(**words, item_id=item_id, answers=_changed(typed, held) or typed)


def _typed_answers(artwork: Artwork, form: Form, held: Answers) -> Answers:
    """What stands in the form, photos left aside. Lists of texts are typed one a line; names may be held as one text."""
    answers: dict[str, Answer] = {}
    for name, option in artwork.options.items():
        if option.kind == "photo" or not form.all(ANSWER + name):
            continue
        text = form.get(ANSWER + name)
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if isinstance(held.get(name), list) or (option.kind == "names" and not held.get(name) and lines):
            answers[name] = lines
        elif text or held.get(name):
            answers[name] = text
    return answers


def _changed(typed: Answers, held: Answers) -> Answers:
    return {name: answer for name, answer in typed.items() if answer != held.get(name, "")}


def unanswered(artwork: Artwork, held: Answers) -> list[str]:
    """The options that need an answer and have none. A photo is no answer to what is asked as a text."""
    asked = [(name, option.kind, held.get(name)) for name, option in artwork.options.items() if option.required]
    return [name for name, kind, answer in asked if not answer or (isinstance(answer, FileRef) and kind != "photo")]


def answers_of(known: Known, item_id: str) -> Answers:
    private = None if known.private is None else known.private.items.get(item_id)
    return {} if private is None else private.answers


BUILDERS: Mapping[str, Callable[[Known, Form, Mapping[str, Any]], OrderCommand]] = {
    "personalise": _personalise,
    "split_line": _split_line,
    "split_off": _split_off,
    "set_artwork": _set_artwork,
    "ignore_item": _of_item(orders.IgnoreItem),
    "restore_item": _of_item(orders.RestoreItem),
    "render": _render,
    "edit_shipping": _edit_shipping,
    "send": _plain(orders.Send),
    "retry": _plain(orders.Retry),
    "stop_sending": _plain(orders.StopSending),
    "settle": _settle,
    "record_hand_over": _plain(orders.RecordHandOver),
    "record_parcel": _record_parcel,
    "archive": _plain(orders.Archive),
    "unarchive": _plain(orders.Unarchive),
    "erase": _erase,
}

BULK: Mapping[str, type[OrderCommand]] = {
    "render": orders.Render,
    "send": orders.Send,
    "retry": orders.Retry,
    "archive": orders.Archive,
}
