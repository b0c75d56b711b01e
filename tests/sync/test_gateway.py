"""The WooCommerce gateway: what it asks, and what it makes of every odd answer."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import httpx
import pytest
from platen_outside.failures import AuthFailed, Failure, Rejected, Throttled, Transient, Unknown
from platen_sandbox.testing import Sandbox
from platen_sync.gateway.shop import Absent, Page, ParcelToPost, Shelf, ShopGateway, Unusable
from platen_sync.gateway.shops import Shops
from platen_sync.gateway.trouble import trouble_of
from platen_sync.model import PageAsked, SeenOrder

from .conftest import Json, secrets_of, shop

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PARCEL = ParcelToPost("1Z999", "https://track.example/1Z999", "UPS", datetime(2026, 11, 22, 23, 0, tzinfo=UTC))
NO_ROUTE = {"code": "rest_no_route", "message": "No route", "data": {"status": 404}}
NO_ORDER = {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}


class Answers:
    """Answers each request with the next of `answers`; the last one stays."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def way_with(answers: Answers) -> ShopGateway:
    way = await Shops(secrets_of(), 6000, httpx.MockTransport(answers)).gateway(shop("https://shop.example/store"))
    assert not isinstance(way, Unusable)
    return way


def answer(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def row(order_id: int, modified: str, **given: object) -> Json:
    times = {"date_created_gmt": modified, "date_modified_gmt": modified}
    return {"id": order_id, "status": "processing", "currency": "EUR", "line_items": [], **times, **given}


async def test_a_page_is_asked_by_modified_time_in_gmt_ascending_with_basic_auth() -> None:
    answers = Answers(answer([]))

    page = await (await way_with(answers)).list_changed(PageAsked(after=datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC), page=2), 50)

    assert page == Page([], [], [])
    request = answers.asked[0]
    assert request.url.path == "/store/wp-json/wc/v3/orders"
    assert dict(request.url.params) == {
        "modified_after": "2026-11-23T10:00:05",
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "status": "any",
        "per_page": "50",
        "page": "2",
    }
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"ck_shop-a:cs_shop-a").decode()
    assert "ck_" not in str(request.url)


async def test_one_unreadable_order_does_not_spoil_its_page() -> None:
    page = await (
        await way_with(Answers(answer([row(1, "2026-11-23T10:00:00"), row(2, "2026-11-23T10:00:01", currency="?")])))
    ).list_changed(PageAsked(after=LONG_AGO), 50)
    assert isinstance(page, Page)
    assert [order.shop_order_id for order in page.orders] == ["1"]
    assert [(one.shop_order_id, one.code) for one in page.unreadable] == [("2", "unreadable")]
    assert len(page.modified) == 2


async def test_a_shop_that_does_not_sort_by_modified_time_is_not_believed() -> None:
    page = await (await way_with(Answers(answer([row(1, "2026-11-23T10:00:01"), row(2, "2026-11-23T10:00:00")])))).list_changed(
        PageAsked(after=LONG_AGO), 50
    )
    assert isinstance(page, Unusable)
    assert page.code == "not_sorted"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (httpx.Response(401, json={"code": "woocommerce_rest_authentication_error"}), AuthFailed),
        (httpx.Response(403, html="<h1>Blocked by the firewall</h1>"), AuthFailed),
        (httpx.Response(429, headers={"Retry-After": "7"}, html="slow down"), Throttled),
        (httpx.Response(400, json={"code": "rest_invalid_param"}), Rejected),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), Rejected),
        (answer({"not": "a list"}), Unusable),
    ],
)
async def test_what_asking_again_would_not_change_is_answered_at_once(given: httpx.Response, kind: type[Failure]) -> None:
    answers = Answers(given)
    assert isinstance(await (await way_with(answers)).list_changed(PageAsked(after=LONG_AGO), 50), kind)
    assert len(answers.asked) == 1


