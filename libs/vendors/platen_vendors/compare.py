"""Is what the vendor has what was meant? Tolerant of spelling, never of another place, print, size or number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from platen_vendors.model import Snapshot, SnapshotFile, SnapshotItem, VendorFile, VendorItem, VendorOrder

_PLACE = ("full_name", "company", "line1", "line2", "city", "region_code", "postcode", "country")
_CONTACT = ("phone", "email", "tax_id")
_FILLED_IN_BY_VENDORS = frozenset({"region_code"})
_ANY_PLACEMENT = "default"
"""A vendor's word for the main print area, given back for any name of it."""


def differences(order: VendorOrder, snapshot: Snapshot) -> tuple[str, ...]:
    """Paths (`recipient.line1`, `items.<id>.quantity`) at which the vendor's order is another one; never values."""
    return (*_recipient(order, snapshot), *_items(order, snapshot))


def _recipient(order: VendorOrder, snapshot: Snapshot) -> Iterator[str]:
    for name in (*_PLACE, *_CONTACT):
        meant = _plain(name, getattr(order.recipient, name) or "")
        has = _plain(name, snapshot.recipient.get(name, ""))
        silent = not has and name in _CONTACT
        filled_in = not meant and name in _FILLED_IN_BY_VENDORS
        if meant != has and not silent and not filled_in:
            yield f"recipient.{name}"


def _plain(name: str, text: str) -> str:
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if name == "phone":
        return re.sub(r"\D", "", text)
    return re.sub(r"[\s.-]", "", text) if name in ("postcode", "tax_id") else text


def _items(order: VendorOrder, snapshot: Snapshot) -> Iterator[str]:
    has = {item.item_id: item for item in snapshot.items}
    meant = {item.item_id for item in order.items}
    for item in order.items:
        if item.item_id not in has:
            yield f"items.{item.item_id}"
        else:
            yield from (f"items.{item.item_id}.{path}" for path in _item(item, has[item.item_id]))
    if len(snapshot.items) > len(meant & has.keys()):
        yield "items"


def _item(meant: VendorItem, has: SnapshotItem) -> Iterator[str]:
    if meant.quantity != has.quantity:
        yield "quantity"
    if meant.variant_id != has.variant_id:
        yield "product"
    left = list(has.files)
    for file in meant.files:
        match = next((one for one in left if _same(file, one)), None)
        if match is None:
            yield f"files.{file.placement}"
        else:
            left.remove(match)
    if left:
        yield "files"


def _same(meant: VendorFile, has: SnapshotFile) -> bool:
    placed = has.placement in (meant.placement, _ANY_PLACEMENT) or meant.placement == _ANY_PLACEMENT
    return placed and has.url in (meant.url, None)
