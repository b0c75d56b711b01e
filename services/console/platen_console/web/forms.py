"""What a browser posts: read with limits, and told apart from what cannot be understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

MOST_BYTES = 256 * 1024
MOST_FIELDS = 1000
MOST_ORDERS = 200
ID = re.compile(r"[0-9a-f]{32}")


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


def once_of(form: Form) -> str:
    """The id that the page gave this form: sent twice it counts once. Raises `Wrong`."""
    once = form.get("once")
    if not ID.fullmatch(once):
        raise Wrong("once", "open the page again and send its form")
    return once


def version_of(form: Form) -> int:
    """The version of the order that was looked at. Raises `Wrong`."""
    text = form.get("version")
    if not text.isdecimal() or not text.isascii() or not 0 < len(text) < 10 or int(text) < 1:
        raise Wrong("version", "the version of the order that was looked at is expected")
    return int(text)
