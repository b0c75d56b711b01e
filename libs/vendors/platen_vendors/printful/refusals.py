"""What Printful's refusals mean to an operator. Source: the lists of errors in Printful's own API document.

Codes stand in that document without saying where in the body they travel, so they are looked for everywhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from platen_outside.redact import redact

from platen_vendors.model import Rejected

MAX_WORDS = 500


@dataclass(frozen=True, slots=True)
class Meaning:
    code: str
    field: str | None
    remedy: str


_SUPPORT = "Ask Printful's support about it, then retry."
_VARIANT = "Choose another variant in the listing, then send the order again."
_FILE = "Render the print file again and check that its link opens from outside, then retry."
_PLACEMENT = "Correct the placements in the listing, one file per print area, then retry."

ALREADY_EXISTS = "OR-13"
STORE_TERMINATED = "OR-2"

BY_CODE: dict[str, Meaning] = {
    "OR-1": Meaning(
        "vendor.not_editable", None, "The order is past editing at Printful: look at it there; stop or settle this one."
    ),
    "OR-2": Meaning(
        "vendor.store_terminated", None, "The Printful store is closed: put a token of an open store into dispatch's secrets."
    ),
    "OR-3": Meaning("vendor.request", None, "Report this; it is a fault in Platen."),
    "OR-4": Meaning(
        "vendor.shipping_method", "shipping", "Allow standard shipping to this country in the Printful store, then retry."
    ),
    "OR-5": Meaning("vendor.request", "items", "Report this; it is a fault in Platen."),
    "OR-6": Meaning("vendor.variant_restricted", "items.product", _VARIANT),
    "OR-7": Meaning("vendor.request", "items.product", "Delete the order at Printful, then retry."),
    "OR-8": Meaning("vendor.request", "items.product", "Delete the order at Printful, then retry."),
    "OR-9": Meaning(
        "vendor.us_only", "recipient.country", "This product ships to the US only: choose another variant, or archive the order."
    ),
    "OR-10": Meaning("vendor.placement", "items.files", _PLACEMENT),
    "OR-11": Meaning("vendor.placement", "items.files", _PLACEMENT),
    "OR-12": Meaning("vendor.placement", "items.files", _PLACEMENT),
    "OR-13": Meaning("vendor.already_exists", "external_id", "Look at the order of this id at Printful; settle this one by it."),
    "FL-1": Meaning("vendor.file_format", "items.files", _FILE),
    "FL-2": Meaning("vendor.file_link", "items.files", _FILE),
    "FL-3": Meaning("vendor.file_unknown", "items.files", _FILE),
    "FL-4": Meaning("vendor.file_link", "items.files", _FILE),
    "FL-5": Meaning("vendor.file_format", "items.files", _FILE),
    "FL-6": Meaning("vendor.file_licence", "items.files", "Use an artwork without licensed pictures, then send the order again."),
    "FL-7": Meaning("vendor.file_format", "items.files", _FILE),
    "FL-8": Meaning("vendor.file_link", "items.files", _FILE),
    "FL-9": Meaning("vendor.file_format", "items.files", _FILE),
    "PR-1": Meaning("vendor.variant_unknown", "items.product", _VARIANT),
    "PR-2": Meaning("vendor.variant_restricted", "items.product", _VARIANT),
    "PR-3": Meaning("vendor.variant_restricted", "items.product", _VARIANT),
    "PR-4": Meaning("vendor.variant_restricted", "items.product", _VARIANT),
}

_NAMES: dict[str, str] = {
    "ORDER_NO_LONGER_EDITABLE": "OR-1",
    "STORE_TERMINATED": "OR-2",
    "INVALID_SHIPPING_METHOD": "OR-4",
    "RESTRICTED_VARIANT": "OR-6",
    "LIMITED_SHIPPING_SERVICE": "OR-9",
    "UNSUPPORTED_FILE_TYPE": "OR-10",
    "MULTIPLE_LABEL_PRODUCT": "OR-11",
    "DUPLICATED_FILE_TYPE": "OR-12",
    "EXTERNAL_ID_IN_USE": "OR-13",
    "INVALID_FILE_FORMAT": "FL-1",
    "INVALID_FILE_URL": "FL-2",
    "FILE_LICENSED_ASSETS": "FL-6",
    "INVALID_FILE_DATA": "FL-7",
    "MISSING_VARIANT_ID": "PR-1",
}

_ADDRESS = "Correct the shipping address, then retry."


def _address(field: str) -> Meaning:
    return Meaning("vendor.address", f"recipient.{field}", _ADDRESS)


_BY_WORDS: list[tuple[re.Pattern[str], Meaning]] = [
    (re.compile(words, re.IGNORECASE), meaning)
    for words, meaning in [
        (r"\b(zip|post(al)?[ _-]?code)\b", _address("postcode")),
        (r"\bstate([ _]?(code|name))?\b", _address("region_code")),
        (r"\bcountry([ _]?(code|name))?\b", _address("country")),
        (r"\btax[ _]?number\b|\bCPF\b|\bCNPJ\b", _address("tax_id")),
        (r"\baddress[ _]?2\b", _address("line2")),
        (r"\bcity\b", _address("city")),
        (r"\bphone\b(?! case)", _address("phone")),
        (r"\be-?mail\b", _address("email")),
        (r"\baddress([ _]?1)?\b", _address("line1")),
        (r"\brecipient\W+name\b", _address("full_name")),
        (r"\brecipient\b", Meaning("vendor.address", "recipient", _ADDRESS)),
        (
            r"insufficient|payment|billing|charg(e|ing)|funds|wallet",
            Meaning("vendor.payment", None, "Settle the payment at Printful, then retry."),
        ),
        (r"out of stock|discontinued|variant", Meaning("vendor.variant_restricted", "items.product", _VARIANT)),
        (r"position|placement", Meaning("vendor.placement", "items.files", _PLACEMENT)),
        (r"\bfiles?\b|\bimage\b|\burl\b|download", Meaning("vendor.file_link", "items.files", _FILE)),
        (r"quantity", Meaning("vendor.quantity", "items.quantity", "Split the line, then send again.")),
        (r"shipping", BY_CODE["OR-4"]),
    ]
]

_BY_STATUS: dict[int, Meaning] = {
    404: Meaning(
        "vendor.not_found", None, "Check the vendor's url in the catalog, and whether the order was deleted at Printful."
    ),
    405: Meaning("vendor.request", None, "Check the vendor's url in the catalog."),
    413: Meaning("vendor.too_large", "items", "Split the order, then send its parts."),
    430: Meaning("vendor.request", None, "Report this; it is a fault in Platen."),
    431: Meaning("vendor.request", None, "Report this; it is a fault in Platen."),
}

_OTHERWISE = Meaning("vendor.refused", None, f"Read the vendor's words and correct the order. {_SUPPORT}")


def printful_code(body: object) -> str | None:
    """Printful's own code (`OR-4`) wherever it stands in an error body."""
    for text in _texts(body):
        if code := re.search(r"\b(?:OR|FL|PR)-\d{1,2}\b", text):
            return code.group()
        if name := next((name for name in _NAMES if name in text), None):
            return _NAMES[name]
    return None