@pytest.mark.parametrize(
    "given",
    [
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(200, html="<!-- a plugin's warning --> []"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["502", "html", "refused", "timeout"],
)
async def test_a_read_that_fails_in_passing_is_asked_again(given: httpx.Response | Exception) -> None:
    answers = Answers(given, answer([]))
    assert isinstance(await (await way_with(answers)).list_changed(PageAsked(after=LONG_AGO), 50), Page)
    assert len(answers.asked) == 2


async def test_after_three_failures_in_passing_it_is_given_up_for_now() -> None:
    answers = Answers(httpx.Response(500, html="oops"))
    assert isinstance(await (await way_with(answers)).fetch("5"), Transient)
    assert len(answers.asked) == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [(answer(NO_ORDER, 404), Absent), (answer(NO_ROUTE, 404), Unusable), (httpx.Response(404, html="nginx"), Unusable)],
)
async def test_an_order_is_gone_only_if_woocommerce_itself_says_so(given: httpx.Response, expected: type) -> None:
    assert isinstance(await (await way_with(Answers(given))).fetch("5"), expected)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ReadTimeout("slow"), Unknown),
        (httpx.Response(502, html="bad gateway"), Unknown),
        (httpx.Response(200, html="a warning"), Unknown),
        (httpx.ConnectError("refused"), Transient),
        (httpx.Response(400, json={"code": "x"}), Rejected),
    ],
)
async def test_a_post_is_sent_once_whatever_comes_back(failure: httpx.Response | Exception, kind: type[Failure]) -> None:
    answers = Answers(failure)
    outcome = await (await way_with(answers)).post_tracking("5", PARCEL, Shelf(True, []))
    assert isinstance(outcome, kind)
    assert len(answers.asked) == 1


async def test_tracking_goes_to_the_plugin_with_our_own_link() -> None:
    answers = Answers(answer({}, 201))
    assert await (await way_with(answers)).post_tracking("5", PARCEL, Shelf(True, [])) is None
    assert answers.asked[0].url.path == "/store/wp-json/wc-shipment-tracking/v3/orders/5/shipment-trackings"
    assert json.loads(answers.asked[0].content) == {
        "tracking_number": "1Z999",
        "custom_tracking_provider": "UPS",
        "custom_tracking_link": "https://track.example/1Z999",
        "date_shipped": "2026-11-22",
    }


async def test_a_shop_without_the_plugin_gets_a_note_to_the_customer() -> None:
    answers = Answers(answer(NO_ROUTE, 404), answer([{"id": 1, "note": "Thank you"}]), answer({"id": 2}, 201))
    way = await way_with(answers)

    shelf = await way.read_shelf("5")
    assert isinstance(shelf, Shelf)
    assert not shelf.plugin
    assert not shelf.holds("1Z999")
    assert await way.post_tracking("5", PARCEL, shelf) is None

    body = json.loads(answers.asked[2].content)
    assert answers.asked[2].url.path == "/store/wp-json/wc/v3/orders/5/notes"
    assert body["customer_note"] is True
    assert Shelf(False, [body["note"]]).holds("1Z999")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Tracking number: 1Z999 .", True),
        ("1z999", True),
        ("11Z999", False),
        ("1Z9990", False),
        ("", False),
        ("x1Z999 1Z999,", True),
    ],
)
def test_a_number_is_found_in_a_note_only_as_a_word_of_its_own(text: str, held: bool) -> None:
    assert Shelf(False, [text]).holds("1Z999") is held


async def test_what_is_missing_for_a_shop_is_told_with_its_remedy() -> None:
    shops = Shops({}, 60)
    missing = await shops.gateway(shop("https://shop.example"))
    assert isinstance(missing, Unusable)
    assert "PLATEN_SHOP_SECRETS" in missing.remedy
    other = await Shops(secrets_of(), 60).gateway(shop("https://shop.example", platform="shopify"))
    assert isinstance(other, Unusable)
    assert "woocommerce" in other.remedy
    odd = await Shops(secrets_of(), 60).gateway(shop("ftp://shop.example"))
    assert isinstance(odd, Unusable)
    assert "ftp://shop.example" in odd.remedy


