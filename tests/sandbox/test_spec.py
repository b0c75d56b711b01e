"""The sandbox held against the vendors' and shops' own OpenAPI documents, so that it and our adapters cannot agree on a mistake.

The documents are read where they are and never copied: from the folder PLATEN_SPECS, or `shared/specs` beside the repository.
"""

import copy
import json
import os
from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft4Validator
from platen_sandbox.testing import Sandbox, running_sandbox
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tests.support import until

from .conftest import Host, Json, picture, running_host, shop_client, vendor_client, vendor_order

pytestmark = pytest.mark.spec

PRINTFUL, WOOCOMMERCE = "printful-v1.openapi.json", "woocommerce-v3.openapi.yml"
REPOSITORY = Path(__file__).parents[2]

WOO_EXEMPTIONS: dict[tuple[str, ...], str] = {
    ("shop_order", "properties", "version"): "declared an integer; a version is 10.3.4",
    (
        "shop_order",
        "properties",
        "line_items",
        "items",
        "properties",
        "product_id",
    ): "declared a string; the prose documentation says integer",
    ("shop_order", "properties", "line_items", "items", "properties", "parent_name"): "null for a product that is no variation",
    ("shop_order", "properties", "line_items", "items", "properties", "meta_data", "items", "properties", "value"): (
        "declared a string; plugins store lists and objects (the prose documentation says mixed)"
    ),
    ("shop_order", "properties", "date_paid"): "null until it happens; the document marks nothing nullable",
    ("shop_order", "properties", "date_paid_gmt"): "null until it happens",
    ("shop_order", "properties", "date_completed"): "null until it happens",
    ("shop_order", "properties", "date_completed_gmt"): "null until it happens",
}


@lru_cache
def document(name: str) -> Json:
    """The document as a JSON Schema resource: OpenAPI 3.0's `nullable` is spelled out, everything else is draft 4 already."""
    candidates = [Path(os.environ["PLATEN_SPECS"])] if "PLATEN_SPECS" in os.environ else []
    candidates.append(REPOSITORY.parent / "shared" / "specs")
    path = next((folder / name for folder in candidates if (folder / name).is_file()), None)
    if path is None:
        pytest.skip(
            f"{name} is in none of {', '.join(map(str, candidates))}: the sandbox was not held against it; set PLATEN_SPECS"
        )
    text = path.read_text(encoding="utf-8")
    return _spelled_out(json.loads(text) if name.endswith("json") else yaml.load(text, Loader=yaml.CSafeLoader))


