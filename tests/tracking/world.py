"""Orders, readings and a clock for tests of decisions; a book that folds decisions as the desk does, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchAccepted
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.orders import Activity, OrderSnapshot
from platen_contracts.status import OrderStatus, VendorStatus
from platen_contracts.tracking import ShipmentUpdated, VendorOrderChanged
from platen_messaging.handlers import Handlers
from platen_messaging.outcome import Applied, Context, Ignored, Outcome
from platen_tracking.decide.facts import Hinted, OrderNotRead, OrderRead
from platen_tracking.handlers import FROM_TOPICS, OWN
from platen_tracking.model import Account, Followed, State, Watch, account_key, watch_key
from platen_vendors.model import Shipment, Snapshot

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
VENDOR, VENDOR_ORDER, EXTERNAL = "prints", "10000001", "abc1"
ORDER, MUG, POSTER = derived_id("order"), derived_id("mug"), derived_id("poster")
ITEMS = {MUG: 2, POSTER: 1}
KEY = watch_key(VENDOR, VENDOR_ORDER)

_STATUSES = {
    "draft": VendorStatus.DRAFT,
    "pending": VendorStatus.ACCEPTED,
    "inprocess": VendorStatus.IN_PRODUCTION,
    "onhold": VendorStatus.ON_HOLD,
    "partial": VendorStatus.PARTIALLY_SHIPPED,
    "fulfilled": VendorStatus.SHIPPED,
    "failed": VendorStatus.FAILED,
    "canceled": VendorStatus.CANCELLED,
}


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def accepted(generation: int = 1, vendor_order_id: str = VENDOR_ORDER, **changes: Any) -> DispatchAccepted:
    values: dict[str, Any] = {
        "order_id": ORDER,
        "generation": generation,
        "vendor_id": VENDOR,
        "vendor_order_id": vendor_order_id,
        "external_id": EXTERNAL,
        "submission": 1,
        "items": ITEMS,
    }
    return DispatchAccepted(**(values | changes))


def an_order(order_id: str = ORDER, version: int = 1, *, erased: bool = True) -> OrderSnapshot:
    """What orders says of it."""
    return OrderSnapshot(
        order_id=order_id,
        version=version,
        number="#1001",
        shop_id="mugs",
        shop_order_id="1001",
        vendor_id=VENDOR,
        status=OrderStatus.SENT,
        status_since=T0,
        created_at=T0,
        placed_at=T0,
        edited_version=1,
        erased=erased,
        activity=Activity(kind="none"),
        items={},
        actions={},
    )


def parcel(number: str, units: Mapping[str, int], **known: Any) -> Shipment:
    values: dict[str, Any] = {
        "carrier": "USPS",
        "service": None,
        "tracking_number": f"T{number}",
        "tracking_url": f"https://carrier.example/T{number}",
        "shipped_at": T0,
    }
    return Shipment(number, units=units, **(values | known))


def shown(
    raw: str, *shipments: Shipment, cancelled: Mapping[str, int] | None = None, external_id: str | None = EXTERNAL
) -> Snapshot:
    status = _STATUSES.get(raw, VendorStatus.UNKNOWN)
    return Snapshot(VENDOR_ORDER, external_id, status, raw, "live", (), {}, shipments, cancelled or {})


def vendor(**changes: Any) -> Vendor:
    return Vendor(**({"vendor_id": VENDOR, "title": "Prints", "kind": "printful", "poll_every_s": 300} | changes))


@dataclass
class Book:
    """Applies messages one by one; `told` is everything that went out, in order."""

    states: dict[str, State] = field(default_factory=dict)
    told: list[Message] = field(default_factory=list)

    def take(self, message: Message, at: float, handlers: Handlers[State] = OWN) -> Outcome[State]:
        context = Context(after(at), Meta(derived_id(message, at), message.TYPE, "test", ORDER, after(at)))
        outcome = handlers.decide(self.states, message, context)
        if isinstance(outcome, Applied):
            self.states.update(outcome.states)
        if isinstance(outcome, Applied | Ignored):
            self.told += [it.message for it in outcome.messages if it.message is not None]
        return outcome

    def accept(self, at: float = 0, **changes: Any) -> Outcome[State]:
        return self.take(accepted(**changes), at, FROM_TOPICS)

    def read(self, snapshot: Snapshot, asked: float, settled: float | None = None) -> Outcome[State]:
        fact = OrderRead(vendor_id=VENDOR, vendor_order_id=VENDOR_ORDER, read_at=after(asked), snapshot=snapshot)
        return self.take(fact, asked if settled is None else settled)

    def miss(self, asked: float, **given: Any) -> Outcome[State]:
        return self.take(OrderNotRead(vendor_id=VENDOR, vendor_order_id=VENDOR_ORDER, read_at=after(asked), **given), asked)

    def hint(self, at: float) -> Outcome[State]:
        return self.take(Hinted(vendor_id=VENDOR, vendor_order_id=VENDOR_ORDER), at)

    def lease(self, until: float) -> None:
        """What a claim does."""
        watch = self.watch
        self.states[KEY] = Watch(watch.order, watch.next_read_at, watch.hinted_at, after(until))

    def knows(self, known: Vendor) -> None:
        self.states[account_key(known.vendor_id)] = Account(known)

    @property
    def watch(self) -> Watch:
        watch = self.states[KEY]
        assert isinstance(watch, Watch)
        return watch

    @property
    def order(self) -> Followed:
        assert self.watch.order is not None
        return self.watch.order

    @property
    def next_in(self) -> float:
        """Seconds after T0 at which the order is read next."""
        assert self.watch.next_read_at is not None
        return (self.watch.next_read_at - T0).total_seconds()

    @property
    def changes(self) -> list[VendorOrderChanged]:
        return [it for it in self.told if isinstance(it, VendorOrderChanged)]

    @property
    def shipments(self) -> list[ShipmentUpdated]:
        return [it for it in self.told if isinstance(it, ShipmentUpdated)]
