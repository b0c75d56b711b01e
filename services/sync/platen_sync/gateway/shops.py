"""The gateway of each shop: opened when first needed, again when its address changed, closed at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from platen_contracts.catalog import Shop, ShopPlatform
from platen_outside.call import TIMEOUT, Outside
from platen_outside.governor import Governor, RatePolicy

from platen_sync.gateway.shop import ShopGateway, Unusable
from platen_sync.gateway.woocommerce import WooCommerce
from platen_sync.settings import ShopSecrets

DEADLINE_S = 30.0
"""For one exchange with a shop."""


@dataclass(frozen=True, slots=True)
class _Open:
    url: str
    client: httpx.AsyncClient
    gateway: ShopGateway


class Shops:
    """Args: `secrets` by shop id; `calls_per_minute` to each shop; `transport` replaces the network in tests."""

    def __init__(
        self, secrets: Mapping[str, ShopSecrets], calls_per_minute: int, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._secrets = secrets
        self._policy = RatePolicy(calls_per_minute, 60.0, max(1, min(calls_per_minute // 4, calls_per_minute - 1)))
        self._transport = transport
        self._open: dict[str, _Open] = {}

    async def gateway(self, shop: Shop) -> ShopGateway | Unusable:
        """The way into `shop`, or what is missing for it."""
        held = self._open.get(shop.shop_id)
        if held is not None and held.url == shop.url:
            return held.gateway
        if shop.platform != ShopPlatform.WOOCOMMERCE:
            known = ", ".join(ShopPlatform)
            remedy = f"platform {shop.platform!r} of shop {shop.shop_id!r} is not one that sync speaks; known: {known}"
            return Unusable("unknown_platform", remedy)
        secrets = self._secrets.get(shop.shop_id)
        if secrets is None:
            return no_secrets(shop.shop_id)
        if not _is_web_address(shop.url):
            return Unusable(
                "bad_url", f"url {shop.url!r} of shop {shop.shop_id!r} is not an http(s) address; correct it in the catalog"
            )
        if held is not None:
            await held.client.aclose()
        client = httpx.AsyncClient(
            base_url=shop.url,
            auth=(secrets.key.get_secret_value(), secrets.secret.get_secret_value()),
            timeout=TIMEOUT,
            headers={"User-Agent": "Platen sync", "Accept": "application/json"},
            transport=self._transport,
        )
        gateway = WooCommerce(Outside(client, Governor(self._policy), deadline_s=DEADLINE_S))
        self._open[shop.shop_id] = _Open(shop.url, client, gateway)
        return gateway

    async def aclose(self) -> None:
        for held in self._open.values():
            await held.client.aclose()
        self._open.clear()


def no_secrets(shop_id: str) -> Unusable:
    example = f'{{"{shop_id}": {{"key": "ck_…", "secret": "cs_…", "webhook_secret": "…"}}}}'
    return Unusable("no_secrets", f"PLATEN_SHOP_SECRETS holds nothing for shop {shop_id!r}; add {example} and restart sync")


def _is_web_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host) and not parsed.userinfo
