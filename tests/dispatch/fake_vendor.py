"""A vendor in memory, behind the adapter's protocol: requests may be lost, replies may be lost, requests may arrive late."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from platen_contracts.status import VendorStatus
from platen_outside.failures import AuthFailed, Throttled, Transient, Unknown
from platen_outside.governor import RatePolicy
from platen_vendors import compare
from platen_vendors.model import (
    Absent,
    Accepted,
    AlreadyExists,
    Cancelled,
    Capabilities,
    Found,
    NotReady,
    Rejected,
    Snapshot,
    SnapshotFile,
    SnapshotItem,
    TooLate,
    VendorEvent,
    VendorOrder,
)

Fault = Literal["none", "not_sent", "lost_request", "lost_reply", "late", "throttled", "auth", "rejected", "not_ready", "crash"]

STATUS = {
    "draft": VendorStatus.DRAFT,
    "live": VendorStatus.ACCEPTED,
    "failed": VendorStatus.FAILED,
    "cancelled": VendorStatus.CANCELLED,
}
STAGE: Mapping[str, Any] = {"draft": "editable", "failed": "editable", "live": "live", "cancelled": "ended"}


class Crash(BaseException):
    """The worker is gone in the middle of a call."""


@dataclasses.dataclass
class Held:
    number: str
    order: VendorOrder
    state: str = "draft"


class FakeVendor:
    """`faults` are consumed one per call; then everything works. `late` requests arrive when `deliver` is called.

    Without `checks_duplicates` it takes a second order of the same external id, as some vendors do.
    """

    capabilities = Capabilities(True, "rejects", "direct", "none", RatePolicy(120, 60, 20))
    paused_for = 0.0

    def __init__(self, now: Callable[[], datetime], *, checks_duplicates: bool = True) -> None:
        self._now, self._checks_duplicates = now, checks_duplicates
        self.orders: dict[str, Held] = {}
        self.faults: list[Fault] = []
        self._on_the_way: list[Callable[[], Any]] = []

    @property
    def live(self) -> list[Held]:
        return [held for held in self.orders.values() if held.state == "live"]

    def deliver(self) -> None:
        """What was on its way arrives."""
        arriving, self._on_the_way = self._on_the_way, []
        for work in arriving:
            work()

    async def submit(self, order: VendorOrder) -> Any:
        return self._call(lambda: self._create(order), write=True)

    async def replace(self, vendor_order_id: str, order: VendorOrder) -> Any:
        return self._call(lambda: self._replace(vendor_order_id, order), write=True)

    async def confirm(self, vendor_order_id: str) -> Any:
        return self._call(lambda: self._confirm(vendor_order_id), write=True, confirm=vendor_order_id)

    async def cancel(self, vendor_order_id: str) -> Any:
        return self._call(lambda: self._cancel(vendor_order_id), write=True)

    async def find(self, external_id: str) -> Any:
        return self._call(lambda: self._find(external_id))

    async def fetch(self, vendor_order_id: str) -> Any:
        return self._call(lambda: self._fetch(vendor_order_id))

    def differences(self, order: VendorOrder, snapshot: Snapshot) -> tuple[str, ...]:
        return compare.differences(order, snapshot)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[VendorEvent, ...]:
        raise NotImplementedError

    async def aclose(self) -> None: ...

    def _call(self, work: Callable[[], Any], *, write: bool = False, confirm: str | None = None) -> Any:
        fault = self.faults.pop(0) if self.faults else "none"
        match fault:
            case "throttled":
                return Throttled(5.0, 429)
            case "auth":
                return AuthFailed(401)
            case "not_sent":
                return Transient("ConnectError")
            case "crash":
                work()
                raise Crash
            case "rejected" if write:
                return Rejected("vendor.request", "no", None, "Report this.")
            case "not_ready" if confirm is not None and self.orders[confirm].state == "draft":
                return NotReady(self._snapshot(self.orders[confirm]))
            case "lost_request" | "lost_reply" | "late" if not write:
                return Transient("ReadTimeout")
            case "lost_request":
                return Unknown("WriteError")
            case "lost_reply":
                work()
                return Unknown("ReadTimeout")
            case "late":
                self._on_the_way.append(work)
                return Unknown("ReadTimeout")
            case _:
                return work()

    def _create(self, order: VendorOrder) -> Any:
        for held in self.orders.values():
            if self._checks_duplicates and held.order.external_id == order.external_id:
                return AlreadyExists(held.number, self._snapshot(held))
        held = Held(str(len(self.orders) + 1), order)
        self.orders[held.number] = held
        return Accepted(held.number, True, self._snapshot(held))

    def _replace(self, number: str, order: VendorOrder) -> Any:
        held = self.orders[number]
        if STAGE[held.state] != "editable":
            return Rejected("vendor.not_editable", "it is past editing", None, "Look at it.")
        held.order = order
        return Accepted(number, True, self._snapshot(held))

    def _confirm(self, number: str) -> Any:
        held = self.orders[number]
        if held.state == "cancelled":
            return Rejected("vendor.request", "it is cancelled", None, "Look at it.")
        held.state = "live"
        return Accepted(number, False, self._snapshot(held))

    def _cancel(self, number: str) -> Any:
        held = self.orders[number]
        if held.state == "live":
            return TooLate(self._snapshot(held))
        held.state = "cancelled"
        return Cancelled(self._snapshot(held))

    def _find(self, external_id: str) -> Any:
        found = [self._snapshot(held) for held in self.orders.values() if held.order.external_id == external_id]
        return Found(tuple(found)) if found else Absent(self._now())

    def _fetch(self, number: str) -> Any:
        return self._snapshot(self.orders[number]) if number in self.orders else Absent(self._now())

    def _snapshot(self, held: Held) -> Snapshot:
        order = held.order
        recipient = {name: value for name, value in order.recipient.model_dump().items() if value}
        items = tuple(
            SnapshotItem(
                item.item_id, item.variant_id, item.quantity, tuple(SnapshotFile(file.placement, file.url) for file in item.files)
            )
            for item in order.items
        )
        return Snapshot(held.number, order.external_id, STATUS[held.state], held.state, STAGE[held.state], items, recipient)
