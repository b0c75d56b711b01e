"""What dispatch gives a vendor, what tracking reads of it, and how every call can end. The same words for every vendor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from platen_contracts.catalog import VendorKind
from platen_contracts.common import Address, Money
from platen_contracts.dispatch import DispatchItem, DispatchRequested
from platen_contracts.status import VendorStatus
from platen_outside.failures import AuthFailed, Throttled, Transient, Unknown
from platen_outside.governor import RatePolicy

KINDS = frozenset({VendorKind.PRINTFUL})
"""Kinds of vendor that have an adapter. Here, so that rules can tell without loading one."""

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_ORDER_ID = re.compile(r"[0-9a-f]{32}")
_ORDER_DIGITS = 25
"""36**25 exceeds 2**128, so every order id fits; with the submission number the whole stays under Printful's 32 characters."""


def external_id(order_id: str, submission: int) -> str:
    """The id under which the vendor knows a submission: 25 base-36 digits of the order id, then the submission number (1..)."""
    if not _ORDER_ID.fullmatch(order_id):
        raise ValueError(f"order_id: {order_id!r} is not 32 lower-case hex digits")
    if not 1 <= submission <= 9_999_999:
        raise ValueError(f"submission: {submission} is not between 1 and 9999999")
    number, digits = int(order_id, 16), ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return f"{digits:0>{_ORDER_DIGITS}}{submission}"


@dataclass(frozen=True, slots=True)
class VendorFile:
    """A print file: the vendor's word for the print area, and a link that it can download from."""

    placement: str
    url: str = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True)
class VendorItem:
    item_id: str
    title: str
    quantity: int
    variant_id: str
    files: tuple[VendorFile, ...]
    price: Money | None = None


@dataclass(frozen=True, slots=True)
class VendorOrder:
    """One submission of an order, as it is meant."""

    external_id: str
    display_ref: str
    recipient: Address = field(repr=False)
    items: tuple[VendorItem, ...]
    currency: str


def vendor_order(request: DispatchRequested, submission: int) -> VendorOrder:
    """The request in the vendor's terms. A side that the product does not map goes to the print area of its own name."""
    return VendorOrder(
        external_id=external_id(request.order_id, submission),
        display_ref=request.number,
        recipient=request.recipient,
        items=tuple(_vendor_item(item) for item in request.items),
        currency=request.currency,
    )


def _vendor_item(item: DispatchItem) -> VendorItem:
    placements = item.product.placements
    files = tuple(VendorFile(placements.get(side, side), file.link, file.sha256) for side, file in sorted(item.files.items()))
    return VendorItem(item.item_id, item.title, item.quantity, item.product.variant_id, files, item.price)


Stage = Literal["editable", "live", "ended", "unknown"]
"""Editable: nothing is printed until it is confirmed. Live: confirmed. Ended: cancelled. Unknown: a word not known here."""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    placement: str
    url: str | None = field(repr=False)
    """None where the vendor no longer says."""


@dataclass(frozen=True, slots=True)
class SnapshotItem:
    item_id: str | None
    """Ours; None for a line that somebody added at the vendor."""
    variant_id: str | None
    quantity: int
    files: tuple[SnapshotFile, ...]


@dataclass(frozen=True, slots=True)
class Shipment:
    """A parcel. `units` by our item id."""

    shipment_id: str
    carrier: str | None
    service: str | None
    tracking_number: str | None = field(repr=False)
    tracking_url: str | None = field(repr=False)
    shipped_at: datetime | None
    units: Mapping[str, int]
    reshipment: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """Something a person should know of: a code of ours, the item it is about, the vendor's own words."""

    code: str
    item_id: str | None = None
    words: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A vendor order as the vendor has it now. `recipient` by our field names; a field the vendor does not report is missing."""

    vendor_order_id: str
    external_id: str | None
    status: VendorStatus
    status_raw: str
    stage: Stage
    items: tuple[SnapshotItem, ...]
    recipient: Mapping[str, str] = field(repr=False)
    shipments: tuple[Shipment, ...] = ()
    cancelled_units: Mapping[str, int] = field(default_factory=dict[str, int])
    issues: tuple[Issue, ...] = ()

    @property
    def ended(self) -> bool:
        """The vendor will do nothing more with it by itself."""
        return self.status in (VendorStatus.FAILED, VendorStatus.CANCELLED)

    @property
    def units(self) -> Mapping[str, int]:
        """Units per item that the vendor has."""
        return {item.item_id: item.quantity for item in self.items if item.item_id is not None}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The vendor has it; nothing is printed yet while `draft`."""

    vendor_order_id: str
    draft: bool
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class AlreadyExists:
    """There is an order of this external id already, and this is how it stands."""

    vendor_order_id: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not taken. `field` is a path of ours (`recipient.postcode`, `items.<id>.files`); `message` the vendor's words, redacted."""

    code: str
    message: str = field(repr=False)
    field: str | None
    remedy: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """A draft that cannot be confirmed yet (costs are being calculated). Try again later."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Found:
    """Every order of that external id; a vendor without a duplicate check may have several."""

    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """Not there as of the moment the question left. The first request may still be on its way."""

    as_of: datetime


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """There was an answer, but it neither shows the order nor proves its absence."""

    cause: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Cancelled, and read back as such. None: the vendor keeps nothing of it."""

    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class TooLate:
    """It is being made; it cannot be cancelled."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Registered:
    """The vendor's webhooks go where they should. `replaced`: where they went before, if that was somewhere else."""

    changed: bool
    replaced: str | None = field(default=None, repr=False)


_NotNow = Throttled | AuthFailed | Transient
SubmitOutcome = Accepted | AlreadyExists | Rejected | Unknown | _NotNow
ConfirmOutcome = Accepted | NotReady | Rejected | Unknown | _NotNow
FindOutcome = Found | Absent | Inconclusive | _NotNow
FetchOutcome = Snapshot | Absent | Inconclusive | _NotNow
CancelOutcome = Cancelled | TooLate | Rejected | Unknown | _NotNow
RegisterOutcome = Registered | Rejected | Unknown | _NotNow


@dataclass(frozen=True, slots=True)
class VendorEvent:
    """A hint: read this order. Never a change of state by itself. `dedupe_key` is the same for every delivery of one event."""

    vendor_order_id: str
    external_id: str | None
    kind: str
    dedupe_key: str
    occurred_at: datetime | None
    authenticated: bool


class MalformedWebhookError(ValueError):
    """The body is not what this vendor sends."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    draft: bool
    duplicates: Literal["rejects", "returns_existing", "unspecified"]
    lookup: Literal["direct", "filter", "scan", "none"]
    webhook_auth: Literal["hmac", "fixed_header", "none"]
    rate: RatePolicy


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """`url` None: the vendor's public one. `store_id` where one token serves several stores."""

    vendor_id: str
    token: str = field(repr=False)
    url: str | None = None
    store_id: str | None = None
