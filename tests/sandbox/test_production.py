"""Behind the API a print shop works: it downloads, checks, prints, ships, and can be steered."""

import hashlib
import json
import math
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_sandbox.testing import Sandbox
from platen_sandbox.vendor.bodies import split_parcels
from platen_sandbox.vendor.files import BadFileError, inspect

from tests.support import until

from .conftest import Host, Json, picture, vendor_order

CONFIRM = {"confirm": 1}


async def status(vendor: httpx.AsyncClient, wanted: str, external_id: str = "ext1") -> Json:
    async def reached() -> Any:
        order = (await vendor.get(f"/orders/@{external_id}")).json()["result"]
        return order if order["status"] == wanted else None

    return await until(reached)


async def test_a_confirmed_order_is_printed_and_shipped_in_one_parcel(
    sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host
) -> None:
    content = picture()
    await vendor.post("/orders", params=CONFIRM, json=vendor_order(url=host.serve("/a.png", content)))
    order = await status(vendor, "fulfilled")
    [shipment] = order["shipments"]
    assert shipment["items"] == [{"item_id": order["items"][0]["id"], "quantity": 2, "picked": 1, "printed": 1}]
    assert shipment["tracking_number"] in shipment["tracking_url"]
    [entry] = (await sandbox.ledger(external_id="ext1"))["orders"]
    assert [step["status"] for step in entry["history"]] == ["draft", "pending", "inprocess", "fulfilled"]
    [file] = entry["files"]
    assert (file["sha256"], file["width"], file["height"], file["dpi"]) == (hashlib.sha256(content).hexdigest(), 60, 80, 300)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "not a PNG or JPEG"),
        (picture()[:-40], "broken"),
        (picture(form="GIF"), "not a PNG or JPEG"),
        (None, "answered 404"),
    ],
)
async def test_a_bad_print_file_fails_the_order(
    sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host, content: bytes | None, said: str
) -> None:
    url = host.serve("/a.png", content) if content is not None else f"{host.url}/missing.png"
    await vendor.post("/orders", params=CONFIRM, json=vendor_order(url=url))
    await status(vendor, "failed")
    [entry] = (await sandbox.ledger(external_id="ext1"))["orders"]
    assert said in entry["history"][-1]["reason"]
    assert (entry["live"], entry["shipments"], entry["files"]) == (False, [], [])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platen_sandbox.vendor.files.PATIENCE", (0.01, 0.01, 0.01))


@pytest.mark.usefixtures("impatient")
async def test_a_download_that_breaks_is_tried_again(vendor: httpx.AsyncClient, host: Host) -> None:
    host.troubles = [503, 429]
    await vendor.post("/orders", params=CONFIRM, json=vendor_order(url=host.serve("/a.png", picture())))
    await status(vendor, "fulfilled")
    assert len(host.fetched) == 3


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_is_not_there_fails_the_order_too(vendor: httpx.AsyncClient) -> None:
    await vendor.post("/orders", params=CONFIRM, json=vendor_order(url="http://127.0.0.1:9/a.png"))
    await status(vendor, "failed")


async def test_a_jpeg_is_printed(vendor: httpx.AsyncClient, host: Host) -> None:
    await vendor.post("/orders", params=CONFIRM, json=vendor_order(url=host.serve("/a.jpg", picture(form="JPEG"))))
    assert (await status(vendor, "fulfilled"))["items"][0]["files"][0]["mime_type"] == "image/jpeg"


async def test_a_failed_order_can_be_mended_and_confirmed_again(vendor: httpx.AsyncClient, host: Host) -> None:
    order = vendor_order(url=f"{host.url}/a.png")
    await vendor.post("/orders", params=CONFIRM, json=order)
    await status(vendor, "failed")
    host.serve("/a.png", picture())
    assert (await vendor.post("/orders/@ext1/confirm")).status_code == 200
    await status(vendor, "fulfilled")


async def test_a_picture_too_small_for_its_print_is_refused(sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host) -> None:
    await sandbox.call("PUT", "/vendors/acme", {"print_sizes": {"1": [0.4, 0.5], "2": [0.41, 0.5]}})
    url = host.serve("/a.png", picture(60, 80))
    for variant, wanted in ((1, "fulfilled"), (2, "failed")):
        item = {**vendor_order(url=url)["items"][0], "variant_id": variant}
        await vendor.post("/orders", params=CONFIRM, json=vendor_order(f"v{variant}", items=[item]))
        await status(vendor, wanted, f"v{variant}")
    reason = (await sandbox.ledger(external_id="v2"))["orders"][0]["history"][-1]["reason"]
    assert "146 DPI" in reason


