"""The shop answers as WooCommerce REST v3 does."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from platen_sandbox.model import Shop
from platen_sandbox.shop.errors import WooError
from platen_sandbox.shop.query import list_orders
from platen_sandbox.testing import Sandbox
from starlette.datastructures import QueryParams

from .conftest import Json

TRACKINGS = "/wc-shipment-tracking/v3/orders/{}/shipment-trackings"


async def test_an_order_is_answered_whole_from_a_partial_one(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    meta = [{"key": "Name to print", "value": "José"}, {"key": "_addons", "value": [{"name": "Colour", "value": "Red"}]}]
    made = await sandbox.order("north", {"line_items": [{"sku": "P1", "quantity": 2, "price": "12.50", "meta_data": meta}]})
    read = (await shop.get(f"/wc/v3/orders/{made['id']}")).json()
    assert read == made
    assert (read["status"], read["total"], read["number"]) == ("processing", "25.00", str(read["id"]))
    line = read["line_items"][0]
    assert (line["sku"], line["quantity"], line["price"], line["total"]) == ("P1", 2, 12.5, "25.00")
    assert [(m["key"], m["value"]) for m in line["meta_data"]] == [(m["key"], m["value"]) for m in meta]
    assert len({m["id"] for m in line["meta_data"]}) == 2


async def test_the_shops_clock_is_not_gmt_and_has_whole_seconds(sandbox: Sandbox) -> None:
    order = await sandbox.order("north")
    local, gmt = (datetime.fromisoformat(order[name]) for name in ("date_modified", "date_modified_gmt"))
    assert local.tzinfo is None
    assert gmt.tzinfo is None
    assert local - gmt == timedelta(hours=2)
    assert len(order["date_modified_gmt"]) == len("2026-11-23T10:00:00")


async def test_pages_carry_totals_and_links(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    await sandbox.call("POST", "/shops/north/orders", [{} for _ in range(5)])
    first = await shop.get("/wc/v3/orders", params={"per_page": 2, "order": "asc", "orderby": "id"})
    assert (first.headers["X-WP-Total"], first.headers["X-WP-TotalPages"]) == ("5", "3")
    assert list(first.links) == ["next"]
    second = await shop.get(first.links["next"]["url"])
    last = await shop.get(second.links["next"]["url"])
    assert list(last.links) == ["prev"]
    assert [order["id"] for page in (first, second, last) for order in page.json()] == [1001, 1002, 1003, 1004, 1005]


SHOP = Shop("north", "k", "s", utc_offset_minutes=120)


def at(second: int, order_id: int, status: str = "processing") -> Json:
    gmt, local = f"2026-11-23T10:00:{second:02d}", f"2026-11-23T12:00:{second:02d}"
    times = {"date_created": local, "date_created_gmt": gmt, "date_modified": local, "date_modified_gmt": gmt}
    return {"id": order_id, "number": str(order_id), "status": status, "billing": {}, **times}


def ids(orders: list[Json], **params: Any) -> list[int]:
    query = QueryParams({"orderby": "modified", "order": "asc", **params})
    return [order["id"] for order in list_orders(SHOP, orders, query, "http://shop/orders").orders]


def test_modified_after_is_strict_to_the_second_and_in_gmt_only_when_asked() -> None:
    orders = [at(1, 1), at(2, 2), at(2, 3), at(3, 4)]
    assert ids(orders, modified_after="2026-11-23T10:00:02", dates_are_gmt="true") == [4]
    assert ids(orders, modified_after="2026-11-23T10:00:01", dates_are_gmt="true") == [2, 3, 4]
    assert ids(orders, modified_before="2026-11-23T10:00:02", dates_are_gmt="true") == [1]
    assert ids(orders, modified_after="2026-11-23T10:00:59") == [1, 2, 3, 4], "without dates_are_gmt the shop's local time counts"
    assert ids(orders, modified_after="2026-11-23T12:00:02") == [4]


def test_a_bound_with_a_zone_is_turned_into_local_time_even_against_the_gmt_column() -> None:
    orders = [at(1, 1), at(3, 2)]
    assert ids(orders, modified_after="2026-11-23T10:00:02Z") == [2]
    assert ids(orders, modified_after="2026-11-23T10:00:02Z", dates_are_gmt="true") == [], "the trap of the real one"


def test_statuses_are_filtered_and_trash_is_no_part_of_any() -> None:
    orders = [at(1, 1), at(1, 2, "completed"), at(1, 3, "trash"), at(1, 4, "on-hold")]
    assert ids(orders) == [1, 2, 4]
    assert ids(orders, status="any") == [1, 2, 4]
    assert ids(orders, status="processing,on-hold") == [1, 4]
    assert ids(orders, status="trash") == [3]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"per_page": "101"}, "per_page"),
        ({"per_page": "0"}, "per_page"),
        ({"page": "x"}, "page"),
        ({"orderby": "colour"}, "orderby"),
        ({"order": "up"}, "order"),
        ({"status": "shipped"}, "status"),
        ({"modified_after": "2026-11-23"}, "modified_after"),
        ({"include": "a"}, "include"),
    ],
)
def test_a_wrong_parameter_is_named(params: Json, named: str) -> None:
    with pytest.raises(WooError) as error:
        ids([], **params)
    assert error.value.status == 400
    assert error.value.body["code"] == "rest_invalid_param"
    assert list(error.value.body["data"]["params"]) == [named]


async def test_wrong_keys_are_refused(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    for auth in (None, ("ck_north", "wrong"), ("wrong", "cs_north"), ("ck_south", "cs_south")):
        async with httpx.AsyncClient(auth=auth, trust_env=False) as stranger:
            answer = await stranger.get(f"{sandbox.shop('north')}/wp-json/wc/v3/orders")
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "message", "data"}
        assert answer.json()["data"] == {"status": 401}


async def test_an_unknown_order_and_an_unknown_route_are_404_in_woocommerces_words(shop: httpx.AsyncClient) -> None:
    unknown = await shop.get("/wc/v3/orders/7")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "woocommerce_rest_shop_order_invalid_id")
    lost = await shop.post("/wc/v3/nonsense")
    assert (lost.status_code, lost.json()["code"]) == (404, "rest_no_route")


async def test_a_status_change_moves_the_modified_time_and_stamps_completion(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    given = {"date_created_gmt": "2026-01-01T00:00:00", "date_modified_gmt": "2026-01-01T00:00:00"}
    order = await sandbox.order("north", given)
    assert order["date_modified"] == "2026-01-01T02:00:00"
    changed = (await shop.put(f"/wc/v3/orders/{order['id']}", json={"status": "completed"})).json()
    assert changed["status"] == "completed"
    assert changed["date_modified_gmt"] > order["date_modified_gmt"]
    assert changed["date_created_gmt"] == order["date_created_gmt"]
    assert changed["date_completed_gmt"] is not None


async def test_malformed_changes_are_refused_and_change_nothing(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    order = await sandbox.order("north")
    bad: list[Json] = [
        {"status": "shipped"},
        {"billing": "x"},
        {"line_items": [{"quantity": "x"}]},
        {"meta_data": [{"value": 1}]},
    ]
    for given in bad:
        assert (await shop.put(f"/wc/v3/orders/{order['id']}", json=given)).json()["code"] == "rest_invalid_param"
    assert (await shop.put(f"/wc/v3/orders/{order['id']}", content=b"{")).json()["code"] == "rest_invalid_json"
    assert (await shop.get(f"/wc/v3/orders/{order['id']}")).json() == order


async def test_lines_are_changed_added_and_removed_by_id(sandbox: Sandbox) -> None:
    order = await sandbox.order("north", {"line_items": [{"sku": "A"}, {"sku": "B", "quantity": 1}]})
    first, second = (line["id"] for line in order["line_items"])
    change = {"line_items": [{"id": first, "quantity": 0}, {"id": second, "quantity": 3}, {"sku": "C"}]}
    changed = await sandbox.call("PATCH", f"/shops/north/orders/{order['id']}", change)
    assert [(line["sku"], line["quantity"], line["total"]) for line in changed["line_items"]] == [
        ("B", 3, "75.00"),
        ("C", 1, "25.00"),
    ]
    assert changed["total"] == "100.00"


async def test_trackings_come_back_as_given_and_the_order_counts_as_modified(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    order = await sandbox.order("north", {"date_modified_gmt": "2026-01-01T00:00:00"})
    path = TRACKINGS.format(order["id"])
    parcel = {"tracking_number": "9400", "tracking_provider": "USPS", "date_shipped": "2026-11-20"}
    made = await shop.post(path, json=parcel)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in parcel} == parcel
    assert made.json()["tracking_link"].endswith("9400")
    own = {"tracking_number": "X1", "custom_tracking_provider": "Bike", "custom_tracking_link": "https://bike.example/X1"}
    await shop.post(path, json=own)
    listed = (await shop.get(path)).json()
    assert [(t["tracking_provider"], t["tracking_link"]) for t in listed][1] == ("Bike", "https://bike.example/X1")
    assert (await shop.get(f"/wc/v3/orders/{order['id']}")).json()["date_modified_gmt"] > order["date_modified_gmt"]
    received = await sandbox.call("GET", "/shops/north/trackings")
    assert [(t["order_id"], t["tracking_number"]) for t in received] == [(order["id"], "9400"), (order["id"], "X1")]


async def test_a_tracking_without_number_or_provider_is_refused(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    order = await sandbox.order("north")
    for given in ({"tracking_provider": "USPS"}, {"tracking_number": "1"}):
        assert (await shop.post(TRACKINGS.format(order["id"]), json=given)).status_code == 400
    assert await sandbox.call("GET", "/shops/north/trackings") == []


async def test_a_shop_without_the_plugin_knows_no_trackings(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    order = await sandbox.order("north")
    await sandbox.call("PUT", "/shops/north", {"tracking_plugin": False})
    answer = await shop.post(TRACKINGS.format(order["id"]), json={"tracking_number": "1", "tracking_provider": "USPS"})
    assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")


async def test_notes_are_kept_newest_first_and_told_apart(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    order = await sandbox.order("north")
    path = f"/wc/v3/orders/{order['id']}/notes"
    await shop.post(path, json={"note": "inside"})
    made = await shop.post(path, json={"note": "shipped", "customer_note": True})
    assert made.status_code == 201
    assert [note["note"] for note in (await shop.get(path)).json()] == ["shipped", "inside"]
    assert [note["note"] for note in (await shop.get(path, params={"type": "customer"})).json()] == ["shipped"]
    assert (await shop.post(path, json={})).json()["code"] == "rest_missing_callback_param"


async def test_shops_do_not_see_each_others_orders(sandbox: Sandbox, shop: httpx.AsyncClient) -> None:
    await sandbox.order("south")
    assert (await shop.get("/wc/v3/orders")).json() == []
