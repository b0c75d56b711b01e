"""What the tests of sync share: a shop account, a catalog, and gateways without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from platen_contracts.catalog import Listing, Shop, Vendor
from platen_contracts.common import ArtworkRef, OutputProfile, VendorProduct
from platen_messaging.databases import open_engine
from platen_sandbox.testing import Sandbox, running_sandbox
from platen_sync.gateway.shop import ShopGateway, Unusable
from platen_sync.gateway.shops import Shops
from platen_sync.settings import ShopSecrets

from .rig import Rig

Json = dict[str, Any]


def shop(url: str, shop_id: str = "shop-a", **given: Any) -> Shop:
    values = {
        "shop_id": shop_id,
        "title": "A shop",
        "url": url,
        "sync_from": datetime(2026, 1, 1, tzinfo=UTC),
        "poll_every_s": 3600,
    }
    return Shop.model_validate(values | given)


def listing(listing_id: str = "11", vendor_id: str = "printful-main", shop_id: str = "shop-a") -> Listing:
    return Listing(
        shop_id=shop_id,
        listing_id=listing_id,
        title="Poster",
        vendor_id=vendor_id,
        product=VendorProduct(variant_id="4012"),
        profile=OutputProfile(profile_id="a2", version=1, width_px=60, height_px=80),
        artwork=ArtworkRef(artwork_id="name-poster", version=3),
        questions={"Name": "name"},
    )


def vendor(vendor_id: str = "printful-main", kind: str = "printful") -> Vendor:
    return Vendor(vendor_id=vendor_id, title="A vendor", kind=kind)


def secrets_of(shop_id: str = "shop-a", **given: Any) -> dict[str, ShopSecrets]:
    """As the sandbox's shops have them."""
    values = {"key": f"ck_{shop_id}", "secret": f"cs_{shop_id}", "webhook_secret": "hush"} | given
    return {shop_id: ShopSecrets.model_validate(values)}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


@pytest.fixture
async def gateway(sandbox: Sandbox) -> AsyncIterator[ShopGateway]:
    """The way into the sandbox's shop-a."""
    shops = Shops(secrets_of(), 6000)
    way = await shops.gateway(shop(sandbox.shop("shop-a")))
    assert not isinstance(way, Unusable)
    yield way
    await shops.aclose()


@pytest.fixture
async def stored(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Rig]:
    """A database of sync's own, behind a desk."""
    engine = open_engine(await database("platen_sync"))
    yield Rig(engine)
    await engine.dispose()
