"""An adapter per vendor account, made when first needed and again when the catalog changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from platen_contracts.catalog import Vendor
from platen_vendors.adapter import VendorAdapter, adapter
from platen_vendors.model import VendorAccount

from platen_dispatch.settings import VendorSecret


class Accounts(Protocol):
    """How the worker comes to an adapter."""

    def adapter_of(self, vendor: Vendor) -> VendorAdapter | None:
        """None: there is no secret for this account."""
        ...

    async def aclose(self) -> None: ...


class VendorAccounts:
    """Args: `secrets` by vendor id; `share` in (0, 1] of each account's rate, since tracking calls the same accounts."""

    def __init__(self, secrets: Mapping[str, VendorSecret], share: float) -> None:
        self._secrets, self._share = secrets, share
        self._adapters: dict[str, tuple[tuple[str, str | None], VendorAdapter]] = {}
        self._replaced: list[VendorAdapter] = []

    def adapter_of(self, vendor: Vendor) -> VendorAdapter | None:
        """Raises `UnknownVendorKindError`."""
        secret = self._secrets.get(vendor.vendor_id)
        if secret is None:
            return None
        where = (vendor.kind, vendor.url)
        held = self._adapters.get(vendor.vendor_id)
        if held is not None and held[0] == where:
            return held[1]
        if held is not None:
            # Calls through it may be under way.
            self._replaced.append(held[1])
        account = VendorAccount(vendor.vendor_id, secret.token.get_secret_value(), vendor.url, secret.store_id)
        made = adapter(vendor.kind)(account, share=self._share)
        self._adapters[vendor.vendor_id] = (where, made)
        return made

    async def aclose(self) -> None:
        for one in (*self._replaced, *(made for _, made in self._adapters.values())):
            await one.aclose()
        self._adapters.clear()
        self._replaced.clear()
