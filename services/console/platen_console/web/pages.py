"""Turns what is known into HTML: the templates, and the few words and links that they cannot make themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from platen_contracts.catalog import Artwork
from platen_contracts.orders import OrderSnapshot, SnapshotItem
from platen_contracts.status import ItemState, OrderStatus

from platen_console.model import APPLIED, IGNORED, REFUSED, Command
from platen_console.store.reading import Cursor, Filter
from platen_console.web import words
from platen_console.web.builders import BUILDERS, unanswered
from platen_console.web.differences import differences
from platen_console.web.history import story

ALLOWED = "allowed"

_LINKS_ONLY = ("view_print_file", "see_detail")
"""Actions that are shown where they apply, beside files and failures, and are no commands."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A form that was not obeyed: shown again as it was typed, with the reason at its field."""

    action: str
    item_id: str
    reason: str
    field: str
    typed: Mapping[str, str]
    ticked: Sequence[str] = ()

    def of(self, action: str, item_id: str = "") -> Tried | None:
        """Itself, if it was the form of this action and item."""
        return self if (self.action, self.item_id) == (action, item_id) else None


@dataclass(frozen=True, slots=True)
class BulkResult:
    """How far a bulk has come."""

    commands: Sequence[Command]
    orders: Mapping[str, OrderSnapshot]

    def count(self, outcome: str | None) -> int:
        return sum(1 for command in self.commands if command.outcome == outcome)

    @property
    def said(self) -> str:
        """`Archive: 3 of 5 done, 1 already so, 1 refused`."""
        asked = {command.action for command in self.commands}
        applied = "asked for" if asked & words.ASKED_FOR.keys() else "done"
        parts = [f"{self.count(APPLIED)} of {len(self.commands)} {applied}"]
        named = ((IGNORED, "already so"), (REFUSED, "refused"), (None, "waiting for the answer"))
        parts += [f"{count} {text}" for outcome, text in named if (count := self.count(outcome))]
        return f"{words.action(min(asked, key=list(words.ACTIONS).index))}: {', '.join(parts)}"

    @property
    def refused(self) -> list[Command]:
        return [command for command in self.commands if command.outcome == REFUSED]


def render(template: str, **values: Any) -> str:
    """The HTML of a template. Every value is escaped, and a name that is not given is an error."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("platen_console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        when=when, action=words.action, reason=words.reason, field=words.field, spaced=words.spaced, sentence=words.sentence,
        plainly=words.plainly, nth=words.nth, cause=words.cause, link=web_link, answer=words.answer_text, slug=slug,
        kb=words.kilobytes,
    )  # fmt: skip
    environment.globals.update(
        STATUSES=[status.value for status in OrderStatus],
        story=story,
        obeyed=words.obeyed,
        offers=offers,
        of_order=of_order,
        of_item=of_item,
        unanswered=unanswered,
        differences=differences,
        next_parcel=next_parcel,
        asset=_asset_versions(),
    )
    return environment


def offers(actions: Mapping[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The actions that have a button now, and those withheld with their reason code, both in the order of `words.ACTIONS`."""
    order = {name: place for place, name in enumerate(words.ACTIONS)}
    known = sorted((name for name in actions if name not in _LINKS_ONLY), key=lambda name: (order.get(name, 99), name))
    allowed = [name for name in known if actions[name] == ALLOWED and name in BUILDERS]
    withheld = [(name, "no_form" if actions[name] == ALLOWED else actions[name]) for name in known if name not in allowed]
    return allowed, withheld


def of_order(order: OrderSnapshot, admin: bool) -> Mapping[str, str]:
    """The order's actions, less those that have nothing to act upon or are not for this person."""
    without: dict[str, str] = {}
    if len(order.items) < 2:
        without["split_off"] = "one_item"
    if order.erased or not admin:
        without["erase"] = "erased" if order.erased else "admins_only"
    return _less(order.actions, without)


def of_item(item: SnapshotItem, artwork: Artwork | None) -> Mapping[str, str]:
    """The item's actions, less those that have nothing to act upon; `artwork` is the item's, where it is known here."""
    without: dict[str, str] = {}
    if item.quantity < 2:
        without["split_line"] = "one_unit"
    if item.artwork is None:
        without["personalise"] = "no_artwork"
    elif artwork is None:
        without["personalise"] = "artwork_unheard"
    elif not artwork.options:
        without["personalise"] = "nothing_asked"
    meaningless = "ignore_item" if item.state == ItemState.IGNORED else "restore_item"
    return {name: code for name, code in _less(item.actions, without).items() if name != meaningless}


def _less(actions: Mapping[str, str], without: Mapping[str, str]) -> Mapping[str, str]:
    return {name: without.get(name, code) if code == ALLOWED else code for name, code in actions.items()}


def next_parcel(order: OrderSnapshot) -> str:
    """A name that no parcel of the order has: its number."""
    return next(name for name in map(str, count(len(order.parcels) + 1)) if name not in order.parcels)


def when(moment: datetime | None) -> Markup:
    """A moment that the browser puts into the reader's own time, and reads as UTC without scripts."""
    if moment is None:
        return Markup("")
    utc = moment.astimezone(UTC)
    shown = f"{utc:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc.isoformat(timespec="seconds"), shown, shown)


def web_link(address: str | None) -> str:
    """`address` if it is one of the web, else nothing: a link from outside must not run a script."""
    try:
        return address if address and urlsplit(address).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def slug(text: str) -> str:
    """A CSS class of a status or state."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in text.lower())


def fingerprint(text: str) -> str:
    """An ETag."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def list_address(wanted: Filter, cursor: Cursor | None = None, **more: str) -> str:
    """The address of a list page."""
    place = "" if cursor is None else f"{cursor.placed_at.isoformat()}~{cursor.shop_id}~{cursor.order_id}~{cursor.number}"
    parts = {"status": wanted.status, "q": wanted.query, "shop": wanted.shop_id, "vendor": wanted.vendor_id, **more}
    if cursor is not None:
        parts["newer" if cursor.newer else "older"] = place
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"/orders?{query}" if query else "/orders"


def cursor_of(older: str, newer: str) -> Cursor | None:
    """The place that an address names; an unreadable one is the beginning."""
    try:
        moment, shop_id, order_id, number = (newer or older).split("~", 3)
        placed_at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return Cursor(placed_at, shop_id, number, order_id, bool(newer)) if placed_at.tzinfo is not None else None


def summary(order: OrderSnapshot) -> tuple[str, int, int]:
    """(title of the first item, how many more items, units)."""
    titles = [item.title for item in order.items.values()]
    return (titles[0] if titles else "", max(len(titles) - 1, 0), sum(item.quantity for item in order.items.values()))


def _asset_versions() -> Mapping[str, str]:
    """Addresses of the static files, with a version so that a browser never keeps an old one."""
    folder = files("platen_console") / "static"
    return {
        it.name: f"/static/{it.name}?v={hashlib.sha256(it.read_bytes()).hexdigest()[:12]}"
        for it in folder.iterdir()
        if it.is_file()
    }