@pytest.mark.parametrize(
    "failure", [Transient("x"), Throttled(3, 429), Unknown("x"), AuthFailed(401), Rejected(400, {"code": "c"}), Absent()]
)
def test_every_failure_has_a_code_and_a_remedy_that_names_the_shop(failure: Failure | Absent) -> None:
    trouble = trouble_of("shop-a", failure)
    assert trouble.code
    assert "'shop-a'" in trouble.remedy


# --- against the sandbox, which speaks the real API


async def test_orders_come_from_a_real_shop_in_the_order_they_were_modified(sandbox: Sandbox, gateway: ShopGateway) -> None:
    made = [await sandbox.order("shop-a") for _ in range(5)]

    page = await gateway.list_changed(PageAsked(after=LONG_AGO), 3)

    assert isinstance(page, Page)
    assert [order.shop_order_id for order in page.orders] == [str(order["id"]) for order in made[:3]]
    assert page.orders[0].recipient is not None


async def test_an_order_is_read_with_the_modified_time_in_gmt_though_the_shop_lives_elsewhere(
    sandbox: Sandbox, gateway: ShopGateway
) -> None:
    made = await sandbox.order("shop-a", {"line_items": [{}], "date_modified_gmt": "2026-11-20T08:00:00"})
    seen = await gateway.fetch(str(made["id"]))
    assert isinstance(seen, SeenOrder)
    assert seen.modified_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    after = await gateway.list_changed(PageAsked(after=datetime(2026, 11, 20, 8, 0, tzinfo=UTC)), 10)
    before = await gateway.list_changed(PageAsked(after=datetime(2026, 11, 20, 7, 59, 59, tzinfo=UTC)), 10)
    assert isinstance(after, Page)
    assert isinstance(before, Page)
    assert (len(after.orders), len(before.orders)) == (0, 1)


async def test_an_order_the_shop_does_not_have_is_absent(gateway: ShopGateway) -> None:
    assert isinstance(await gateway.fetch("999"), Absent)
    assert isinstance(await gateway.read_shelf("999"), Absent)


@pytest.mark.parametrize("plugin", [True, False])
async def test_posted_tracking_stands_on_the_shelf_afterwards(sandbox: Sandbox, gateway: ShopGateway, plugin: bool) -> None:
    await sandbox.call("PUT", "/shops/shop-a", {"tracking_plugin": plugin})
    order = str((await sandbox.order("shop-a"))["id"])
    empty = await gateway.read_shelf(order)
    assert isinstance(empty, Shelf)
    assert (empty.plugin, empty.holds("1Z999")) == (plugin, False)

    assert await gateway.post_tracking(order, PARCEL, empty) is None

    full = await gateway.read_shelf(order)
    assert isinstance(full, Shelf)
    assert full.holds("1Z999")
    assert not full.holds("1Z99")


async def test_a_lost_reply_to_a_post_is_an_unknown_outcome_and_the_shelf_tells(sandbox: Sandbox, gateway: ShopGateway) -> None:
    order = str((await sandbox.order("shop-a"))["id"])
    empty = await gateway.read_shelf(order)
    assert isinstance(empty, Shelf)
    await sandbox.fault("shop/shop-a", "drop_reply", match={"method": "POST"})

    assert isinstance(await gateway.post_tracking(order, PARCEL, empty), Unknown)

    full = await gateway.read_shelf(order)
    assert isinstance(full, Shelf)
    assert full.holds("1Z999")


async def test_wrong_credentials_are_told_as_such(sandbox: Sandbox) -> None:
    shops = Shops(secrets_of(secret="cs_wrong"), 6000)
    way = await shops.gateway(shop(sandbox.shop("shop-a")))
    assert not isinstance(way, Unusable)
    assert isinstance(await way.list_changed(PageAsked(after=LONG_AGO), 10), AuthFailed)
    await shops.aclose()
