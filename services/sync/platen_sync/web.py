"""Webhooks of the shops: POST /webhooks/{shop_id}. A webhook is only a hint, and is written down before it is answered."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from platen_contracts.ids import derived_id
from platen_messaging.desk import Desk
from platen_messaging.log import logger
from platen_outside.webhooks import MOST_BYTES, received, signed_by
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from platen_sync.decide.facts import Hinted
from platen_sync.model import State
from platen_sync.settings import ShopSecrets

log = logger("webhooks")

_PING = re.compile(rb"webhook_id=\d{1,20}\s*")


class Webhooks:
    def __init__(self, desk: Desk[State], secrets: Mapping[str, ShopSecrets]) -> None:
        self._desk, self._secrets = desk, secrets

    @property
    def routes(self) -> list[Route]:
        return [Route("/webhooks/{shop_id}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """200 once it is written down (or a ping, or of no use here), 401 unsigned, 4xx unreadable, 503 try again."""
        shop_id = request.path_params["shop_id"]
        secrets = self._secrets.get(shop_id)
        if secrets is None:
            return _no(404, f"no shop {shop_id!r} in PLATEN_SHOP_SECRETS; correct the webhook's delivery URL or add the shop")
        body = await received(request.stream())
        if body is None:
            return _no(413, f"the body is larger than {MOST_BYTES} bytes")
        if _PING.fullmatch(body):
            return _yes("ping")
        if not signed_by(body, request.headers.get("x-wc-webhook-signature"), secrets.webhook_secrets, "base64"):
            return _no(401, f"the signature does not fit webhook_secret of shop {shop_id!r} in PLATEN_SHOP_SECRETS")
        if not request.headers.get("x-wc-webhook-topic", "order.").startswith("order."):
            return _yes("not about an order")
        shop_order_id = _order_id(body)
        if shop_order_id is None:
            return _no(400, "the body is not an order: a JSON object with a numeric id is expected")
        return await self._write_down(shop_id, shop_order_id, request.headers.get("x-wc-webhook-delivery-id"), body)

    async def _write_down(self, shop_id: str, shop_order_id: str, delivery: str | None, body: bytes) -> Response:
        fact_id = derived_id("webhook", shop_id, delivery or hashlib.sha256(body).hexdigest())
        hint = Hinted(shop_id=shop_id, shop_order_id=shop_order_id)
        try:
            await self._desk.apply([self._desk.fact(hint, fact_id, f"{shop_id}/{shop_order_id}")])
        except (SQLAlchemyError, OSError, TimeoutError) as problem:
            log.warning("a webhook could not be written down", shop=shop_id, error=type(problem).__name__)
            return _no(503, "it could not be written down; send it again")
        return _yes("noted")


def _order_id(body: bytes) -> str | None:
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = cast("Mapping[str, Any]", order).get("id") if isinstance(order, dict) else None
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    return text if text.isdecimal() and text.isascii() and len(text) <= 20 else None


def _yes(what: str) -> Response:
    return JSONResponse({"result": what})


def _no(status: int, reason: str) -> Response:
    return JSONResponse({"reason": reason}, status_code=status)
