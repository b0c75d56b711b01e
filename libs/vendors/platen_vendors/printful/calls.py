"""The Printful v1 adapter: create as a draft, read, confirm. Source: https://developers.printful.com/docs/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

import httpx
from platen_contracts.status import VendorStatus
from platen_outside import failures
from platen_outside.call import TIMEOUT, Outside, now_utc
from platen_outside.failures import Answer, AuthFailed, Throttled, Transient, Unknown
from platen_outside.governor import Governor, RatePolicy
from platen_outside.retry import patiently

from platen_vendors import compare
from platen_vendors.model import (
    Absent,
    Accepted,
    AlreadyExists,
    Cancelled,
    CancelOutcome,
    Capabilities,
    ConfirmOutcome,
    FetchOutcome,
    FindOutcome,
    Found,
    Inconclusive,
    NotReady,
    RegisterOutcome,
    Rejected,
    Snapshot,
    SubmitOutcome,
    TooLate,
    VendorAccount,
    VendorEvent,
    VendorOrder,
)
from platen_vendors.printful.body import order_body, unsendable
from platen_vendors.printful.hooks import register
from platen_vendors.printful.read import snapshot
from platen_vendors.printful.refusals import ALREADY_EXISTS, STORE_TERMINATED, given_back, printful_code, rejected
from platen_vendors.printful.webhook import events

PUBLIC_URL = "https://api.printful.com"
WINDOW_S = 60.0
TOO_MANY = frozenset({419, 429})

_Failed = Throttled | AuthFailed | Transient | Unknown


class Printful:
    """One Printful store. Every order is created unconfirmed, which prints and costs nothing."""

    capabilities = Capabilities(
        draft=True,
        duplicates="rejects",
        lookup="direct",
        webhook_auth="none",
        rate=RatePolicy(requests=120, window_s=WINDOW_S, burst=20),
    )

    def __init__(
        self,
        account: VendorAccount,
        *,
        share: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        headers = {"Authorization": f"Bearer {account.token}", "User-Agent": "Platen"}
        if account.store_id:
            headers["X-PF-Store-Id"] = account.store_id
        self._client = httpx.AsyncClient(
            base_url=account.url or PUBLIC_URL, headers=headers, timeout=TIMEOUT, transport=transport
        )
        self._outside = Outside(
            self._client,
            Governor(self.capabilities.rate.share(share)),
            throttled=TOO_MANY,
            told_rate=lambda headers: _told_rate(headers, share),
            now=now,
        )
        self._now = now

    @property
    def paused_for(self) -> float:
        return self._outside.governor.paused_for()

    async def submit(self, order: VendorOrder) -> SubmitOutcome:
        if (refusal := unsendable(order)) is not None:
            return refusal
        outcome = await self._write("POST", "/orders", order_body(order))
        if isinstance(outcome, failures.Rejected):
            return await self._existing_or_rejected(order.external_id, outcome)
        return self._as_submitted(order, outcome)

    async def replace(self, vendor_order_id: str, order: VendorOrder) -> SubmitOutcome:
        if (refusal := unsendable(order)) is not None:
            return refusal
        outcome = await self._write("PUT", _path(vendor_order_id), order_body(order, whole=True))
        if isinstance(outcome, failures.Rejected):
            return rejected(outcome.status, outcome.body)
        return self._as_submitted(order, outcome)

    async def confirm(self, vendor_order_id: str) -> ConfirmOutcome:
        outcome = await self._write("POST", f"{_path(vendor_order_id)}/confirm")
        if isinstance(outcome, failures.Rejected):
            refusal = rejected(outcome.status, outcome.body)
            # A refusal may only mean that it is confirmed already.
            return await self._confirmed_or(vendor_order_id, refusal)
        if not isinstance(outcome, Answer):
            return outcome
        read = _order_in(outcome)
        if read is None:
            return Unknown("the answer to confirm holds no order")
        return _after_confirm(read)

    async def find(self, external_id: str) -> FindOutcome:
        outcome = await self._order_at(f"/orders/@{quote(external_id, safe='')}")
        if not isinstance(outcome, Snapshot):
            return outcome
        if outcome.external_id != external_id:
            return Inconclusive("the order found has another external id")
        return Found((outcome,))

    async def fetch(self, vendor_order_id: str) -> FetchOutcome:
        outcome = await self._order_at(_path(vendor_order_id))
        if isinstance(outcome, Snapshot) and outcome.vendor_order_id != vendor_order_id:
            return Inconclusive("the order read has another id")
        return outcome

    async def cancel(self, vendor_order_id: str) -> CancelOutcome:
        outcome = await self._write("DELETE", _path(vendor_order_id))
        if not isinstance(outcome, Answer | failures.Rejected):
            return outcome
        # Whatever Printful answered: only what is read back counts.
        read = await self.fetch(vendor_order_id)
        match read:
            case Absent():
                return Cancelled(None)
            case Snapshot(stage="ended"):
                return Cancelled(read)
            case Snapshot(stage="live"):
                return TooLate(read)
            case _ if isinstance(outcome, failures.Rejected):
                return rejected(outcome.status, outcome.body)
            case _:
                return Unknown("cancelled, but not read back as cancelled")

    def differences(self, order: VendorOrder, snapshot: Snapshot) -> tuple[str, ...]:
        return compare.differences(order, snapshot)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[VendorEvent, ...]:
        return events(body)

    async def register_webhook(self, url: str) -> RegisterOutcome:
        return await register(self._outside, url)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer | failures.Rejected | _Failed:
        outcome = await self._outside.ask(method, path, json=body)
        if isinstance(outcome, failures.Rejected):
            if not outcome.is_json:
                return Unknown(f"HTTP {outcome.status} with a body that is not JSON")
            if printful_code(outcome.body) == STORE_TERMINATED:
                return AuthFailed(outcome.status)
        return outcome

    async def _existing_or_rejected(self, external_id: str, refusal: failures.Rejected) -> SubmitOutcome:
        """`OR-13` means a duplicate, but where it stands in the body is undocumented: an order that is there decides."""
        code = printful_code(refusal.body)
        if code is not None and code != ALREADY_EXISTS:
            return rejected(refusal.status, refusal.body)
        match await self.find(external_id):
            case Found(snapshots=(first, *_)):
                return AlreadyExists(first.vendor_order_id, first)
            case Absent() if code is None:
                return rejected(refusal.status, refusal.body)
            case Throttled() | Transient() | AuthFailed() | Inconclusive() | Absent() | Found():
                return Unknown(f"HTTP {refusal.status}, and whether the order exists could not be read")

    async def _confirmed_or(self, vendor_order_id: str, refusal: Rejected) -> ConfirmOutcome:
        read = await self.fetch(vendor_order_id)
        if isinstance(read, Snapshot):
            return Accepted(read.vendor_order_id, False, read) if read.stage == "live" else refusal
        return refusal if isinstance(read, Absent) else Unknown("refused to confirm, and the order could not be read")

    async def _order_at(self, path: str) -> FetchOutcome:
        asked_at = self._now()
        outcome = await patiently(lambda: self._outside.ask("GET", path))
        match outcome:
            case Answer():
                return _order_in(outcome) or Inconclusive("the answer holds no order that can be read")
            case failures.Rejected(status=404) if _says_not_found(outcome.body):
                return Absent(asked_at)
            case failures.Rejected():
                return Inconclusive(f"HTTP {outcome.status}")
            case Unknown():
                return Transient(outcome.cause)
            case _:
                return outcome

    def _as_submitted(self, order: VendorOrder, outcome: Answer | _Failed) -> SubmitOutcome:
        if not isinstance(outcome, Answer):
            return outcome
        read = _order_in(outcome)
        if read is None or read.external_id != order.external_id:
            return Unknown("the answer does not hold the order that was sent")
        return Accepted(read.vendor_order_id, read.stage == "editable", read)


def _told_rate(headers: Mapping[str, str], share: float) -> RatePolicy | None:
    """`X-Ratelimit-Limit` is in calls a minute."""
    limit = headers.get("x-ratelimit-limit", "")
    if not (limit.isascii() and limit.isdigit() and int(limit) > 1):
        return None
    return RatePolicy(int(limit), WINDOW_S, max(1, int(limit) // 6)).share(share)


def _path(vendor_order_id: str) -> str:
    return f"/orders/{quote(vendor_order_id, safe='')}"


def _order_in(answer: Answer) -> Snapshot | None:
    body = answer.body
    return snapshot(cast("dict[str, object]", body).get("result")) if isinstance(body, dict) else None


def _says_not_found(body: object) -> bool:
    """Printful's own 404. One of a proxy, or of a wrong address, proves nothing about the order."""
    return isinstance(body, dict) and str(cast("dict[str, object]", body).get("code")) == "404"


def _after_confirm(read: Snapshot) -> ConfirmOutcome:
    """Printful may answer 200 and give the order back: as a draft while costs are worked out, as failed when it cannot charge."""
    match read.stage, read.status:
        case "live", _:
            return Accepted(read.vendor_order_id, False, read)
        case "editable", VendorStatus.DRAFT:
            return NotReady(read)
        case "unknown", _:
            return Unknown(f"after confirm the order is {read.status_raw!r}")
        case _:
            words = next((issue.words for issue in read.issues if issue.words), None)
            return given_back(read.status_raw, words)
