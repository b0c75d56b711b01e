"""Who may come in, and from where."""

from __future__ import annotations

import re
from html import unescape

import pytest
from platen_contracts.status import OrderStatus

from .conftest import HERE, World, post
from .heard import an_order

TOKEN = "a-token-of-24-characters"
ADMIN_TOKEN = "another-token-for-admins"


async def _told(world: World) -> str:
    order = an_order(0)
    await world.tell((order, "orders.status"))
    return f"/orders/{order.order_id}/archive"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://localhost:8101", "http://localhost:8100.evil.example"]
)
async def test_a_post_from_elsewhere_changes_nothing(world: World, origin: str) -> None:
    address = await _told(world)
    async with world.browser(origin=origin) as client:
        for to in (address, "/orders/bulk", "/sync/atelier-nour/sync", "/login", "/logout"):
            assert (await client.post(to, data={"once": "0" * 32, "version": "4"})).status_code == 403
    assert await world.outbox() == []


async def test_a_post_without_an_origin_changes_nothing(world: World) -> None:
    address = await _told(world)
    async with world.browser() as client:
        del client.headers["origin"]
        assert (await client.post(address, data={"once": "0" * 32, "version": "4"})).status_code == 403
    assert await world.outbox() == []


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8100", "10.0.0.4", ""])
async def test_without_a_token_only_names_of_this_machine_are_answered(world: World, host: str) -> None:
    async with world.browser(host=host) as client:
        assert (await client.get("/orders")).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8100", "127.0.0.1:8100", "[::1]:8100", "localhost"])
async def test_without_a_token_this_machine_is_let_in(world: World, host: str) -> None:
    async with world.browser(host=host) as client:
        assert (await client.get("/orders")).status_code == 200


async def test_with_a_token_nothing_is_shown_before_login(world: World) -> None:
    address = await _told(world)
    async with world.browser(TOKEN) as client:
        for page in ("/", "/orders", "/sync", address.removesuffix("/archive")):
            answer = await client.get(page)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={page}")
        assert (await client.get("/orders?live=1")).status_code == 401
        assert (await client.post(address, data={"once": "0" * 32, "version": "4"})).status_code == 401
        assert (await client.get("/static/console.css")).status_code == 200
        assert (await client.get("/static/../settings.py")).status_code in (303, 404)
    assert await world.outbox() == []


@pytest.mark.usefixtures("soon")
async def test_login_with_the_token_names_the_operator_in_every_command(world: World) -> None:
    address = await _told(world)
    async with world.browser(TOKEN) as client:
        refused = await client.post("/login", data={"token": "a-token-of-24-characterz", "operator": "ann"})
        assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
        answer = await client.post("/login", data={"token": TOKEN, "operator": "ann", "next": "/sync"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sync")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert (await client.get("/orders")).status_code == 200
        await client.post(address, data={"once": "0" * 32, "version": "4"})
        ((*_, said),) = await world.outbox()
        assert said["actor"] == {"kind": "operator", "name": "ann"}
        await client.post("/logout")
        assert (await client.get("/orders")).status_code == 303


@pytest.mark.usefixtures("soon")
async def test_only_who_logs_in_as_an_admin_may_erase_and_acts_as_one_for_nothing_else(world: World) -> None:
    order = an_order(0, OrderStatus.NEW)
    here = f"/orders/{order.order_id}"
    await world.tell((order, "orders.status"))
    fields = {"version": "4", "confirm": order.number}
    async with world.browser(TOKEN, ADMIN_TOKEN) as client:
        await client.post("/login", data={"token": TOKEN, "operator": "ann"})
        page = (await client.get(here)).text
        assert "/erase" not in page
        assert "only an admin may: log in with PLATEN_CONSOLE_ADMIN_TOKEN" in page
        assert (await post(client, here, f"{here}/erase", **fields)).status_code == 422
        assert await world.outbox() == []
        await client.post("/logout")
        await client.post("/login", data={"token": ADMIN_TOKEN, "operator": "root"})
        assert "(admin)" in (await client.get(here)).text
        assert (await post(client, here, f"{here}/erase", **fields)).status_code == 303
        assert (await post(client, here, f"{here}/archive", **fields)).status_code == 303
    assert [row[4]["actor"] for row in await world.outbox()] == [
        {"kind": "admin", "name": "root"},
        {"kind": "operator", "name": "root"},
    ]


async def test_over_https_the_cookie_is_secure(world: World) -> None:
    async with world.browser(TOKEN, origin=HERE.replace("http:", "https:")) as client:
        answer = await client.post("/login", data={"token": TOKEN, "operator": "ann"})
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("cookie", ["", "ann", "ImFubiI.aaaa.bbbb", "ImFubiI"])
async def test_a_cookie_nobody_signed_opens_nothing(world: World, cookie: str) -> None:
    async with world.browser(TOKEN, cookie=f"platen_console={cookie}") as client:
        assert (await client.get("/orders")).status_code == 303


async def test_a_cookie_of_another_token_opens_nothing(world: World) -> None:
    async with world.browser(TOKEN + "-old") as client:
        answer = await client.post("/login", data={"token": TOKEN + "-old", "operator": "ann"})
    cookie = answer.headers["set-cookie"].partition(";")[0]
    async with world.browser(TOKEN, cookie=cookie) as client:
        assert (await client.get("/orders")).status_code == 303


@pytest.mark.parametrize(
    "address", ["/orders?status=Ready+to+send&q=zo", "/orders?q=%E0%B8%AA%26x", f"/orders/{'0' * 32}?asked=1"]
)
async def test_login_leads_back_to_the_very_page_that_was_asked_for(world: World, address: str) -> None:
    async with world.browser(TOKEN) as client:
        page = await client.get((await client.get(address)).headers["location"])
        found = re.search(r'name="next" value="([^"]*)"', page.text)
        assert found is not None
        answer = await client.post("/login", data={"token": TOKEN, "operator": "ann", "next": unescape(found[1])})
    assert answer.headers["location"] == address


@pytest.mark.parametrize(("token", "operator"), [("wrong", "ann"), (TOKEN, "Ann Smith")])
async def test_a_login_that_was_refused_keeps_the_name_and_tells_its_rule(world: World, token: str, operator: str) -> None:
    async with world.browser(TOKEN) as client:
        answer = await client.post("/login", data={"token": token, "operator": operator})
    assert answer.status_code == 401
    assert f'name="operator" value="{operator}"' in answer.text
    assert "history of what you do; small letters, digits, dot" in answer.text


async def test_a_full_name_is_no_account_name(world: World) -> None:
    async with world.browser(TOKEN) as client:
        answer = await client.post("/login", data={"token": TOKEN, "operator": "Ann Smith"})
    assert answer.status_code == 401
    assert "Account name" in answer.text


async def test_login_never_leads_elsewhere(world: World) -> None:
    async with world.browser(TOKEN) as client:
        answer = await client.post("/login", data={"token": TOKEN, "operator": "ann", "next": "//evil.example"})
    assert answer.headers["location"] == "/orders"


async def test_a_body_larger_than_any_form_is_not_read_to_its_end(world: World) -> None:
    address = await _told(world)
    async with world.browser() as client:
        assert (await client.post(address, content=b"x" * 300_000)).status_code == 413
        assert (await client.post(address, content=b"once=%ff")).status_code == 422
        assert (await client.post(address, content=b"a=1&" * 2000)).status_code == 422
    assert await world.outbox() == []


async def test_every_answer_forbids_foreign_content_and_keeping_pages(world: World) -> None:
    async with world.browser() as client:
        for address in ("/orders", "/nowhere", "/sync"):
            headers = (await client.get(address)).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
