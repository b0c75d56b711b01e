"""The adapter of each vendor account: made when first needed, again when the catalog changes it, closed at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import httpx
from platen_contracts.catalog import Vendor
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from platen_vendors.adapter import UnknownVendorKindError, VendorAdapter, adapter
from platen_vendors.model import VendorAccount


def _unguessable(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (16 <= len(text) <= 128 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()):
        raise ValueError("it is not 16 to 128 letters, digits, - and _")
    return secret


class VendorSecret(BaseModel):
    """What opens one vendor account, as PLATEN_VENDOR_SECRETS holds it by vendor id.

    `store_id` where one token serves several stores; `webhook_token` is the last part of the path at which webhooks are taken.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: SecretStr
    store_id: str | None = None
    webhook_token: Annotated[SecretStr, AfterValidator(_unguessable)] | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why an account cannot be asked, and what to do about it."""

    code: Literal["no_secret", "unknown_kind"]
    remedy: str


@dataclass(frozen=True, slots=True)
class _Open:
    kind: str
    url: str | None
    adapter: VendorAdapter


class Accounts:
    """Args: `secrets` by vendor id; `share` in (0, 1] of each account's rate, for one of several processes that call it;
    `transport` replaces the network in tests."""

    def __init__(
        self, secrets: Mapping[str, VendorSecret], share: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._secrets, self._share, self._transport = secrets, share, transport
        self._open: dict[str, _Open] = {}
        self._replaced: list[VendorAdapter] = []

    def adapter_of(self, vendor: Vendor) -> VendorAdapter | Unusable:
        held = self._open.get(vendor.vendor_id)
        if held is not None and (held.kind, held.url) == (vendor.kind, vendor.url):
            return held.adapter
        secret = self._secrets.get(vendor.vendor_id)
        if secret is None:
            return Unusable(
                "no_secret",
                f"PLATEN_VENDOR_SECRETS holds nothing for vendor {vendor.vendor_id!r}; "
                f'add {{"{vendor.vendor_id}": {{"token": "…"}}}} and start the service again',
            )
        account = VendorAccount(vendor.vendor_id, secret.token.get_secret_value(), vendor.url, secret.store_id)
        try:
            made = adapter(vendor.kind)(account, share=self._share, transport=self._transport)
        except UnknownVendorKindError as problem:
            return Unusable("unknown_kind", str(problem))
        if held is not None:
            # Calls through it may be under way.
            self._replaced.append(held.adapter)
        self._open[vendor.vendor_id] = _Open(vendor.kind, vendor.url, made)
        return made

    def known(self, vendor_id: str) -> VendorAdapter | None:
        """The adapter as it was last made."""
        held = self._open.get(vendor_id)
        return None if held is None else held.adapter

    async def aclose(self) -> None:
        for one in (*self._replaced, *(held.adapter for held in self._open.values())):
            await one.aclose()
        self._replaced.clear()
        self._open.clear()
