"""From what was typed to the command it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from platen_contracts import orders
from platen_contracts.catalog import Artwork
from platen_contracts.common import Actor, Address, Answer, Answers
from platen_contracts.orders import OrderCommand, OrderSnapshot
from platen_contracts.status import OrderStatus
from pydantic import ValidationError
from starlette.requests import Request

from platen_console.store.reading import Known

MOST_BYTES = 256 * 1024
MOST_FIELDS = 1000
MOST_ORDERS = 200

ADDRESS_FIELDS = tuple(Address.model_fields)
ANSWER = "answer."

C = TypeVar("C", bound=OrderCommand)


class Wrong(ValueError):
    """The form cannot be understood: the field, and what is expected of it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


class TooLarge(Exception):
    """The body is larger than any form of ours."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a posted form, in order; a name may stand several times."""

    fields: Sequence[tuple[str, str]]

    def get(self, name: str) -> str:
        """The last value of `name`, without blanks around it and with plain line ends; empty when absent."""
        found = [value for field, value in self.fields if field == name]
        return found[-1].replace("\r\n", "\n").strip() if found else ""

    def all(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field == name]

    def as_dict(self) -> dict[str, str]:
        return {name: self.get(name) for name, _ in self.fields}


async def read_form(request: Request) -> Form:
    """Raises `TooLarge`, or `Wrong` for a body that is no form."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise TooLarge
    try:
        text = body.decode()
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise Wrong("form", f"a UTF-8 form of at most {MOST_FIELDS} fields is expected") from None


def command_of(action: str, known: Known, form: Form, actor: Actor) -> OrderCommand:
    """The command of one action on one order. Raises `Wrong`, and `KeyError` for an action that has no form."""
    build = BUILDERS[action]
    return build(known, form, {"order_id": known.order.order_id, "actor": actor, "expected_version": _version(form)})


def bulk_command(action: str, order: OrderSnapshot, version: int, bulk_id: str, actor: Actor) -> tuple[str, OrderCommand]:
    """The action and the command of one order in a bulk; sending an order that failed is a retry. Raises `KeyError`."""
    words = {"order_id": order.order_id, "actor": actor, "expected_version": version, "bulk_id": bulk_id}
    if action == "send" and order.status == OrderStatus.FAILED:
        action = "retry"
    return action, BULK[action](**words)


def picks(form: Form) -> dict[str, int]:
    """The orders that were ticked, each with the version shown. Raises `Wrong`."""
    found: dict[str, int] = {}
    for pick in form.all("pick"):
        order_id, _, version = pick.partition(":")
        if not version.isdecimal() or not version.isascii() or len(version) > 9:
            raise Wrong("pick", f"{pick!r} is not order:version")
        found[order_id] = int(version)
    if not found:
        raise Wrong("pick", "no order is selected; tick at least one")
    if len(found) > MOST_ORDERS:
        raise Wrong("pick", f"{len(found)} orders are selected; at most {MOST_ORDERS} go at once")
    return found


def _version(form: Form) -> int:
    text = form.get("version")
    if not text.isdecimal() or not text.isascii() or not 0 < len(text) < 10 or int(text) < 1:
        raise Wrong("version", "the version of the order that was looked at is expected")
    return int(text)


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


def _personalise(known: Known, form: Form, words: Mapping[str, Any]) -> OrderCommand:
    item_id = form.get("item")
    item = known.order.items.get(item_id)
    if item is None:
        raise Wrong("item", "the order has no such item")
    ref = item.artwork
    artwork = None if ref is None else known.artworks.get(f"{ref.artwork_id}/{ref.version}")
    if artwork is None:
        raise Wrong("item", "the item's artwork is not known here yet; wait for the catalogue")
    held = answers_of(known, item_id)
    typed = _typed_answers(artwork, form, held)
    changed = {name: answer for name, answer in typed.items() if answer != held.get(name, "")}
    return orders.Personalise(**words, item_id=item_id, answers=changed or typed)


def _typed_answers(artwork: Artwork, form: Form, held: Answers) -> Answers:
    """What stands in the form, photos left aside. A list of texts is typed one a line."""
    answers: dict[str, Answer] = {}
    for name, option in artwork.options.items():
        if option.kind == "photo" or not form.all(ANSWER + name):
            continue
        text = form.get(ANSWER + name)
        if isinstance(held.get(name), list):
            answers[name] = [line.strip() for line in text.split("\n") if line.strip()]
        elif text or held.get(name):
            answers[name] = text
    return answers


def answers_of(known: Known, item_id: str) -> Answers:
    private = None if known.private is None else known.private.items.get(item_id)
    return {} if private is None else private.answers


BUILDERS: Mapping[str, Callable[[Known, Form, Mapping[str, Any]], OrderCommand]] = {
    "personalise": _personalise,
    "render": _render,
    "edit_shipping": _edit_shipping,
    "send": _plain(orders.Send),
    "retry": _plain(orders.Retry),
    "stop_sending": _plain(orders.StopSending),
    "settle": _settle,
    "archive": _plain(orders.Archive),
    "unarchive": _plain(orders.Unarchive),
}

BULK: Mapping[str, type[OrderCommand]] = {
    "render": orders.Render,
    "send": orders.Send,
    "retry": orders.Retry,
    "archive": orders.Archive,
}
