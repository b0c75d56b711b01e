import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import stamina
from platen_outside.failures import AuthFailed, Throttled, Transient, Unknown
from platen_vendors.model import (
    Absent,
    Accepted,
    AlreadyExists,
    Cancelled,
    Found,
    Inconclusive,
    NotReady,
    Rejected,
    Snapshot,
    TooLate,
    VendorAccount,
)
from platen_vendors.printful import Printful

from .orders import MUG, ORDER, POSTER, as_printful, with_recipient

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HTML = "<html><h1>502 Bad Gateway</h1></html>"
Reply = httpx.Response | Exception


@pytest.fixture(autouse=True)
def _no_waits() -> Iterator[None]:
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


def ok(result: object) -> httpx.Response:
    return httpx.Response(200, json={"code": 200, "result": result})


def no(status: int, message: str, reason: str = "BadRequest", **headers: str) -> httpx.Response:
    body = {"code": status, "result": message, "error": {"reason": reason, "message": message}}
    return httpx.Response(status, json=body, headers=headers)


MISSING = no(404, "Not Found", "NotFound")
TAKEN = no(400, "The external_id provided already exists", "OR-13")


class Vendor:
    """Replies one after the other, the last one for ever; `asked` is what came in."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.asked]


@asynccontextmanager
async def printful(vendor: Callable[[httpx.Request], httpx.Response], **account: Any) -> AsyncIterator[Printful]:
    settings = VendorAccount("prints", token="secret-token", url="https://p.example/vendors/a", **account)
    adapter = Printful(settings, transport=httpx.MockTransport(vendor), now=lambda: NOW)
    yield adapter
    await adapter.aclose()


async def test_an_order_is_created_as_a_draft_with_our_ids() -> None:
    vendor = Vendor(ok(as_printful()))
    async with printful(vendor, store_id="77") as adapter:
        outcome = await adapter.submit(ORDER)
    assert isinstance(outcome, Accepted)
    assert (outcome.vendor_order_id, outcome.draft, outcome.snapshot.external_id) == ("13", True, ORDER.external_id)
    assert vendor.calls == ["POST /vendors/a/orders"]
    sent = json.loads(vendor.asked[0].content)
    assert sent["external_id"] == ORDER.external_id
    assert [item["external_id"] for item in sent["items"]] == [MUG, POSTER]
    assert sent["items"][0]["retail_price"] == "13.50"
    assert sent["items"][1]["files"][1] == {"type": "back", "url": "http://127.0.0.1:8103/f/token3"}
    assert vendor.asked[0].headers["Authorization"] == "Bearer secret-token"
    assert vendor.asked[0].headers["X-PF-Store-Id"] == "77"


async def test_an_external_id_in_use_is_read_back() -> None:
    vendor = Vendor(TAKEN, ok(as_printful(status="pending")))
    async with printful(vendor) as adapter:
        outcome = await adapter.submit(ORDER)
    assert isinstance(outcome, AlreadyExists)
    assert outcome.snapshot.stage == "live"
    assert vendor.calls[1] == f"GET /vendors/a/orders/@{ORDER.external_id}"


async def test_a_refusal_in_unknown_words_is_a_duplicate_if_the_order_is_there() -> None:
    async with printful(Vendor(no(400, "This one we had before"), ok(as_printful()))) as adapter:
        assert isinstance(await adapter.submit(ORDER), AlreadyExists)


async def test_a_refusal_in_unknown_words_is_a_refusal_if_the_order_is_not_there() -> None:
    async with printful(Vendor(no(400, "Recipient: zip is missing"), MISSING)) as adapter:
        outcome = await adapter.submit(ORDER)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == ("vendor.address", "recipient.postcode")


async def test_a_refusal_with_a_code_needs_no_second_look() -> None:
    vendor = Vendor(no(400, "Restricted", "OR-6"))
    async with printful(vendor) as adapter:
        outcome = await adapter.submit(ORDER)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "vendor.variant_restricted"
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("second", [MISSING, no(500, "oops"), httpx.ReadTimeout("x"), ok({"nonsense": 1}), no(429, "slow down")])
async def test_in_use_but_not_to_be_read_is_unknown_and_never_a_refusal(second: Reply) -> None:
    async with printful(Vendor(TAKEN, second)) as adapter:
        assert isinstance(await adapter.submit(ORDER), Unknown)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.Response(502, html=HTML),
        no(500, "Internal error"),
        httpx.Response(200, html=HTML),
        httpx.Response(200, content=b""),
        httpx.Response(200, json=[]),
        ok(None),
        ok({"id": 13}),
        ok(as_printful(replace(ORDER, external_id="another1"))),
        httpx.Response(400, html=HTML),
    ],
)
async def test_a_create_that_cannot_be_told_is_unknown_and_sent_only_once(reply: Reply) -> None:
    vendor = Vendor(reply)
    async with printful(vendor) as adapter:
        assert isinstance(await adapter.submit(ORDER), Unknown)
    assert len(vendor.asked) == 1


async def test_a_create_of_which_nothing_was_sent_is_transient() -> None:
    async with printful(Vendor(httpx.ConnectError("x"))) as adapter:
        assert await adapter.submit(ORDER) == Transient("ConnectError")


@pytest.mark.parametrize("status", [429, 419])
async def test_too_many_calls_close_the_accounts_lane(status: int) -> None:
    vendor = Vendor(no(status, "Too many", **{"Retry-After": "120"}))
    async with printful(vendor) as adapter:
        assert await adapter.submit(ORDER) == Throttled(120.0, status)
        assert 119 < adapter.paused_for <= 120
        assert isinstance(await adapter.find(ORDER.external_id), Throttled)
    assert len(vendor.asked) == 1


async def test_the_limit_that_printful_tells_replaces_the_documented_one() -> None:
    vendor = Vendor(httpx.Response(404, json={"code": 404}, headers={"X-Ratelimit-Limit": "60000"}))
    async with printful(vendor) as adapter, asyncio.timeout(10):
        # By the documented limit these would take 24 seconds.
        for _ in range(60):
            assert await adapter.find(ORDER.external_id) == Absent(NOW)


@pytest.mark.parametrize("limit", ["", "0", "1", "-5", "soon", "²"])
async def test_a_limit_that_is_nonsense_is_ignored(limit: str) -> None:
    vendor = Vendor(httpx.Response(404, json={"code": 404}, headers=[(b"X-Ratelimit-Limit", limit.encode())]))
    async with printful(vendor) as adapter:
        assert await adapter.find(ORDER.external_id) == Absent(NOW)


@pytest.mark.parametrize("reply", [no(401, "Malformed token"), no(403, "Forbidden"), no(400, "Store is terminated", "OR-2")])
async def test_refused_credentials_and_closed_stores_stop_the_account(reply: Reply) -> None:
    async with printful(Vendor(reply)) as adapter:
        assert isinstance(await adapter.submit(ORDER), AuthFailed)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 1001}, f"items.{MUG}.quantity"),
        ({"quantity": 0}, f"items.{MUG}.quantity"),
        ({"variant_id": "MUG-11OZ"}, f"items.{MUG}.product"),
        ({"variant_id": "²"}, f"items.{MUG}.product"),
        ({"files": ()}, f"items.{MUG}.files"),
    ],
)
async def test_what_would_be_refused_or_printed_blank_is_never_sent(changes: dict[str, Any], field: str) -> None:
    vendor = Vendor(ok(as_printful()))
    order = replace(ORDER, items=(replace(ORDER.items[0], **changes), ORDER.items[1]))
    async with printful(vendor) as adapter:
        outcomes = [await adapter.submit(order), await adapter.replace("13", order)]
    assert [(outcome.code, outcome.field) for outcome in outcomes if isinstance(outcome, Rejected)] == [
        ("vendor.unsendable", field)
    ] * 2
    assert vendor.asked == []


async def test_an_update_names_every_field_so_that_what_was_taken_away_goes() -> None:
    vendor = Vendor(ok(as_printful()))
    async with printful(vendor) as adapter:
        outcome = await adapter.replace("13", with_recipient(line2=None))
    assert isinstance(outcome, Accepted)
    assert outcome.draft
    assert vendor.calls == ["PUT /vendors/a/orders/13"]
    assert json.loads(vendor.asked[0].content)["recipient"]["address2"] == ""


async def test_an_order_past_editing_is_a_refusal_of_the_update() -> None:
    async with printful(Vendor(no(400, "no longer editable", "OR-1"))) as adapter:
        outcome = await adapter.replace("13", ORDER)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "vendor.not_editable"


async def test_a_confirmed_order_is_accepted_and_no_draft() -> None:
    vendor = Vendor(ok(as_printful(status="pending")))
    async with printful(vendor) as adapter:
        outcome = await adapter.confirm("13")
    assert isinstance(outcome, Accepted)
    assert not outcome.draft
    assert vendor.calls == ["POST /vendors/a/orders/13/confirm"]


async def test_an_order_given_back_as_a_draft_is_not_ready() -> None:
    async with printful(Vendor(ok(as_printful()))) as adapter:
        assert isinstance(await adapter.confirm("13"), NotReady)


async def test_an_order_given_back_as_failed_is_refused_in_the_vendors_words() -> None:
    async with printful(
        Vendor(ok(as_printful(status="failed", error="Your card could not be charged: payment declined")))
    ) as adapter:
        outcome = await adapter.confirm("13")
    assert isinstance(outcome, Rejected)
    assert outcome.code == "vendor.payment"


async def test_a_word_not_known_here_after_confirm_is_unknown() -> None:
    async with printful(Vendor(ok(as_printful(status="teleported")))) as adapter:
        assert await adapter.confirm("13") == Unknown("after confirm the order is 'teleported'")


async def test_confirming_a_confirmed_order_is_accepted() -> None:
    async with printful(Vendor(no(400, "Order is already confirmed"), ok(as_printful(status="inprocess")))) as adapter:
        assert isinstance(await adapter.confirm("13"), Accepted)


async def test_a_refused_confirm_of_a_draft_is_refused() -> None:
    async with printful(Vendor(no(400, "Insufficient funds"), ok(as_printful()))) as adapter:
        outcome = await adapter.confirm("13")
    assert isinstance(outcome, Rejected)
    assert outcome.code == "vendor.payment"


@pytest.mark.parametrize("reply", [httpx.ReadTimeout("x"), httpx.Response(502, html=HTML), ok(None)])
async def test_a_confirm_that_cannot_be_told_is_unknown(reply: Reply) -> None:
    async with printful(Vendor(reply)) as adapter:
        assert isinstance(await adapter.confirm("13"), Unknown)


async def test_a_lookup_finds_the_order() -> None:
    async with printful(Vendor(ok(as_printful()))) as adapter:
        outcome = await adapter.find(ORDER.external_id)
    assert isinstance(outcome, Found)
    assert [one.vendor_order_id for one in outcome.snapshots] == ["13"]


async def test_an_absence_is_as_of_the_moment_the_question_left() -> None:
    async with printful(Vendor(MISSING)) as adapter:
        assert await adapter.find(ORDER.external_id) == Absent(NOW)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(404, html="<h1>nginx</h1>"),
        httpx.Response(404, json={"detail": "no such route"}),
        no(400, "odd"),
        ok(as_printful(replace(ORDER, external_id="another1"))),
        ok([]),
    ],
)
async def test_an_answer_that_proves_nothing_is_never_an_absence(reply: Reply) -> None:
    async with printful(Vendor(reply)) as adapter:
        assert isinstance(await adapter.find(ORDER.external_id), Inconclusive)


async def test_a_lookup_is_asked_again_while_the_vendor_stumbles() -> None:
    vendor = Vendor(httpx.Response(502, html=HTML), httpx.ReadTimeout("x"), ok(as_printful()))
    async with printful(vendor) as adapter:
        assert isinstance(await adapter.find(ORDER.external_id), Found)
    assert len(vendor.asked) == 3


async def test_a_lookup_that_never_gets_through_is_transient() -> None:
    async with printful(Vendor(httpx.Response(502, html=HTML))) as adapter:
        assert await adapter.fetch("13") == Transient("HTTP 502")


async def test_an_order_is_read_by_the_vendors_id() -> None:
    vendor = Vendor(ok(as_printful(status="fulfilled")))
    async with printful(vendor) as adapter:
        outcome = await adapter.fetch("13")
        assert isinstance(await adapter.fetch("14"), Inconclusive)
    assert isinstance(outcome, Snapshot)
    assert vendor.calls[0] == "GET /vendors/a/orders/13"


async def test_an_id_from_a_webhook_cannot_leave_its_place_in_the_path() -> None:
    vendor = Vendor(MISSING)
    async with printful(vendor) as adapter:
        await adapter.fetch("../stores?x=1")
    assert vendor.calls == ["GET /vendors/a/orders/..%2Fstores%3Fx%3D1"]


async def test_a_cancelled_order_is_read_back_as_cancelled() -> None:
    vendor = Vendor(ok(as_printful(status="canceled")))
    async with printful(vendor) as adapter:
        assert isinstance(await adapter.cancel("13"), Cancelled)
    assert vendor.calls == ["DELETE /vendors/a/orders/13", "GET /vendors/a/orders/13"]


async def test_a_draft_that_is_gone_after_its_deletion_is_cancelled() -> None:
    async with printful(Vendor(ok(as_printful(status="canceled")), MISSING)) as adapter:
        assert await adapter.cancel("13") == Cancelled(None)


async def test_an_order_in_production_is_too_late_to_cancel() -> None:
    async with printful(Vendor(no(400, "cannot be cancelled"), ok(as_printful(status="inprocess")))) as adapter:
        assert isinstance(await adapter.cancel("13"), TooLate)


async def test_what_was_said_to_be_cancelled_but_is_not_read_back_so_is_not_dead() -> None:
    async with printful(Vendor(ok(as_printful(status="canceled")), ok(as_printful()))) as adapter:
        assert isinstance(await adapter.cancel("13"), Unknown)
    async with printful(Vendor(ok(as_printful(status="canceled")), no(500, "oops"))) as adapter:
        assert isinstance(await adapter.cancel("13"), Unknown)


async def test_nothing_secret_or_personal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with printful(Vendor(TAKEN, httpx.Response(502, html=HTML))) as adapter:
        outcome = await adapter.submit(ORDER)
    for hidden in ("secret-token", "Zoë", "Dearborn", "/f/token"):
        assert hidden not in caplog.text
        assert hidden not in repr(outcome)
