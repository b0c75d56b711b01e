"""The adapter held against Printful's own OpenAPI document, which is read where it lies and never copied."""

import json
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from platen_vendors.printful.body import RECIPIENT, order_body
from platen_vendors.printful.read import STATUSES, snapshot
from platen_vendors.printful.refusals import BY_CODE, rejected
from platen_vendors.printful.webhook import events

from .orders import ORDER, with_recipient

ROOT = Path(__file__).resolve().parents[2]
SPEC = Path(os.environ.get("PLATEN_SPECS", ROOT.parent / "shared" / "specs")) / "printful-v1.openapi.json"

pytestmark = [
    pytest.mark.spec,
    pytest.mark.skipif(not SPEC.is_file(), reason=f"{SPEC} is absent; set PLATEN_SPECS to the folder of the vendors' documents"),
]


@cache
def spec() -> dict[str, Any]:
    return json.loads(SPEC.read_text())


def schema(name: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": spec()["components"]})


def errors(validator: Draft7Validator, body: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def example(node: dict[str, Any]) -> Any:
    """An instance made of the document's own `example` values."""
    if "$ref" in node:
        target: Any = spec()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return example(target)
    if "allOf" in node:
        merged: dict[str, Any] = {}
        for part in node["allOf"]:
            made = example(part)
            merged |= made if isinstance(made, dict) else {}
        return merged
    if "example" in node:
        return node["example"]
    if "properties" in node:
        return {name: made for name, part in node["properties"].items() if (made := example(part)) is not None}
    if node.get("type") == "array":
        return [example(node["items"])]
    return None


def documented_orders() -> list[dict[str, Any]]:
    """Every whole answer with an order that stands as JSON in the examples of the document's prose."""
    prose = next(tag["description"] for tag in spec()["tags"] if tag["name"] == "Examples")
    answers: list[dict[str, Any]] = []
    for block in re.findall(r"```\w*\n(.*?)```", prose, re.DOTALL):
        try:
            body = json.loads(block)
        except ValueError:
            continue
        result = body.get("result") if isinstance(body, dict) else None
        if isinstance(result, dict) and "recipient" in result and "status" in result:
            answers.append(result)
    return answers


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_sent_satisfies_the_order_schema(whole: bool) -> None:
    orders = (
        ORDER,
        with_recipient(region_code=None, phone=None, company=None),
        with_recipient(country="BR", tax_id="123.456.789-10"),
    )
    for order in orders:
        assert errors(schema("Order"), order_body(order, whole=whole)) == []


def test_every_field_sent_is_one_that_the_document_names() -> None:
    schemas = spec()["components"]["schemas"]
    body = order_body(ORDER, whole=True)
    assert body.keys() <= schemas["Order"]["properties"].keys()
    assert set(RECIPIENT.values()) <= schemas["Address"]["properties"].keys()
    item = schemas["Item"]["properties"]
    for line in body["items"]:
        assert line.keys() <= item.keys()
        for file in line["files"]:
            assert file.keys() <= schemas["File"]["properties"].keys()
    assert body["retail_costs"].keys() <= schemas["RetailCosts"]["properties"].keys()


def test_the_schema_notices_a_body_that_is_wrong() -> None:
    body = order_body(replace(ORDER, items=ORDER.items[:1]))
    body["items"][0]["variant_id"] = "4011"
    assert errors(schema("Order"), body) != []


def test_the_paths_and_methods_asked_are_documented() -> None:
    paths = spec()["paths"]
    assert {"post"} <= paths["/orders"].keys()
    assert {"get", "put", "delete"} <= paths["/orders/{id}"].keys()
    assert {"post"} <= paths["/orders/{id}/confirm"].keys()
    assert "@" in spec()["components"]["parameters"]["OrderId"]["description"]


def test_every_documented_order_is_read() -> None:
    answers = documented_orders()
    assert len(answers) >= 10
    for result in answers:
        read = snapshot(result)
        assert read is not None
        assert read.vendor_order_id == str(result["id"])
        assert [item.quantity for item in read.items] == [item["quantity"] for item in result["items"]]
        assert read.recipient["country"] == result["recipient"]["country_code"]
        assert read.status == "draft"


def test_the_schemas_own_example_of_an_order_is_read_with_its_shipment() -> None:
    read = snapshot(example({"$ref": "#/components/schemas/Order"}))
    assert read is not None
    assert (read.vendor_order_id, read.external_id, read.status) == ("13", "4235234213", "draft")
    (parcel,) = read.shipments
    assert (parcel.carrier, parcel.units) == ("FEDEX", {"item-1": 1})
    assert parcel.shipped_at is not None


def test_every_documented_status_has_a_neutral_word() -> None:
    prose = spec()["components"]["schemas"]["Order"]["properties"]["status"]["description"]
    documented = set(re.findall(r"\*\*(\w+)\*\*", prose))
    assert len(documented) >= 9
    assert documented <= STATUSES.keys()


@pytest.mark.parametrize(
    "kind",
    [
        "PackageShipped",
        "PackageReturned",
        "OrderCreated",
        "OrderUpdated",
        "OrderFailed",
        "OrderCanceled",
        "OrderPutHold",
        "OrderHoldApproval",
        "OrderRemoveHold",
        "OrderRefunded",
    ],
)
def test_every_documented_webhook_about_an_order_says_which_order_to_read(kind: str) -> None:
    body = example(spec()["components"]["requestBodies"][kind]["content"]["application/json"]["schema"])
    (event,) = events(json.dumps(body).encode())
    assert (event.vendor_order_id, event.external_id) == ("13", "4235234213")
    assert event.kind == body["type"]


@pytest.mark.parametrize("kind", ["StockUpdated", "ProductSynced", "ProductUpdated", "ProductDeleted"])
def test_documented_webhooks_about_something_else_give_nothing(kind: str) -> None:
    body = example(spec()["components"]["requestBodies"][kind]["content"]["application/json"]["schema"])
    assert events(json.dumps(body).encode()) == ()


def test_every_documented_code_for_orders_and_files_has_a_remedy() -> None:
    prose = next(tag["description"] for tag in spec()["tags"] if tag["name"] == "Errors")
    documented = set(re.findall(r"\b(?:OR|FL)-\d+\b", prose))
    assert len(documented) == 22
    assert documented <= BY_CODE.keys()


@pytest.mark.parametrize("response", ["BadRequest", "NotFound"])
def test_documented_error_bodies_are_read(response: str) -> None:
    body = example(spec()["components"]["responses"][response]["content"]["application/json"]["schema"])
    assert rejected(body["code"], body).message == body["result"]
