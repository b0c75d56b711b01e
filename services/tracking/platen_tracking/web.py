"""Webhooks of the vendors: POST /webhooks/{vendor_id}. One only says "read order X", and is written down before the answer."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping

from platen_contracts.ids import derived_id
from platen_messaging.desk import Desk
from platen_messaging.log import logger
from platen_messaging.records import Incoming
from platen_outside.webhooks import MOST_BYTES, received
from platen_vendors.accounts import Accounts, Unusable, VendorSecret
from platen_vendors.adapter import VendorAdapter
from platen_vendors.model import MalformedWebhookError, VendorEvent
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from platen_tracking.decide.facts import Hinted
from platen_tracking.model import State
from platen_tracking.store.due import Due

log = logger("webhooks")

HINTS = Counter("platen_tracking_webhooks", "Webhooks taken, by the status they were answered with", ("status",))

_LONGEST_ID = 64


class Webhooks:
    """Args: `secrets` by vendor id."""

    def __init__(self, desk: Desk[State], due: Due, accounts: Accounts, secrets: Mapping[str, VendorSecret]) -> None:
        self._desk, self._due, self._accounts, self._secrets = desk, due, accounts, secrets
        self._notebook = _Notebook(desk)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/webhooks/{vendor_id}", self.receive, methods=["POST"]),
            Route("/webhooks/{vendor_id}/{token}", self.receive, methods=["POST"]),
        ]

    async def receive(self, request: Request) -> Response:
        """200 once it is written down (or of no use here), 4xx if it cannot be understood, 503 try again."""
        try:
            response = await self._receive(request)
        except (SQLAlchemyError, OSError, TimeoutError) as problem:
            log.warning("a webhook could not be written down", error=type(problem).__name__)
            response = _no(503, "it could not be written down; send it again")
        HINTS.labels(response.status_code).inc()
        return response

    async def _receive(self, request: Request) -> Response:
        vendor_id: str = request.path_params["vendor_id"]
        secrets = self._secrets.get(vendor_id)
        if secrets is None:
            return _no(404, f"no vendor {vendor_id!r} in PLATEN_VENDOR_SECRETS; correct the webhook's URL or add the vendor")
        if not _is_let_in(secrets, request.path_params.get("token")):
            return _no(401, f"the path does not end in webhook_token of vendor {vendor_id!r} in PLATEN_VENDOR_SECRETS")
        body = await received(request.stream())
        if body is None:
            return _no(413, f"the body is larger than {MOST_BYTES} bytes")
        adapter = await self._adapter(vendor_id)
        if isinstance(adapter, Response):
            return adapter
        try:
            events = adapter.parse_webhook(dict(request.headers), body)
        except MalformedWebhookError as problem:
            return _no(400, f"the body is not a webhook of this vendor: {problem}")
        if any(not _is_usable(event) for event in events):
            return _no(400, f"the order's id is not 1 to {_LONGEST_ID} printable characters")
        if not events:
            return JSONResponse({"result": "not about an order"})
        await asyncio.gather(*(self._notebook.write(self._fact(vendor_id, event)) for event in events))
        return JSONResponse({"result": "noted"})

    async def _adapter(self, vendor_id: str) -> VendorAdapter | Response:
        if (known := self._accounts.known(vendor_id)) is not None:
            return known
        vendor = await self._due.vendor(vendor_id)
        if vendor is None:
            return _no(503, f"vendor {vendor_id!r} is not in the catalog yet; send it again later")
        adapter = self._accounts.adapter_of(vendor)
        return _no(404, adapter.remedy) if isinstance(adapter, Unusable) else adapter

    def _fact(self, vendor_id: str, event: VendorEvent) -> Incoming:
        """Every delivery of one event is one fact."""
        hint = Hinted(vendor_id=vendor_id, vendor_order_id=event.vendor_order_id)
        return self._desk.fact(hint, derived_id("webhook", vendor_id, event.dedupe_key), event.vendor_order_id)


class _Notebook:
    """Writes facts down, all that wait in one transaction: a storm of webhooks takes one connection and few commits."""

    def __init__(self, desk: Desk[State]) -> None:
        self._desk = desk
        self._waiting: list[tuple[Incoming, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, fact: Incoming) -> None:
        """Returns once it is committed; raises what the database raised."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((fact, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:500], self._waiting[500:]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: list[tuple[Incoming, asyncio.Future[None]]]) -> None:
        [outcome] = await asyncio.gather(self._desk.apply([fact for fact, _ in batch]), return_exceptions=True)
        for _, done in batch:
            if done.done():
                continue
            if isinstance(outcome, BaseException):
                done.set_exception(outcome)
            else:
                done.set_result(None)


def _is_let_in(secrets: VendorSecret, given: str | None) -> bool:
    if secrets.webhook_token is None:
        return given is None
    return hmac.compare_digest((given or "").encode(), secrets.webhook_token.get_secret_value().encode())


def _is_usable(event: VendorEvent) -> bool:
    return 1 <= len(event.vendor_order_id) <= _LONGEST_ID and event.vendor_order_id.isprintable()


def _no(status: int, reason: str) -> Response:
    return JSONResponse({"reason": reason}, status_code=status)
