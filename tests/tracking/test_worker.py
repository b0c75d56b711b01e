"""Registering webhooks at a vendor that has one URL per store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from platen_tracking.settings import Settings
from platen_tracking.worker import Registration
from platen_vendors.accounts import VendorSecret
from platen_vendors.model import Registered
from platen_vendors.printful.hooks import TYPES
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.support import until

from .scene import TOKEN, Prints, Scene
from .world import VENDOR, vendor

PUBLIC = "https://tracking.example.com"
SECRET = "0123456789abcdef"
HOOK = f"{PUBLIC}/webhooks/{VENDOR}/{SECRET}"


@pytest.fixture(autouse=True)
def token(scene: Scene) -> None:
    scene.secrets[VENDOR] = VendorSecret.model_validate({"token": TOKEN, "webhook_token": SECRET})


@asynccontextmanager
async def registering(scene: Scene) -> AsyncIterator[Registration]:
    worker, stop = Registration(scene.due, scene.accounts, scene.secrets, PUBLIC), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


async def hook(prints: Prints) -> dict[str, Any]:
    async with prints.client() as client:
        return (await client.get("/webhooks")).json()["result"]


async def is_hook(prints: Prints, url: str) -> bool:
    return (await hook(prints))["url"] == url


async def test_webhooks_are_registered_once_the_catalogue_names_the_account(scene: Scene, prints: Prints) -> None:
    async with registering(scene):
        await scene.hear(prints.vendor)
        await until(lambda: is_hook(prints, HOOK))
    assert set((await hook(prints))["types"]) == set(TYPES)


async def test_an_account_without_a_webhook_token_is_not_registered_and_that_is_said_once(scene: Scene, prints: Prints) -> None:
    scene.secrets["open"] = VendorSecret.model_validate({"token": "token-open"})
    await scene.hear(vendor(vendor_id="open", url=prints.sandbox.vendor("open")), prints.vendor)
    with capture_logs() as lines:
        async with registering(scene) as worker:
            await until(lambda: is_hook(prints, HOOK))
            await worker._register(vendor(vendor_id="open", url=prints.sandbox.vendor("open")))
    [warning] = [line for line in lines if line["log_level"] == "warning"]
    assert warning["vendor"] == "open"
    assert 'add "webhook_token"' in warning["reason"]
    calls = (await prints.sandbox.ledger(account="open"))["calls"]
    assert calls == []


async def test_what_is_registered_already_is_left_alone(scene: Scene, prints: Prints) -> None:
    await scene.hear(prints.vendor)
    adapter = scene.accounts.adapter_of(prints.vendor)
    assert await adapter.register_webhook(HOOK) == Registered(changed=True)  # pyright: ignore[reportAttributeAccessIssue]
    await prints.sandbox.fault(f"vendor/{VENDOR}", "refuse", match={"method": "POST", "path": "/webhooks"}, times="forever")
    assert await adapter.register_webhook(HOOK) == Registered(changed=False)  # pyright: ignore[reportAttributeAccessIssue]


async def test_a_url_that_was_there_before_is_replaced_and_named(scene: Scene, prints: Prints) -> None:
    await prints.call_back("https://old.example.com/hook")
    await scene.hear(prints.vendor)
    adapter = scene.accounts.adapter_of(prints.vendor)
    outcome = await adapter.register_webhook(HOOK)  # pyright: ignore[reportAttributeAccessIssue]
    assert outcome == Registered(changed=True, replaced="https://old.example.com/hook")


async def test_events_that_somebody_else_wants_at_the_same_url_are_kept(scene: Scene, prints: Prints) -> None:
    async with prints.client() as client:
        (await client.post("/webhooks", json={"url": HOOK, "types": ["stock_updated"]})).raise_for_status()
    adapter = scene.accounts.adapter_of(prints.vendor)
    await adapter.register_webhook(HOOK)  # pyright: ignore[reportAttributeAccessIssue]
    assert set((await hook(prints))["types"]) == {*TYPES, "stock_updated"}


@pytest.mark.parametrize("fault", ["drop_reply", "error"])
async def test_a_lost_reply_is_simply_asked_again(scene: Scene, prints: Prints, fault: str) -> None:
    await scene.hear(prints.vendor)
    await prints.sandbox.fault(f"vendor/{VENDOR}", fault, match={"method": "POST", "path": "/webhooks"})
    async with registering(scene):
        await until(lambda: is_hook(prints, HOOK))


async def test_accounts_without_secrets_or_api_are_left_out(scene: Scene, prints: Prints) -> None:
    scene.secrets["byhand"] = scene.secrets[VENDOR]
    await scene.hear(vendor(vendor_id="byhand", kind="custom"), vendor(vendor_id="nobody"), prints.vendor)
    async with registering(scene) as worker:
        await until(lambda: is_hook(prints, HOOK))
        await until(lambda: _registered(worker))


async def _registered(worker: Registration) -> bool:
    return worker._done.keys() == {VENDOR}


@pytest.mark.parametrize("url", ["tracking.example.com", "ftp://x", "https://x?y=1"])
def test_an_address_that_no_vendor_reaches_is_refused(url: str) -> None:
    values: dict[str, Any] = {"kafka": "h:1", "database": "postgresql:///d", "tracking_public_url": url}
    with pytest.raises(ValidationError, match="not an http"):
        Settings(**values)
