"""The adapter of each vendor account: opened when first needed, again when the catalog changed it, closed at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from platen_contracts.catalog import Vendor
from platen_vendors.adapter import UnknownVendorKindError, VendorAdapter, adapter
from platen_vendors.model import VendorAccount

from platen_tracking.settings import VendorSecrets


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why an account cannot be asked, and what to do about it."""

    remedy: str


@dataclass(frozen=True, slots=True)
class _Open:
    kind: str
    url: str | None
    adapter: VendorAdapter


class Accounts:
    """Args: `secrets` by vendor id; `share` of each account's rate; `transport` replaces the network in tests."""

    def __init__(
        self, secrets: Mapping[str, VendorSecrets], share: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._secrets = secrets
        self._share = share
        self._transport = transport
        self._open: dict[str, _Open] = {}

    async def adapter(self, vendor: Vendor) -> VendorAdapter | Unusable:
        held = self._open.get(vendor.vendor_id)
        if held is not None and (held.kind, held.url) == (vendor.kind, vendor.url):
            return held.adapter
        secrets = self._secrets.get(vendor.vendor_id)
        if secrets is None:
            return Unusable(
                f"PLATEN_VENDOR_SECRETS holds nothing for vendor {vendor.vendor_id!r}; "
                f'add {{"{vendor.vendor_id}": {{"token": "…"}}}} and restart tracking'
            )
        account = VendorAccount(vendor.vendor_id, secrets.token.get_secret_value(), vendor.url, secrets.store_id)
        try:
            opened = adapter(vendor.kind)(account, share=self._share, transport=self._transport)
        except UnknownVendorKindError as problem:
            return Unusable(str(problem))
        self._open[vendor.vendor_id] = _Open(vendor.kind, vendor.url, opened)
        if held is not None:
            await held.adapter.aclose()
        return opened

    def known(self, vendor_id: str) -> VendorAdapter | None:
        """The adapter as it was last opened."""
        held = self._open.get(vendor_id)
        return None if held is None else held.adapter

    async def aclose(self) -> None:
        for held in self._open.values():
            await held.adapter.aclose()
        self._open.clear()
