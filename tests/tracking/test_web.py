"""Webhooks: written down, merged, and never believed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from platen_contracts.tracking import ShipmentUpdated
from platen_outside.webhooks import MOST_BYTES
from platen_tracking.decide.pace import MERGE
from platen_vendors.accounts import VendorSecret

from tests.support import until

from .scene import TOKEN, Prints, Scene
from .world import MUG, POSTER, VENDOR, accepted, vendor

PATH = f"/webhooks/{VENDOR}"


@pytest.fixture
async def hooks(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    async with scene.listening() as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield client


def event(order: object = 1, kind: str = "order_updated", created: int = 1_800_000_000, **more: Any) -> dict[str, Any]:
    return {"type": kind, "created": created, "retries": 0, "store": 1, "data": {"order": {"id": order}, **more}}


async def hinted(scene: Scene) -> list[str]:
    return sorted(row[0] for row in await scene.rows("select vendor_order_id from vendor_orders where hinted_at is not null"))


async def test_a_webhook_is_answered_when_its_hint_is_durable(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    answer = await hooks.post(PATH, json=event(77))
    assert (answer.status_code, answer.json()) == (200, {"result": "noted"})
    assert await hinted(scene) == ["77"]


async def test_an_event_about_no_order_is_of_no_use(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    answer = await hooks.post(PATH, json={"type": "stock_updated", "data": {"product_id": 1}})
    assert (answer.status_code, answer.json()) == (200, {"result": "not about an order"})
    assert await hinted(scene) == []


async def test_what_is_no_webhook_is_answered_with_a_sentence(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    for body in (b"", b"\xff", b"[]", b'{"type": 1', b'{"data": {}}', json.dumps(event({"x": 1})).encode()):
        answer = await hooks.post(PATH, content=body)
        assert answer.status_code == 400, body
        assert answer.json()["reason"].startswith("the body is not a webhook of this vendor: ")
    assert await hinted(scene) == []


async def test_an_id_that_no_vendor_gives_is_not_kept(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    for order in ("", "1" * 65, "a\x00b", "a\nb"):
        assert (await hooks.post(PATH, json=event(order))).status_code == 400, order
    assert await hinted(scene) == []


async def test_a_body_that_is_too_large_is_not_read(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    assert (await hooks.post(PATH, content=b" " * (MOST_BYTES + 1))).status_code == 413


async def test_a_vendor_without_secrets_is_unknown_here(hooks: httpx.AsyncClient) -> None:
    answer = await hooks.post("/webhooks/stranger", json=event())
    assert answer.status_code == 404
    assert "PLATEN_VENDOR_SECRETS" in answer.json()["reason"]


async def test_a_vendor_that_the_catalogue_has_not_named_yet_is_to_send_it_again(hooks: httpx.AsyncClient) -> None:
    assert (await hooks.post(PATH, json=event())).status_code == 503


async def test_a_vendor_without_an_api_sends_no_webhooks(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor(kind="custom"))
    assert (await hooks.post(PATH, json=event())).status_code == 404


async def test_with_a_token_only_the_path_that_ends_in_it_is_open(scene: Scene, hooks: httpx.AsyncClient) -> None:
    secret = "0123456789abcdef"
    scene.secrets[VENDOR] = VendorSecret.model_validate({"token": TOKEN, "webhook_token": secret})
    await scene.hear(vendor())
    answers = [(await hooks.post(path, json=event())).status_code for path in (PATH, f"{PATH}/wrong", f"{PATH}/{secret}")]
    assert answers == [401, 401, 200]


async def test_without_a_token_no_path_below_is_open(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    assert (await hooks.post(f"{PATH}/anything", json=event())).status_code == 401


async def test_a_database_that_is_away_is_answered_with_send_it_again(scene: Scene, hooks: httpx.AsyncClient) -> None:
    await scene.hear(vendor())
    async with scene.engine.begin() as tx:
        await tx.exec_driver_sql("alter table inbox rename to gone")
    assert (await hooks.post(PATH, json=event())).status_code == 503
    async with scene.engine.begin() as tx:
        await tx.exec_driver_sql("alter table gone rename to inbox")
    assert (await hooks.post(PATH, json=event())).status_code == 200


async def test_a_storm_of_a_thousand_webhooks_costs_few_readings(scene: Scene, prints: Prints, hooks: httpx.AsyncClient) -> None:
    taken = await prints.order()
    await scene.hear(prints.vendor, taken)
    async with scene.polling():
        bodies = [event(taken.vendor_order_id, created=1_800_000_000 + number % 100) for number in range(1000)]
        began = scene.clock.now()
        senders = [_post_all(hooks.base_url, bodies[start::50]) for start in range(50)]
        assert await asyncio.gather(*senders) == [{b"HTTP/1.1 200 OK"}] * 50
        lasted = scene.clock.now() - began
        await until(scene.told)
        # Where the first reading came before the storm was over, another follows.
        await until(lambda: _nothing_hinted(scene))
    reads = scene.reads.counts[taken.vendor_order_id]
    # Each waits twice as long as the one before, and comes only where the storm went on after that one.
    assert 1 <= reads <= 3 or MERGE * 2 ** (reads - 2) < lasted


async def test_what_a_webhook_claims_is_not_believed(scene: Scene, prints: Prints, hooks: httpx.AsyncClient) -> None:
    taken = await prints.order()
    await scene.hear(prints.vendor, taken)
    lie = event(taken.vendor_order_id, "package_shipped", shipment={"id": 5, "carrier": "X", "tracking_number": "FAKE"})
    lie["data"]["order"]["status"] = "fulfilled"
    async with scene.polling():
        assert (await hooks.post(PATH, json=lie)).status_code == 200
        await until(scene.told)
    assert [type(it).__name__ for it in await scene.told()] == ["VendorOrderChanged"]
    assert await scene.words() == ["pending"]


async def test_a_webhook_that_comes_before_the_acceptance_is_honoured_when_it_comes(
    scene: Scene, prints: Prints, hooks: httpx.AsyncClient
) -> None:
    taken = await prints.order()
    await scene.hear(prints.vendor)
    await hooks.post(PATH, json=event(taken.vendor_order_id))
    async with scene.polling():
        await scene.hear(taken)
        await until(scene.told)
    assert scene.reads.counts[taken.vendor_order_id] == 1


@pytest.mark.parametrize("fault", ["duplicate_callbacks", "reorder_callbacks"])
async def test_doubled_and_reordered_callbacks_end_in_what_the_vendor_has(
    scene: Scene, prints: Prints, hooks: httpx.AsyncClient, fault: str
) -> None:
    params = {"copies": 5} if fault == "duplicate_callbacks" else {"window_s": 0.5}
    await prints.sandbox.fault(f"vendor/{VENDOR}", fault, times="forever", params=params)
    await prints.call_back(f"{hooks.base_url}{PATH}".replace("//webhooks", "/webhooks"))
    taken = await prints.order()
    await scene.hear(prints.vendor, taken)
    async with scene.polling():
        await prints.ship(taken, {MUG: 1})
        await prints.ship(taken, {MUG: 1})
        await prints.ship(taken, {POSTER: 1})
        await until(lambda: _ends_in(scene, "fulfilled"))
    parcels = {
        key: it for message in await scene.told() if isinstance(message, ShipmentUpdated) for key, it in message.parcels.items()
    }
    assert sorted(tuple(it.units.items()) for it in parcels.values()) == sorted([((MUG, 1),), ((MUG, 1),), ((POSTER, 1),)])
    assert scene.reads.counts[taken.vendor_order_id] <= 4


async def _post_all(url: httpx.URL, bodies: list[dict[str, Any]]) -> set[bytes]:
    """One after the other on one plain connection (a client library would cost more than what is tested); the status lines."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    seen: set[bytes] = set()
    for body in bodies:
        raw = json.dumps(body).encode()
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        await reader.readexactly(length)
        seen.add(head.partition(b"\r\n")[0])
    writer.close()
    return seen


async def _nothing_hinted(scene: Scene) -> bool:
    return not await hinted(scene)


async def _ends_in(scene: Scene, word: str) -> bool:
    return (await scene.words())[-1:] == [word]


async def test_an_order_nobody_follows_is_never_read(scene: Scene, prints: Prints, hooks: httpx.AsyncClient) -> None:
    stranger, ours = await prints.order("theirs"), await prints.order("ours")
    await scene.hear(prints.vendor, ours)
    async with scene.polling():
        await hooks.post(PATH, json=event(stranger.vendor_order_id))
        await hooks.post(PATH, json=event(ours.vendor_order_id))
        await until(scene.told)
    assert scene.reads.counts == {ours.vendor_order_id: 1}
    assert accepted().vendor_id == VENDOR
