"""The shop's webhooks: ping, signature, switched off after five failures."""

import base64
import hashlib
import hmac
import json

import httpx
from platen_sandbox.testing import Sandbox

from tests.support import until

from .conftest import Host, Json


async def register(shop: httpx.AsyncClient, host: Host, topic: str = "order.created") -> Json:
    given = {"topic": topic, "delivery_url": f"{host.url}/hook", "secret": "s3cret"}
    answer = await shop.post("/wc/v3/webhooks", json=given)
    assert answer.status_code == 201
    await until(lambda: any(body.startswith(b"webhook_id=") for _, body in host.posts))
    host.posts.clear()
    return answer.json()


async def test_saving_a_webhook_sends_a_ping_that_is_a_form_without_signature(shop: httpx.AsyncClient, host: Host) -> None:
    given = {"topic": "order.updated", "delivery_url": f"{host.url}/hook", "secret": "s3cret"}
    hook = (await shop.post("/wc/v3/webhooks", json=given)).json()
    headers, body = (await until(lambda: host.posts))[0]
    assert body == f"webhook_id={hook['id']}".encode()
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert "x-wc-webhook-signature" not in headers
    assert "secret" not in hook


async def test_a_delivery_is_signed_over_the_raw_body(sandbox: Sandbox, shop: httpx.AsyncClient, host: Host) -> None:
    hook = await register(shop, host)
    order = await sandbox.order("north", {"customer_note": "für José"})
    headers, body = (await until(lambda: host.posts))[0]
    assert json.loads(body) == order
    expected = base64.b64encode(hmac.new(b"s3cret", body, hashlib.sha256).digest()).decode()
    assert headers["x-wc-webhook-signature"] == expected
    assert headers["x-wc-webhook-topic"] == "order.created"
    assert headers["x-wc-webhook-source"] == f"{sandbox.shop('north')}/"
    assert headers["x-wc-webhook-id"] == str(hook["id"])
    assert headers["x-wc-webhook-delivery-id"]


async def test_only_the_registered_topic_of_the_registered_shop_is_sent(
    sandbox: Sandbox, shop: httpx.AsyncClient, host: Host
) -> None:
    await register(shop, host, "order.updated")
    await sandbox.order("south")
    order = await sandbox.order("north")
    await sandbox.call("POST", f"/shops/north/orders/{order['id']}/cancel")
    await until(lambda: host.posts)
    assert [(h["x-wc-webhook-topic"], json.loads(b)["status"]) for h, b in host.posts] == [("order.updated", "cancelled")]


async def test_five_failures_in_a_row_disable_a_webhook_and_a_success_between_does_not(
    sandbox: Sandbox, shop: httpx.AsyncClient, host: Host
) -> None:
    hook = await register(shop, host)

    async def deliver(answer: int) -> Json:
        seen = len(host.posts)
        host.answers.append(answer)
        await sandbox.order("north")
        await until(lambda: len(host.posts) > seen)
        return (await sandbox.call("GET", "/shops/north"))["webhooks"][0]

    async def failures(count: int) -> bool:
        return (await sandbox.call("GET", "/shops/north"))["webhooks"][0]["failures"] == count

    for count in range(1, 5):
        await deliver(500)
        await until(lambda count=count: failures(count))
    await deliver(200)
    await until(lambda: failures(0))
    for count in range(1, 6):
        await deliver(503)
        await until(lambda count=count: failures(count))
    assert (await shop.get(f"/wc/v3/webhooks/{hook['id']}")).json()["status"] == "disabled"
    seen = len(host.posts)
    await sandbox.order("north")
    await shop.put(f"/wc/v3/webhooks/{hook['id']}", json={"status": "active"})
    await until(lambda: len(host.posts) > seen)
    assert host.posts[-1][1].startswith(b"webhook_id="), "the order of the dark time is not sent, only the ping of the saving"


async def test_a_webhook_is_checked_listed_and_deleted(shop: httpx.AsyncClient, host: Host) -> None:
    for given in ({"topic": "order.created"}, {"topic": "nonsense", "delivery_url": host.url}, {"delivery_url": host.url}):
        assert (await shop.post("/wc/v3/webhooks", json=given)).status_code == 400
    hook = await register(shop, host)
    assert [h["id"] for h in (await shop.get("/wc/v3/webhooks")).json()] == [hook["id"]]
    assert (await shop.delete(f"/wc/v3/webhooks/{hook['id']}", params={"force": "true"})).status_code == 200
    assert (await shop.get("/wc/v3/webhooks")).json() == []
    assert (await shop.get(f"/wc/v3/webhooks/{hook['id']}")).status_code == 404