def rejected(status: int, body: object) -> Rejected:
    """A refusal in our words: by Printful's code, else by what its message speaks of, else by the HTTP status."""
    words = vendor_words(body)
    meaning = BY_CODE.get(printful_code(body) or "") or _by_words(status, words) or _BY_STATUS.get(status, _OTHERWISE)
    return Rejected(meaning.code, words or f"HTTP {status}", meaning.field, meaning.remedy)


def given_back(status_raw: str, words: str | None) -> Rejected:
    """An order that was confirmed and came back at once as failed or cancelled: its words may tell why."""
    said = redact(words or "")[:MAX_WORDS]
    meaning = _by_words(200, said) or Meaning(
        "vendor.given_back", None, f"See at Printful why the order is {status_raw}, then retry."
    )
    return Rejected(meaning.code, said or f"the order is {status_raw}", meaning.field, meaning.remedy)


def vendor_words(body: object) -> str:
    """The longest text of an error body, redacted; it may still hold parts of the address."""
    return redact(max(_texts(body), key=len, default=""))[:MAX_WORDS]


def _by_words(status: int, words: str) -> Meaning | None:
    if status in _BY_STATUS:
        return None
    return next((meaning for pattern, meaning in _BY_WORDS if pattern.search(words)), None)


def _texts(body: object) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict):
        for name in ("code", "result", "error", "reason", "message"):
            yield from _texts(body.get(name))  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
