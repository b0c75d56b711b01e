"""The vendor answers as Printful v1 does: drafts, duplicates, lookups, edits, refusals."""

from typing import Any

import httpx
import pytest
from platen_sandbox.model import Account, Json
from platen_sandbox.testing import Sandbox, running_sandbox
from platen_sandbox.vendor import rules
from platen_sandbox.vendor.errors import PrintfulError

from .conftest import RECIPIENT, Host, picture, vendor_client, vendor_order


def refusal(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["code"] == answer.status_code
    assert body["result"] == body["error"]["message"]
    return answer.status_code, body["error"]["reason"]


async def test_an_order_is_a_draft_until_it_is_confirmed(slow_vendor: httpx.AsyncClient, host: Host) -> None:
    url = host.serve("/a.png", picture())
    made = (await slow_vendor.post("/orders", json=vendor_order(url=url))).json()
    assert (made["code"], made["result"]["status"], made["result"]["external_id"]) == (200, "draft", "ext1")
    assert host.fetched == [], "a draft costs nothing, not even a download"
    confirmed = (await slow_vendor.post("/orders/@ext1/confirm")).json()["result"]
    assert (confirmed["id"], confirmed["status"]) == (made["result"]["id"], "pending")


async def test_an_order_can_be_confirmed_at_once(slow_vendor: httpx.AsyncClient) -> None:
    made = await slow_vendor.post("/orders", params={"confirm": 1}, json=vendor_order())
    assert made.json()["result"]["status"] == "pending"


async def test_an_order_is_found_by_number_and_by_external_id_and_else_404(slow_vendor: httpx.AsyncClient) -> None:
    made = (await slow_vendor.post("/orders", json=vendor_order())).json()["result"]
    assert (await slow_vendor.get(f"/orders/{made['id']}")).json()["result"] == made
    assert (await slow_vendor.get("/orders/@ext1")).json()["result"] == made
    for reference in ("@ext2", "ext1", "1"):
        assert refusal(await slow_vendor.get(f"/orders/{reference}")) == (404, "NotFound")
    assert refusal(await slow_vendor.post("/orders/@ext2/confirm")) == (404, "NotFound")


async def test_a_second_order_with_the_same_external_id_is_refused_even_after_the_first_was_canceled(
    slow_vendor: httpx.AsyncClient,
) -> None:
    first = (await slow_vendor.post("/orders", json=vendor_order())).json()["result"]
    assert refusal(await slow_vendor.post("/orders", json=vendor_order())) == (400, "OR-13")
    await slow_vendor.delete("/orders/@ext1")
    assert refusal(await slow_vendor.post("/orders", json=vendor_order())) == (400, "OR-13")
    assert (await slow_vendor.get("/orders/@ext1")).json()["result"]["id"] == first["id"]


async def test_accounts_do_not_share_external_ids(slow_sandbox: Sandbox) -> None:
    for account in ("acme", "blot"):
        async with vendor_client(slow_sandbox, account) as client:
            assert (await client.post("/orders", json=vendor_order())).status_code == 200


async def test_update_existing_changes_a_draft_and_not_a_confirmed_order(slow_vendor: httpx.AsyncClient, host: Host) -> None:
    url = host.serve("/a.png", picture())
    first = (await slow_vendor.post("/orders", json=vendor_order(url=url))).json()["result"]
    changed = vendor_order(url=url, recipient={**RECIPIENT, "name": "Grace Hopper"})
    again = (await slow_vendor.post("/orders", params={"update_existing": 1}, json=changed)).json()["result"]
    assert (again["id"], again["recipient"]["name"]) == (first["id"], "Grace Hopper")
    assert again["items"][0]["id"] == first["items"][0]["id"], "the line is known by its external id"
    await slow_vendor.post("/orders/@ext1/confirm")
    assert refusal(await slow_vendor.post("/orders", params={"update_existing": 1}, json=changed)) == (400, "OR-1")
    assert refusal(await slow_vendor.put("/orders/@ext1", json={"shipping": "STANDARD"})) == (400, "OR-1")
    assert refusal(await slow_vendor.post("/orders/@ext1/confirm")) == (400, "OR-1")


async def test_put_changes_only_what_is_given_and_may_confirm(slow_vendor: httpx.AsyncClient) -> None:
    first = (await slow_vendor.post("/orders", json=vendor_order())).json()["result"]
    changed = (await slow_vendor.put("/orders/@ext1", json={"recipient": {**RECIPIENT, "city": "Leeds"}})).json()["result"]
    assert (changed["recipient"]["city"], changed["status"]) == ("Leeds", "draft")
    assert changed["items"] == first["items"]
    confirmed = await slow_vendor.put("/orders/@ext1", params={"confirm": "true"}, json={})
    assert confirmed.json()["result"]["status"] == "pending"


async def test_drafts_and_pending_orders_can_be_canceled_and_later_ones_not(slow_sandbox: Sandbox, host: Host) -> None:
    url = host.serve("/a.png", picture())
    async with vendor_client(slow_sandbox) as vendor:
        for external_id, confirm in (("draft", 0), ("pending", 1), ("shipped", 1)):
            await vendor.post("/orders", params={"confirm": confirm}, json=vendor_order(external_id, url))
        await slow_sandbox.step("acme", "@shipped", "ship")
        for external_id in ("draft", "pending"):
            assert (await vendor.delete(f"/orders/@{external_id}")).json()["result"]["status"] == "canceled"
        assert refusal(await vendor.delete("/orders/@shipped"))[0] == 400
        assert refusal(await vendor.delete("/orders/@draft"))[0] == 400


async def test_orders_are_listed_newest_first_by_status_in_pages(slow_vendor: httpx.AsyncClient, host: Host) -> None:
    url = host.serve("/a.png", picture())
    for number in range(5):
        await slow_vendor.post("/orders", params={"confirm": number % 2}, json=vendor_order(f"ext{number}", url))
    page = (await slow_vendor.get("/orders", params={"limit": 2, "offset": 1})).json()
    assert [order["external_id"] for order in page["result"]] == ["ext3", "ext2"]
    assert page["paging"] == {"total": 5, "offset": 1, "limit": 2}
    pending = (await slow_vendor.get("/orders", params={"status": "pending"})).json()["result"]
    assert {order["external_id"] for order in pending} == {"ext1", "ext3"}
    assert refusal(await slow_vendor.get("/orders", params={"limit": 101}))[0] == 400


async def test_the_token_of_the_account_is_needed(sandbox: Sandbox) -> None:
    for headers in ({}, {"Authorization": "Bearer token-blot"}, {"Authorization": "Basic x"}):
        async with httpx.AsyncClient(headers=headers, trust_env=False) as stranger:
            assert refusal(await stranger.get(f"{sandbox.vendor('acme')}/orders")) == (401, "Unauthorized")


async def test_calls_are_counted_and_the_one_too_many_is_429() -> None:
    async with running_sandbox(rate_limit=2) as sandbox, vendor_client(sandbox) as vendor:
        left = [(await vendor.get("/orders")).headers["X-Ratelimit-Remaining"] for _ in range(2)]
        assert left == ["1", "0"]
        refused = await vendor.get("/orders")
        assert refusal(refused) == (429, "TooManyRequests")
        assert refused.headers["X-Ratelimit-Limit"] == "2"
        assert 1 <= int(refused.headers["X-Ratelimit-Reset"]) <= 60
        assert refused.headers["Retry-After"] == refused.headers["X-Ratelimit-Reset"]


async def test_bad_json_has_printfuls_own_status(slow_vendor: httpx.AsyncClient) -> None:
    assert refusal(await slow_vendor.post("/orders", content=b"{")) == (430, "InvalidJson")


ACCOUNT = Account("acme", "t", 1, restricted_variants=[66])


def reason(given: Json) -> tuple[int, str, str]:
    with pytest.raises(PrintfulError) as error:
        rules.check_order(ACCOUNT, given)
    return error.value.status, error.value.body["error"]["reason"], str(error.value)


def test_good_orders_pass() -> None:
    rules.check_order(ACCOUNT, vendor_order())
    rules.check_order(ACCOUNT, vendor_order("A-b_" + "9" * 28))
    somewhere = {"name": "A", "address1": "1 Main St", "city": "Reno"}
    for place in (
        {"country_code": "US", "state_code": "NV", "zip": "89501"},
        {"country_code": "HK"},
        {"country_code": "DE", "zip": "1"},
    ):
        rules.check_order(ACCOUNT, vendor_order(recipient={**somewhere, **place}))


@pytest.mark.parametrize("external_id", ["", "x" * 33, "a b", "ä", "a/b"])
def test_an_external_id_outside_the_rule_is_refused(external_id: str) -> None:
    assert "External ID" in reason(vendor_order(external_id))[2]


@pytest.mark.parametrize("missing", ["name", "address1", "city", "country_code", "zip"])
def test_a_missing_part_of_the_address_is_named(missing: str) -> None:
    for recipient in ({**RECIPIENT, missing: ""}, {name: value for name, value in RECIPIENT.items() if name != missing}):
        assert missing in reason(vendor_order(recipient=recipient))[2]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"country_code": "US", "state_code": "XX"}, "state_code 'XX'"),
        ({"country_code": "CA"}, "state_code None"),
        ({"country_code": "BR"}, "tax_number"),
        ({"country_code": "gb"}, "country_code"),
    ],
)
def test_an_address_its_country_does_not_know_is_refused(changes: Json, named: str) -> None:
    assert named in reason(vendor_order(recipient={**RECIPIENT, **changes}))[2]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"quantity": 1}, "BadRequest"),
        ({"variant_id": 1, "sync_variant_id": 2}, "BadRequest"),
        ({"variant_id": 1, "quantity": 0}, "BadRequest"),
        ({"variant_id": 1, "quantity": 1001}, "BadRequest"),
        ({"variant_id": "1"}, "InvalidParameter"),
        ({"variant_id": 66}, "OR-6"),
        ({"variant_id": 1, "files": [{"url": "ftp://x"}]}, "FL-2"),
        ({"variant_id": 1, "files": [{"url": "http://x/1"}, {"url": "http://x/2"}]}, "OR-12"),
        ("poster", "OR-5"),
    ],
)
def test_a_bad_item_is_refused_with_its_code(item: Any, code: str) -> None:
    assert reason(vendor_order(items=[item]))[1] == code


def test_an_order_needs_items_with_external_ids_of_their_own_and_a_known_shipping_method() -> None:
    assert reason(vendor_order(items=[]))[0] == 400
    line = vendor_order()["items"][0]
    assert "used twice" in reason(vendor_order(items=[line, line]))[2]
    assert reason(vendor_order(shipping="by pigeon"))[1] == "OR-4"
    assert "recipient" in reason({"items": [line]})[2]


async def test_an_item_without_a_print_file_may_be_drafted_and_not_confirmed(slow_vendor: httpx.AsyncClient) -> None:
    blank = vendor_order(items=[{"variant_id": 1, "quantity": 1}])
    assert (await slow_vendor.post("/orders", json=blank)).status_code == 200
    assert "print files" in (await slow_vendor.post("/orders/@ext1/confirm")).json()["result"]
    assert (await slow_vendor.get("/orders/@ext1")).json()["result"]["status"] == "draft"
