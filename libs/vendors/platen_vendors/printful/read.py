"""Printful v1's order, read tolerantly: what is not understood becomes an issue, never an exception."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from platen_contracts.status import VendorStatus
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from platen_vendors.model import Issue, Shipment, Snapshot, SnapshotFile, SnapshotItem, Stage
from platen_vendors.printful.body import RECIPIENT

STATUSES: Mapping[str, tuple[VendorStatus, Stage]] = {
    "draft": (VendorStatus.DRAFT, "editable"),
    "failed": (VendorStatus.FAILED, "editable"),
    "inreview": (VendorStatus.ACCEPTED, "live"),
    "pending": (VendorStatus.ACCEPTED, "live"),
    "inprocess": (VendorStatus.IN_PRODUCTION, "live"),
    "onhold": (VendorStatus.ON_HOLD, "live"),
    "partial": (VendorStatus.PARTIALLY_SHIPPED, "live"),
    "fulfilled": (VendorStatus.SHIPPED, "live"),
    "canceled": (VendorStatus.CANCELLED, "ended"),
}
"""`archived` is missing on purpose: it hides an order and says nothing of its fate."""

_PREVIEWS = frozenset({"preview"})
"""Pictures that Printful draws itself; they print nothing."""


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _File(_Wire):
    type: str | None = None
    url: str | None = None


class _Item(_Wire):
    id: str
    external_id: str | None = None
    variant_id: str | None = None
    quantity: int
    files: list[_File] | None = None
    discontinued: bool | None = None
    out_of_stock: bool | None = None


class _ShipmentItem(_Wire):
    item_id: str
    quantity: int = Field(default=1, ge=0)


class _Shipment(_Wire):
    id: str
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    created: float | None = None
    shipped_at: float | None = None
    reshipment: bool | None = None
    items: list[_ShipmentItem] | None = None


class _Order(_Wire):
    id: str
    external_id: str | None = None
    status: str
    recipient: dict[str, Any] | None = None
    items: list[_Item] | None = None
    shipments: list[Any] | None = None
    error: str | None = None


def snapshot(result: object) -> Snapshot | None:
    """The order in `result` of an answer; None if it is none that can be read."""
    try:
        order = _Order.model_validate(result)
    except ValidationError:
        return None
    items = {item.id: item for item in order.items or ()}
    shipments, issues = _shipments(order, items)
    status, stage = STATUSES.get(order.status, (VendorStatus.UNKNOWN, "unknown"))
    return Snapshot(
        vendor_order_id=order.id,
        external_id=order.external_id,
        status=status,
        status_raw=order.status,
        stage=stage,
        items=tuple(_item(item) for item in items.values()),
        recipient=_recipient(order.recipient or {}),
        shipments=shipments,
        cancelled_units=_cancelled(status, items.values(), shipments),
        issues=(*_order_issues(order, status), *issues),
    )


def _item(item: _Item) -> SnapshotItem:
    files = [SnapshotFile(file.type or "default", file.url) for file in item.files or () if file.type not in _PREVIEWS]
    return SnapshotItem(item.external_id, item.variant_id, item.quantity, tuple(files))


def _recipient(wire: Mapping[str, Any]) -> dict[str, str]:
    return {ours: str(wire[theirs]) for ours, theirs in RECIPIENT.items() if wire.get(theirs) not in (None, "")}


def _shipments(order: _Order, items: Mapping[str, _Item]) -> tuple[tuple[Shipment, ...], list[Issue]]:
    read: list[Shipment] = []
    issues: list[Issue] = []
    for wire in order.shipments or ():
        try:
            shipment = _Shipment.model_validate(wire)
        except ValidationError:
            issues.append(Issue("vendor.shipment_unreadable"))
            continue
        units, strangers = _units(shipment, items)
        if strangers:
            issues.append(Issue("vendor.shipment_of_unknown_item"))
        read.append(
            Shipment(
                shipment_id=shipment.id,
                carrier=shipment.carrier or None,
                service=shipment.service or None,
                tracking_number=shipment.tracking_number or None,
                tracking_url=shipment.tracking_url or None,
                shipped_at=_moment(shipment.shipped_at or shipment.created),
                units=units,
                reshipment=bool(shipment.reshipment),
            )
        )
    return tuple(read), issues


def _units(shipment: _Shipment, items: Mapping[str, _Item]) -> tuple[dict[str, int], bool]:
    """Units by our item id, and whether there were some of a line that is not ours."""
    units: dict[str, int] = {}
    strangers = False
    for line in shipment.items or ():
        ours = items[line.item_id].external_id if line.item_id in items else None
        if ours is None:
            strangers = True
        elif line.quantity:
            units[ours] = units.get(ours, 0) + line.quantity
    return units, strangers


def _cancelled(status: VendorStatus, items: Iterable[_Item], shipments: Iterable[Shipment]) -> dict[str, int]:
    """Printful cancels whole orders: then whatever was not shipped before."""
    if status is not VendorStatus.CANCELLED:
        return {}
    shipped: dict[str, int] = {}
    for shipment in shipments:
        if not shipment.reshipment:
            for item_id, count in shipment.units.items():
                shipped[item_id] = shipped.get(item_id, 0) + count
    left = {item.external_id: item.quantity - shipped.get(item.external_id, 0) for item in items if item.external_id}
    return {item_id: count for item_id, count in left.items() if count > 0}


def _order_issues(order: _Order, status: VendorStatus) -> Iterable[Issue]:
    if status is VendorStatus.UNKNOWN:
        yield Issue("vendor.status_unknown", words=order.status)
    if status is VendorStatus.ON_HOLD:
        yield Issue("vendor.on_hold", words=order.error)
    if status is VendorStatus.FAILED:
        yield Issue("vendor.failed", words=order.error)
    for item in order.items or ():
        if item.discontinued:
            yield Issue("vendor.discontinued", item.external_id)
        if item.out_of_stock:
            yield Issue("vendor.out_of_stock", item.external_id)


def _moment(unix: float | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(unix, UTC) if unix else None
    except (ValueError, OverflowError, OSError):
        return None
