"""What codes and patches mean, in words for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from platen_contracts.common import FileRef
from platen_contracts.orders import CommandApplied, OrderSnapshot

ACTIONS: Mapping[str, str] = {
    "send": "Send to vendor",
    "retry": "Send again",
    "stop_sending": "Stop sending",
    "settle": "Settle the doubt",
    "render": "Render print files",
    "edit_shipping": "Edit shipping",
    "archive": "Archive",
    "unarchive": "Unarchive",
    "personalise": "Personalise",
    "split_line": "Split by quantity",
    "split_off": "Split off items",
    "set_artwork": "Change artwork",
    "ignore_item": "Ignore item",
    "restore_item": "Restore item",
    "record_hand_over": "Record hand-over",
    "record_parcel": "Record parcel",
    "erase": "Erase personal data",
    "view_print_file": "View print file",
    "see_detail": "See detail",
}
"""Actions as a person reads them, in the order in which they are shown."""

ASKED_FOR: Mapping[str, str] = {
    "send": "sending was asked for",
    "retry": "sending was asked for",
    "render": "print files were asked for",
    "stop_sending": "dispatch was asked to stop",
    "settle": "a last look at the vendor was asked for",
}
"""Actions whose effect comes later, from another service."""

REASONS: Mapping[str, str] = {
    "wrong_status": "not in this status",
    "archived": "the order is archived; unarchive it first",
    "erased": "its personal data was erased",
    "custom_vendor": "this vendor has no API; give it the print file's link",
    "integrated_vendor": "this vendor reports by itself",
    "sending": "something is under way with the vendor",
    "not_sending": "nothing is being sent",
    "not_in_doubt": "there is no doubt to settle",
    "files_not_current": "a print file is missing or older than the item; render first",
    "no_file": "there is no print file yet",
    "not_ready": "the order is not ready to send",
    "not_failed": "sending has not failed",
    "not_archived": "the order is not archived",
    "already_sent": "the order was sent already",
    "nothing_to_render": "there is nothing to render",
    "admins_only": "only an admin may: log in with PLATEN_CONSOLE_ADMIN_TOKEN",
    "one_item": "the order has one item; split that by quantity first",
    "one_unit": "the item has one unit",
    "no_artwork": "the item has no artwork; add one first",
    "artwork_unheard": "its artwork has not been published here",
    "nothing_asked": "its artwork asks nothing",
    "no_form": "this console has no form for it; send the command by other means",
}

_CAUSES: Mapping[str, str] = {
    "ShopOrderObserved": "Read in the shop",
    "RenderFinished": "Print file finished",
    "RenderFailed": "Print file failed",
    "RenderSkipped": "A newer print file was asked for",
    "FileCollected": "Print file collected",
    "DispatchStarted": "Sending began",
    "DispatchDelayed": "Sending was put off",
    "DispatchAccepted": "The vendor accepted",
    "DispatchRefused": "The vendor refused",
    "DispatchInDoubt": "The vendor's answer was lost",
    "DispatchWithdrawn": "Sending was stopped",
    "ShipmentUpdated": "Shipment read at the vendor",
    "VendorOrderChanged": "The vendor's order changed",
    "TrackingPosted": "The shop has the tracking",
    "TrackingNotPosted": "The shop did not take the tracking",
    "Artwork": "Artwork published",
}

_ID = re.compile(r"\b[0-9a-f]{32}\b")


def answer_text(answer: Any) -> str:
    """An answer as it is typed; texts of a list one a line."""
    if isinstance(answer, FileRef):
        return f"a photo, {kilobytes(answer.size)}"
    return "\n".join(answer) if isinstance(answer, list) else str(answer)


def kilobytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{max(1, round(size / 1000))} kB"


def spaced(code: str) -> str:
    """`cancelled_in_shop` → `cancelled in shop`, `late:Sent` → `late`; for codes that nobody has put into words yet."""
    return code.partition(":")[0].replace("_", " ").replace(".", " ")


def sentence(code: str) -> str:
    said = spaced(code)
    return said[:1].upper() + said[1:]


def action(name: str) -> str:
    return ACTIONS.get(name) or sentence(name)


def reason(code: str) -> str:
    return REASONS.get(code) or spaced(code)


def obeyed(action: str, reply: CommandApplied) -> str:
    """What a command did. Where it was only asked for, the reply's status is still the one that it is to change."""
    over = said_of(reply.patch.get("activity")).get("kind") == "none"  # what is only scheduled stops at once
    if action in ASKED_FOR and not over:
        return ASKED_FOR[action]
    return f"done; the order is at version {reply.version}, {reply.status.value}"


def field(name: str, order: OrderSnapshot) -> str:
    """The name of a field, with an item's title in the place of its id; nothing for an answer, which the refusal names itself."""
    first, _, rest = name.partition(".")
    if first == "answers":
        return ""
    return f"{first} of {_one_of(rest, order)}" if rest in order.items else name


def plainly(text: str, order: OrderSnapshot) -> str:
    """What a service said of an order, with an item's title in the place of its id, which no page shows."""
    return _ID.sub(lambda found: f"“{_one_of(found[0], order)}”" if found[0] in order.items else found[0], text)


def nth(item_id: str, order: OrderSnapshot) -> str:
    """`2 of 3` where three items of the order have its title; nothing where it is the only one."""
    title = order.items[item_id].title
    same = [other for other, item in order.items.items() if item.title == title]
    return f"{same.index(item_id) + 1} of {len(same)}" if len(same) > 1 else ""


def _one_of(item_id: str, order: OrderSnapshot) -> str:
    place = nth(item_id, order)
    return f"{order.items[item_id].title} ({place})" if place else order.items[item_id].title


def cause(event_type: str) -> str:
    """What made a change, from its CloudEvents type; a command by its action."""
    name = event_type.split(".")[-2] if event_type.count(".") >= 2 else event_type
    return _CAUSES.get(name) or sentence("".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_"))


def said_of(patch: Any) -> dict[str, Any]:
    """What a patch says of something; nothing where it takes it away."""
    return patch if isinstance(patch, dict) else {}
