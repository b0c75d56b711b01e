"""Printful v1's webhooks. They carry no signature, so all they say is "read order X"."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from platen_vendors.model import MalformedWebhookError, VendorEvent


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _Named(_Wire):
    id: str
    external_id: str | None = None


class _Data(_Wire):
    order: _Named | None = None
    shipment: _Named | None = None


class _Webhook(_Wire):
    type: str
    created: float | None = None
    data: _Data | None = None


def events(body: bytes) -> tuple[VendorEvent, ...]:
    """Stock and product events are about no order and give nothing. The number of the delivery is no part of the key."""
    try:
        webhook = _Webhook.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise MalformedWebhookError(f"{where}: {first['msg']}") from None
    if webhook.data is None or webhook.data.order is None:
        return ()
    order, shipment = webhook.data.order, webhook.data.shipment
    created = None if webhook.created is None else int(webhook.created)
    key = ":".join(str(part) for part in (webhook.type, order.id, created, shipment.id if shipment else "-"))
    return (VendorEvent(order.id, order.external_id, webhook.type, key, _moment(created), authenticated=False),)


def _moment(unix: int | None) -> datetime | None:
    try:
        return None if unix is None else datetime.fromtimestamp(unix, UTC)
    except (ValueError, OverflowError, OSError):
        return None