async def test_a_url_already_seen_is_not_fetched_again(vendor: httpx.AsyncClient, host: Host) -> None:
    url = host.serve("/a.png", picture())
    for external_id in ("one", "two"):
        await vendor.post("/orders", params=CONFIRM, json=vendor_order(external_id, url))
        await status(vendor, "fulfilled", external_id)
    assert host.fetched == ["/a.png"]


async def test_an_account_can_ship_in_two_parcels(sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host) -> None:
    await sandbox.call("PUT", "/vendors/acme", {"parcels": 2})
    await vendor.post("/orders", params=CONFIRM, json=vendor_order(url=host.serve("/a.png", picture())))
    order = await status(vendor, "fulfilled")
    assert [[item["quantity"] for item in s["items"]] for s in order["shipments"]] == [[1], [1]]
    history = (await sandbox.ledger(external_id="ext1"))["orders"][0]["history"]
    assert [step["status"] for step in history] == ["draft", "pending", "inprocess", "partial", "fulfilled"]


@pytest.mark.parametrize("pace", ["fast", "12", None, [1], [1, "2"], [None, None], {"least": 1, "most": 2}, [2, 1], -1, math.inf])
async def test_a_pace_that_is_no_time_is_refused_in_one_line_and_changes_nothing(sandbox: Sandbox, pace: object) -> None:
    before = await sandbox.call("GET", "/vendors/acme")
    for method, path in (("PUT", "/sandbox/vendors/acme"), ("POST", "/sandbox/vendors/acme/plans")):
        answer = await sandbox.control.request(method, path, content=json.dumps({"pace": pace}))
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": f"pace is {pace!r}; allowed: seconds from 0, or [least, most]"},
        )
    assert await sandbox.call("GET", "/vendors/acme") == before


async def test_a_plan_decides_for_the_orders_it_names(sandbox: Sandbox, vendor: httpx.AsyncClient, host: Host) -> None:
    url = host.serve("/a.png", picture())
    for outcome in ("fail", "cancel", "hold"):
        match = {"recipient": outcome}
        await sandbox.call("POST", "/vendors/acme/plans", {"match": match, "outcome": outcome, "reason": "out of paper"})
    for outcome, wanted in (("fail", "failed"), ("cancel", "canceled"), ("hold", "onhold"), ("ship", "fulfilled")):
        order = vendor_order(outcome, url)
        await vendor.post("/orders", params=CONFIRM, json={**order, "recipient": {**order["recipient"], "name": f"Mx {outcome}"}})
        await status(vendor, wanted, outcome)


async def test_steps_by_hand_ship_single_items_and_end_orders(
    slow_sandbox: Sandbox, slow_vendor: httpx.AsyncClient, host: Host
) -> None:
    url = host.serve("/a.png", picture())
    for external_id in ("one", "two", "three"):
        await slow_vendor.post("/orders", params=CONFIRM, json=vendor_order(external_id, url))
    item_id = (await slow_vendor.get("/orders/@one")).json()["result"]["items"][0]["id"]
    part = await slow_sandbox.step("acme", "@one", "ship", {"items": [{"item_id": item_id, "quantity": 1}]})
    assert part["status"] == "partial"
    assert (await slow_sandbox.step("acme", "@one", "ship"))["status"] == "fulfilled"
    assert (await slow_sandbox.step("acme", "@two", "fail", {"reason": "smudged"}))["status"] == "failed"
    assert (await slow_sandbox.step("acme", "@three", "hold"))["status"] == "onhold"
    assert (await slow_sandbox.step("acme", "@three", "release"))["status"] == "pending"
    assert (await slow_sandbox.step("acme", "@three", "cancel"))["status"] == "canceled"


async def test_a_step_the_status_does_not_allow_is_refused_in_one_line(
    slow_sandbox: Sandbox, slow_vendor: httpx.AsyncClient
) -> None:
    await slow_vendor.post("/orders", json=vendor_order())
    answer = await slow_sandbox.control.post("/sandbox/vendors/acme/orders/@ext1/ship")
    assert answer.status_code == 409
    assert "draft" in answer.json()["error"]
    assert (await slow_sandbox.control.post("/sandbox/vendors/acme/orders/@ext1/fly")).status_code == 404


@given(st.integers(0, len(picture()) - 1), st.binary(max_size=12))
def test_a_damaged_file_is_either_a_picture_or_a_bad_file(at: int, damage: bytes) -> None:
    content = picture()[:at] + damage + picture()[at + len(damage) :]
    with suppress(BadFileError):
        assert inspect(content).width > 0


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(1, 9))
def test_parcels_hold_every_unit_once_and_none_is_empty(quantities: list[int], count: int) -> None:
    items = list(enumerate(quantities))
    parcels = split_parcels(items, count)
    assert len(parcels) == min(count, sum(quantities))
    assert all(quantity > 0 for parcel in parcels for _, quantity in parcel)
    assert [sum(q for parcel in parcels for i, q in parcel if i == item) for item, _ in items] == quantities
