"""Owned by `tracking`: what the vendor does with an order it took, read at the vendor, never believed from a webhook."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from platen_contracts.common import Name
from platen_contracts.message import Id, Message, Moment, OpenTo, Part, Personal
from platen_contracts.status import VendorStatus


class Parcel(Part):
    carrier: str | None = None
    service: str | None = None
    tracking_number: Annotated[str | None, Personal()] = None
    tracking_url: Annotated[str | None, Personal()] = None
    shipped_at: Moment | None = None
    units: dict[Id, int]
    """Units per item. Parcels are merged by key, never replaced."""
    reshipment: bool = False


class ShipmentUpdated(Message, owner="tracking"):
    """The parcels known of a vendor order, by the vendor's shipment id. A shipment proves that the order was accepted."""

    order_id: Id
    vendor_id: Name
    vendor_order_id: str
    external_id: str
    generation: int = Field(ge=1)
    """The one whose acceptance tracking follows: a vendor order may be heard of here before dispatch's own word arrives."""
    read_at: Moment
    parcels: dict[str, Parcel] = Field(min_length=1, max_length=100)


class VendorOrderChanged(Message, owner="tracking"):
    order_id: Id
    vendor_id: Name
    vendor_order_id: str
    external_id: str
    generation: int = Field(ge=1)
    """The one whose acceptance tracking follows: a vendor order may be heard of here before dispatch's own word arrives."""
    read_at: Moment
    raw: str
    """The vendor's own word."""
    status: Annotated[str, OpenTo(VendorStatus)]
    cancelled_units: dict[Id, int] = Field(default_factory=dict[str, int])
    ended: bool = False
    """The vendor will do nothing more with it."""
