"""The one shape of every vendor adapter, and the adapters there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import httpx
from platen_contracts.catalog import VendorKind
from platen_outside.call import now_utc

from platen_vendors.model import (
    CancelOutcome,
    Capabilities,
    ConfirmOutcome,
    FetchOutcome,
    FindOutcome,
    RegisterOutcome,
    Snapshot,
    SubmitOutcome,
    VendorAccount,
    VendorEvent,
    VendorOrder,
)
from platen_vendors.printful import Printful


class VendorAdapter(Protocol):
    """One vendor account. No call raises for what the vendor does; each ends in an outcome."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def paused_for(self) -> float:
        """Seconds for which the account's whole lane is closed."""
        ...

    async def submit(self, order: VendorOrder) -> SubmitOutcome:
        """Creates it as a draft where the vendor has drafts."""
        ...

    async def replace(self, vendor_order_id: str, order: VendorOrder) -> SubmitOutcome:
        """Makes an editable order what is meant; it stays unconfirmed."""
        ...

    async def confirm(self, vendor_order_id: str) -> ConfirmOutcome:
        """Has it printed. Confirming a confirmed order is Accepted."""
        ...

    async def find(self, external_id: str) -> FindOutcome: ...

    async def fetch(self, vendor_order_id: str) -> FetchOutcome: ...

    async def cancel(self, vendor_order_id: str) -> CancelOutcome: ...

    def differences(self, order: VendorOrder, snapshot: Snapshot) -> tuple[str, ...]:
        """Where the vendor's order is not as meant, by path, without values. Empty: as meant."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[VendorEvent, ...]:
        """What to read again. Raises MalformedWebhookError; an event that is about no order is nothing."""
        ...

    async def register_webhook(self, url: str) -> RegisterOutcome:
        """Has the account's webhooks sent to `url`. Read first, and set only where that is not so yet."""
        ...

    async def aclose(self) -> None: ...


class AdapterFactory(Protocol):
    def __call__(
        self,
        account: VendorAccount,
        *,
        share: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = now_utc,
    ) -> VendorAdapter:
        """`share` in (0, 1] of the account's rate, for one of several processes that use it."""
        ...


class UnknownVendorKindError(ValueError):
    """There is no adapter for that kind of vendor."""


ADAPTERS: Mapping[str, AdapterFactory] = {VendorKind.PRINTFUL: Printful}


def adapter(kind: str) -> AdapterFactory:
    """The adapter of a vendor kind. A custom vendor has none: its orders are never dispatched."""
    try:
        return ADAPTERS[kind]
    except KeyError:
        known = ", ".join(sorted(ADAPTERS))
        raise UnknownVendorKindError(
            f"vendor kind: {kind!r} has no adapter; known: {known}. Correct `kind` in the catalog."
        ) from None
