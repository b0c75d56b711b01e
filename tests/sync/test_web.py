"""Webhooks: only signed ones are noted, before they are answered, each delivery once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from platen_contracts.message import Message
from platen_messaging.records import Incoming, local_fact
from platen_outside.webhooks import signature
from platen_sync.decide.facts import Hinted
from platen_sync.web import Webhooks
from starlette.applications import Starlette

from .conftest import secrets_of

BODY = json.dumps({"id": 1001, "status": "processing"}).encode()


class Notes:
    """Stands for the desk: keeps what it is told, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.told: list[Incoming] = []
        self.failure = failure

    def fact(self, message: Message, fact_id: str, key: str) -> Incoming:
        return local_fact(message, fact_id, key, now=datetime(2026, 11, 23, tzinfo=UTC))

    async def apply(self, incoming: Sequence[Incoming]) -> list[object]:
        if self.failure:
            raise self.failure
        self.told += incoming
        return []


async def post(
    notes: Notes, body: bytes = BODY, shop_id: str = "shop-a", secret: str = "hush", headers: dict[str, str] | None = None
) -> httpx.Response:
    hooks = Webhooks(cast("Any", notes), secrets_of(webhook_secret=["hush", "old-hush"]))
    transport = httpx.ASGITransport(Starlette(routes=hooks.routes))
    given = {"X-WC-Webhook-Signature": signature(body, secret, "base64"), "X-WC-Webhook-Topic": "order.updated"} | (headers or {})
    async with httpx.AsyncClient(transport=transport, base_url="http://sync") as client:
        return await client.post(f"/webhooks/{shop_id}", content=body, headers=given)


@pytest.mark.parametrize("secret", ["hush", "old-hush"])
async def test_a_signed_webhook_is_noted_as_a_hint_under_the_new_secret_and_the_old(secret: str) -> None:
    notes = Notes()
    response = await post(notes, secret=secret)
    assert response.status_code == 200
    assert [one.message for one in notes.told] == [Hinted(shop_id="shop-a", shop_order_id="1001")]


async def test_one_delivery_has_one_id_however_often_it_comes_and_another_has_another() -> None:
    notes = Notes()
    for delivery in ("d1", "d1", "d2"):
        await post(notes, headers={"X-WC-Webhook-Delivery-ID": delivery})
    first, again, other = (one.meta.id for one in notes.told)
    assert first == again != other


@pytest.mark.parametrize("given", ["", "nonsense", signature(BODY + b" ", "hush", "base64"), signature(BODY, "guess", "base64")])
async def test_a_webhook_without_the_right_signature_is_refused(given: str) -> None:
    notes = Notes()
    response = await post(notes, headers={"X-WC-Webhook-Signature": given})
    assert response.status_code == 401
    assert not notes.told


async def test_the_ping_that_saving_a_webhook_sends_is_answered_well_though_it_is_unsigned() -> None:
    notes = Notes()
    response = await post(notes, b"webhook_id=5", headers={"X-WC-Webhook-Signature": ""})
    assert response.status_code == 200
    assert not notes.told


async def test_a_webhook_for_a_shop_without_secrets_is_told_what_to_do() -> None:
    response = await post(Notes(), shop_id="shop-b")
    assert response.status_code == 404
    assert "PLATEN_SHOP_SECRETS" in response.json()["reason"]


async def test_other_topics_are_answered_well_and_left_alone() -> None:
    notes = Notes()
    assert (await post(notes, headers={"X-WC-Webhook-Topic": "product.updated"})).status_code == 200
    assert not notes.told


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": "../x"}', b'{"id": true}', b"\xff"])
async def test_a_signed_body_that_is_no_order_is_refused(body: bytes) -> None:
    assert (await post(Notes(), body)).status_code == 400


async def test_a_webhook_that_cannot_be_written_down_is_not_called_received() -> None:
    assert (await post(Notes(ConnectionRefusedError("no database")))).status_code == 503


async def test_a_body_of_any_size_is_not_taken() -> None:
    assert (await post(Notes(), b"x" * (5 * 1024 * 1024))).status_code == 413
