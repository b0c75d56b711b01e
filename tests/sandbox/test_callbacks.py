"""The vendor's callbacks: what is sent, retried, doubled and reordered."""

import asyncio
import json

import httpx
import pytest
from platen_sandbox.deliveries import Deliveries
from platen_sandbox.testing import Sandbox

from tests.support import until

from .conftest import Host, Json, picture, vendor_order

TYPES = ["package_shipped", "order_updated", "order_failed", "order_canceled", "order_created", "order_put_hold"]


async def subscribe(vendor: httpx.AsyncClient, host: Host, *types: str) -> None:
    answer = await vendor.post("/webhooks", json={"url": f"{host.url}/callbacks", "types": list(types)})
    assert answer.status_code == 200


def events(host: Host) -> list[Json]:
    return [json.loads(body) for _, body in host.posts]


async def test_one_url_per_store_the_last_one_counts(vendor: httpx.AsyncClient, host: Host) -> None:
    await subscribe(vendor, host, "order_failed")
    await subscribe(vendor, host, "order_created")
    read = (await vendor.get("/webhooks")).json()["result"]
    assert (read["url"], read["types"]) == (f"{host.url}/callbacks", ["order_created"])
    await vendor.delete("/webhooks")
    assert (await vendor.get("/webhooks")).json()["result"]["types"] == []
    for bad in (
        {},
        {"url": "x", "types": ["order_failed"]},
        {"url": host.url, "types": ["order_lost"]},
        {"url": host.url, "types": []},
    ):
        assert (await vendor.post("/webhooks", json=bad)).status_code == 400


async def test_shipping_is_told_with_shipment_and_order(vendor: httpx.AsyncClient, host: Host) -> None:
    await subscribe(vendor, host, "package_shipped")
    await vendor.post("/orders", params={"confirm": 1}, json=vendor_order(url=host.serve("/a.png", picture())))
    [event] = await until(lambda: events(host))
    order = (await vendor.get("/orders/@ext1")).json()["result"]
    assert (event["type"], event["retries"], event["store"]) == ("package_shipped", 0, order["store"])
    assert event["data"]["shipment"] == order["shipments"][0]
    assert event["data"]["order"]["external_id"] == "ext1"


async def test_a_failure_is_told_with_its_reason(vendor: httpx.AsyncClient, host: Host) -> None:
    await subscribe(vendor, host, "order_failed")
    await vendor.post("/orders", params={"confirm": 1}, json=vendor_order(url=host.serve("/a.png", b"no picture")))
    [event] = await until(lambda: events(host))
    assert "not a PNG or JPEG" in event["data"]["reason"]
    assert event["data"]["order"]["status"] == "failed"


async def test_a_deleted_draft_is_no_cancellation_and_a_confirmed_order_is(slow_vendor: httpx.AsyncClient, host: Host) -> None:
    await subscribe(slow_vendor, host, "order_canceled")
    await slow_vendor.post("/orders", json=vendor_order("draft"))
    await slow_vendor.delete("/orders/@draft")
    await slow_vendor.post("/orders", params={"confirm": 1}, json=vendor_order("pending", host.serve("/a.png", picture())))
    await slow_vendor.delete("/orders/@pending")
    await until(lambda: events(host))
    assert [event["data"]["order"]["external_id"] for event in events(host)] == ["pending"]


async def test_a_callback_that_is_not_taken_is_sent_again(sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host) -> None:
    await sandbox.call("PUT", "/vendors/acme", {"callback_backoff": [0, 0]})
    host.answers += [500, 503]
    await subscribe(vendor, host, "order_created")
    await vendor.post("/orders", json=vendor_order())
    await until(lambda: len(host.posts) == 3)
    assert [event["retries"] for event in events(host)] == [0, 1, 2]
    assert len({event["created"] for event in events(host)}) == 1

    async def answered() -> list[int]:
        """What the sandbox notes of an answer, it notes once it has it."""
        log = await sandbox.call("GET", "/callbacks", target="vendor/acme")
        return [entry["status"] for entry in log] if all("status" in entry for entry in log) else []

    assert await until(answered) == [500, 503, 200]


async def test_callbacks_can_be_doubled(sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host) -> None:
    await sandbox.fault("vendor/acme", "duplicate_callbacks")
    await subscribe(vendor, host, "order_created")
    await vendor.post("/orders", json=vendor_order())
    await until(lambda: len(host.posts) == 2)
    assert host.posts[0][1] == host.posts[1][1]


async def test_callbacks_can_come_in_reverse(
    slow_sandbox: Sandbox, slow_vendor: httpx.AsyncClient, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, ordered = Deliveries._release, asyncio.Event()

    async def released_once_all_are_held(deliveries: Deliveries, target: str, window_s: float) -> None:
        """However long the orders take on a busy machine."""
        await ordered.wait()
        await release(deliveries, target, window_s)

    monkeypatch.setattr(Deliveries, "_release", released_once_all_are_held)
    await slow_sandbox.fault("vendor/acme", "reorder_callbacks", times="forever", params={"window_s": 0.3})
    await subscribe(slow_vendor, host, "order_created", "order_updated")
    for external_id in ("one", "two", "three"):
        await slow_vendor.post("/orders", json=vendor_order(external_id))
    ordered.set()
    await until(lambda: len(host.posts) == 3)
    assert [event["data"]["order"]["external_id"] for event in events(host)] == ["three", "two", "one"]
