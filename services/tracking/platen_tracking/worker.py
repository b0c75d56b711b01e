"""Has every vendor account with a webhook token call us: once, and again when its address changes or it would not hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from platen_contracts.catalog import Vendor
from platen_messaging.log import logger
from platen_messaging.waiting import wait
from platen_vendors.accounts import Accounts, Unusable, VendorSecret
from platen_vendors.model import Registered, RegisterOutcome, Rejected

from platen_tracking.store.due import Due

log = logger("registration")

LOOK_S = 2.0
"""How often new accounts are looked for."""
AGAIN_S = 60.0


class Registration:
    """Args: `secrets` by vendor id; `public_url` is this service's address as vendors reach it."""

    def __init__(self, due: Due, accounts: Accounts, secrets: Mapping[str, VendorSecret], public_url: str) -> None:
        self._due, self._accounts, self._secrets, self._public_url = due, accounts, secrets, public_url
        self._done: dict[str, str | None] = {}
        self._not_before: dict[str, float] = {}
        self._without_token: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for vendor in await self._due.vendors():
                if self._is_open(vendor) and not stop.is_set():
                    await self._register(vendor)
            await wait(stop, LOOK_S)

    def _is_open(self, vendor: Vendor) -> bool:
        if vendor.vendor_id not in self._secrets or self._done.get(vendor.vendor_id, "") == vendor.url:
            return False
        return self._not_before.get(vendor.vendor_id, 0.0) <= asyncio.get_running_loop().time()

    async def _register(self, vendor: Vendor) -> None:
        adapter = self._accounts.adapter_of(vendor)
        if isinstance(adapter, Unusable):
            return
        token = self._secrets[vendor.vendor_id].webhook_token
        if token is None:
            self._refuse(vendor.vendor_id)
            return
        url = f"{self._public_url}/webhooks/{vendor.vendor_id}/{token.get_secret_value()}"
        outcome = await adapter.register_webhook(url)
        if isinstance(outcome, Registered):
            self._done[vendor.vendor_id] = vendor.url
            replaced = None if outcome.replaced is None else _host(outcome.replaced)
            log.info("webhooks come here", vendor=vendor.vendor_id, changed=outcome.changed, replaced=replaced)
        else:
            self._not_before[vendor.vendor_id] = asyncio.get_running_loop().time() + AGAIN_S
            log.warning("webhooks could not be registered", vendor=vendor.vendor_id, reason=_told(outcome))

    def _refuse(self, vendor_id: str) -> None:
        """A public address without a token is open to everybody. Said once."""
        if vendor_id in self._without_token:
            return
        self._without_token.add(vendor_id)
        log.warning(
            "webhooks are not registered",
            vendor=vendor_id,
            reason=f"PLATEN_VENDOR_SECRETS holds no webhook_token for vendor {vendor_id!r}, so anybody could post to "
            'PLATEN_TRACKING_PUBLIC_URL; add "webhook_token" (16 to 128 letters, digits, - and _) and start tracking again',
        )


def _host(url: str) -> str:
    """Without its path, which may hold a token."""
    return url.partition("//")[2].partition("/")[0].rpartition("@")[2]


def _told(outcome: RegisterOutcome) -> str:
    """Codes only: a vendor's words may repeat the URL, token included."""
    return f"{outcome.code}; {outcome.remedy}" if isinstance(outcome, Rejected) else type(outcome).__name__