def _spelled_out(node: Any) -> Any:
    if isinstance(node, list):
        return [_spelled_out(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _spelled_out(value) for name, value in node.items()}
    if plain.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain


def check(body: Any, spec: Json, schema: Json) -> None:
    registry: Registry[Any] = Registry().with_resource("urn:spec", Resource(contents=spec, specification=DRAFT4))
    errors = list(Draft4Validator(_absolute(schema), registry=registry).iter_errors(body))
    assert not errors, "\n".join(f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in errors)


def _absolute(node: Any) -> Any:
    if isinstance(node, list):
        return [_absolute(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    return {name: f"urn:spec{value}" if name == "$ref" else _absolute(value) for name, value in node.items()}


def printful(path: str, method: str, answer: httpx.Response) -> Json:
    """Checks one answer against what the document says of this path, method and status; gives its result."""
    spec = document(PRINTFUL)
    answers = spec["paths"][path][method]["responses"]
    reference = answers[str(answer.status_code)]["$ref"].rsplit("/", 1)[1]
    check(answer.json(), spec, spec["components"]["responses"][reference]["content"]["application/json"]["schema"])
    return answer.json()["result"]


@lru_cache
def woocommerce() -> Json:
    spec = copy.deepcopy(document(WOOCOMMERCE))
    for steps in WOO_EXEMPTIONS:
        *parents, last = steps
        node = spec["components"]["schemas"]
        for step in parents:
            node = node[step]
        node[last] = {}
    return spec


def woo(path: str, method: str, answer: httpx.Response) -> Any:
    """Creations are 201 in the prose documentation and in every shop; the generated document knows only 200."""
    spec = woocommerce()
    check(answer.json(), spec, spec["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"])
    return answer.json()


@pytest.mark.parametrize("wrong", [{"id": "80000001"}, {"shipments": [{"id": "x"}]}, {"recipient": {"zip": 1}}, {"items": None}])
def test_a_wrong_answer_is_found(wrong: Json) -> None:
    order = {"recipient": {"name": "A"}, "items": []}
    schema = {"$ref": "#/components/schemas/Order"}
    check(order, document(PRINTFUL), schema)
    with pytest.raises(AssertionError):
        check({**order, **wrong}, document(PRINTFUL), schema)


@pytest.fixture
async def vendor_side() -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient, Host]]:
    document(PRINTFUL)
    async with running_host() as host, running_sandbox() as sandbox, vendor_client(sandbox) as vendor:
        await vendor.post("/webhooks", json={"url": f"{host.url}/x", "types": ["package_shipped", "order_failed"]})
        yield sandbox, vendor, host


async def test_printful_orders_answer_as_documented_through_their_life(
    vendor_side: tuple[Sandbox, httpx.AsyncClient, Host],
) -> None:
    _, vendor, host = vendor_side
    order = vendor_order(
        url=host.serve("/a.png", picture()), retail_costs={"shipping": "4.00"}, gift={"subject": "s", "message": "m"}
    )
    check(order, document(PRINTFUL), document(PRINTFUL)["components"]["schemas"]["Order"])
    assert printful("/orders", "post", await vendor.post("/orders", json=order))["status"] == "draft"
    printful("/orders/{id}", "put", await vendor.put("/orders/@ext1", json={"shipping": "STANDARD"}))
    printful("/orders/{id}", "get", await vendor.get("/orders/@ext1"))
    printful("/orders/{id}/confirm", "post", await vendor.post("/orders/@ext1/confirm"))
    await until(lambda: host.posts)
    shipped = printful("/orders/{id}", "get", await vendor.get("/orders/@ext1"))
    assert shipped["shipments"]
    documented = document(PRINTFUL)["components"]["schemas"]["Order"]["properties"]
    assert set(documented) ^ set(shipped) == {"packing_slip"}, "every documented field but the one not given, and no other"
    assert set(shipped["items"][0]) <= set(document(PRINTFUL)["components"]["schemas"]["Item"]["properties"])
    assert set(shipped["shipments"][0]) == set(document(PRINTFUL)["components"]["schemas"]["Shipment"]["properties"])
    printful("/orders", "get", await vendor.get("/orders"))
    await vendor.post("/orders", json=vendor_order("ext2"))
    assert printful("/orders/{id}", "delete", await vendor.delete("/orders/@ext2"))["status"] == "canceled"


async def test_printful_refusals_answer_as_documented(vendor_side: tuple[Sandbox, httpx.AsyncClient, Host]) -> None:
    _, vendor, _ = vendor_side
    await vendor.post("/orders", json=vendor_order())
    printful("/orders", "post", await vendor.post("/orders", json=vendor_order()))
    printful("/orders", "post", await vendor.post("/orders", json={}))
    printful("/orders/{id}", "get", await vendor.get("/orders/@nobody"))
    printful("/orders/{id}/confirm", "post", await vendor.post("/orders/1/confirm"))
    printful("/orders", "get", await vendor.get("/orders", headers={"Authorization": "Bearer wrong"}))


async def test_printful_webhook_settings_answer_as_documented(vendor_side: tuple[Sandbox, httpx.AsyncClient, Host]) -> None:
    _, vendor, host = vendor_side
    printful("/webhooks", "post", await vendor.post("/webhooks", json={"url": host.url, "types": ["order_failed"]}))
    printful("/webhooks", "get", await vendor.get("/webhooks"))
    printful("/webhooks", "delete", await vendor.delete("/webhooks"))
    printful("/webhooks", "post", await vendor.post("/webhooks", json={}))


async def test_printful_callbacks_have_the_documented_shape_of_their_type(
    vendor_side: tuple[Sandbox, httpx.AsyncClient, Host],
) -> None:
    sandbox, vendor, host = vendor_side
    hooks = document(PRINTFUL)["x-webhooks"]
    kinds = [
        "package_shipped",
        "order_created",
        "order_updated",
        "order_failed",
        "order_canceled",
        "order_put_hold",
        "order_remove_hold",
    ]
    await vendor.post("/webhooks", json={"url": host.url, "types": kinds})
    await sandbox.call("PUT", "/vendors/acme", {"mode": "manual"})
    url = host.serve("/a.png", picture())
    for external_id, steps in (("one", ["hold", "release", "ship"]), ("two", ["fail"]), ("three", ["cancel"])):
        await vendor.post("/orders", params={"confirm": 1}, json=vendor_order(external_id, url))
        for step in steps:
            await sandbox.step("acme", f"@{external_id}", step)
    await until(lambda: {json.loads(body)["type"] for _, body in host.posts} == set(kinds))
    for _, body in host.posts:
        event = json.loads(body)
        name = hooks[event["type"]]["post"]["requestBody"]["$ref"].rsplit("/", 1)[1]
        spec = document(PRINTFUL)
        check(event, spec, spec["components"]["requestBodies"][name]["content"]["application/json"]["schema"])


async def test_every_printful_error_code_the_sandbox_uses_is_documented() -> None:
    source = (REPOSITORY / "sandbox/platen_sandbox/vendor").rglob("*.py")
    words = {
        word.strip('",)(')
        for path in source
        for word in path.read_text().split()
        if word.strip('",)(').startswith(("OR-", "FL-"))
    }
    errors = next(tag["description"] for tag in document(PRINTFUL)["tags"] if tag["name"] == "Errors")
    assert words
    assert not [word for word in words if f" {word} " not in errors]


async def test_woocommerce_orders_notes_and_webhooks_answer_as_documented(sandbox: Sandbox, host: Host) -> None:
    meta = [{"key": "Name", "value": "José"}, {"key": "_addons", "value": [{"a": 1}]}]
    made = await sandbox.order("north", {"line_items": [{"sku": "P", "quantity": 2, "meta_data": meta}]})
    async with shop_client(sandbox) as shop:
        one = f"/wc/v3/orders/{made['id']}"
        woo("/orders", "get", await shop.get("/wc/v3/orders"))
        woo("/orders/{id}", "get", await shop.get(one))
        woo("/orders/{id}", "put", await shop.put(one, json={"status": "completed"}))
        woo("/orders/{order_id}/notes", "post", await shop.post(f"{one}/notes", json={"note": "hi", "customer_note": True}))
        woo("/orders/{order_id}/notes", "get", await shop.get(f"{one}/notes"))
        given = {"topic": "order.created", "delivery_url": host.url}
        hook = woo("/webhooks", "post", await shop.post("/wc/v3/webhooks", json=given))
        woo("/webhooks", "get", await shop.get("/wc/v3/webhooks"))
        woo("/webhooks/{id}", "get", await shop.get(f"/wc/v3/webhooks/{hook['id']}"))
        order = (await shop.get(one)).json()
    known = set(woocommerce()["components"]["schemas"]["shop_order"]["properties"])
    assert known - set(order) == {"set_paid"}, "every documented field is there, but the one that is only written"


async def test_woocommerce_query_parameters_are_the_documented_ones() -> None:
    parameters = {p["name"]: p["schema"] for p in woocommerce()["paths"]["/orders"]["get"]["parameters"]}
    used = {
        "modified_after",
        "modified_before",
        "after",
        "before",
        "dates_are_gmt",
        "status",
        "per_page",
        "page",
        "offset",
        "order",
    }
    assert used | {"orderby", "include", "exclude", "search"} <= set(parameters)
    assert {"modified", "id", "date"} <= set(parameters["orderby"]["enum"])


@pytest.mark.parametrize("steps", list(WOO_EXEMPTIONS), ids=lambda steps: ".".join(steps[-1:]))
async def test_each_exemption_is_still_needed(sandbox: Sandbox, steps: tuple[str, ...]) -> None:
    """An exemption that would pass without being made hides nothing and has to go."""
    meta = [{"key": "_addons", "value": [{"a": 1}]}]
    order = await sandbox.order("north", {"status": "pending", "line_items": [{"meta_data": meta}]})
    spec = copy.deepcopy(woocommerce())
    node, original = spec["components"]["schemas"], document(WOOCOMMERCE)["components"]["schemas"]
    for step in steps[:-1]:
        node, original = node[step], original[step]
    node[steps[-1]] = original[steps[-1]]
    with pytest.raises(AssertionError, match=steps[-1]):
        check(order, spec, spec["components"]["schemas"]["shop_order"])
