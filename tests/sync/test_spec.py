"""Our requests held against WooCommerce's own OpenAPI document, read where it is and never copied."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft4Validator
from platen_sync.gateway.shop import ParcelToPost, Shelf
from platen_sync.model import PageAsked

from .test_gateway import Answers, answer, way_with

pytestmark = pytest.mark.spec

NAME = "woocommerce-v3.openapi.yml"
WHEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@lru_cache
def document() -> dict[str, Any]:
    folders = [Path(os.environ["PLATEN_SPECS"])] if "PLATEN_SPECS" in os.environ else []
    folders.append(Path(__file__).parents[3] / "shared" / "specs")
    path = next((folder / NAME for folder in folders if (folder / NAME).is_file()), None)
    if path is None:
        pytest.skip(f"{NAME} is in none of {', '.join(map(str, folders))}: requests were not held against it; set PLATEN_SPECS")
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def operation(path: str, method: str) -> dict[str, Any]:
    return document()["paths"][path][method]


def wrong_parameters(request: httpx.Request, known: list[dict[str, Any]]) -> list[str]:
    """Query parameters that the document does not know, or whose value it does not allow."""
    schemas = {one["name"]: one["schema"] for one in known if one["in"] == "query"}
    found: list[str] = []
    for name, text in request.url.params.items():
        if name not in schemas:
            found.append(f"{name} is not a parameter")
            continue
        schema = schemas[name]
        kinds = {"integer": int, "boolean": json.loads, "array": lambda value: value.split(",")}
        value = kinds.get(schema.get("type", ""), str)(text)
        found += [f"{name}: {error.message}" for error in Draft4Validator(schema).iter_errors(value)]
    return found


async def test_the_list_of_changed_orders_is_asked_as_the_document_allows() -> None:
    answers = Answers(answer([]))
    await (await way_with(answers)).list_changed(PageAsked(after=WHEN), 100)
    assert wrong_parameters(answers.asked[0], operation("/orders", "get")["parameters"]) == []


async def test_a_parameter_the_document_does_not_know_would_be_noticed() -> None:
    request = httpx.Request("GET", "https://shop.example", params={"orderby": "updated", "since": "x"})
    assert len(wrong_parameters(request, operation("/orders", "get")["parameters"])) == 2


async def test_a_note_to_the_customer_is_written_as_the_document_says() -> None:
    answers = Answers(answer({}, 201))
    await (await way_with(answers)).post_tracking("5", ParcelToPost("1Z999"), Shelf(False, []))
    schema = operation("/orders/{order_id}/notes", "post")["requestBody"]["content"]["application/json"]["schema"]
    body = json.loads(answers.asked[0].content)
    assert list(Draft4Validator(schema).iter_errors(body)) == []
    assert body.keys() <= schema["properties"].keys()


async def test_customer_notes_are_asked_as_the_document_allows() -> None:
    answers = Answers(answer({"code": "rest_no_route"}, 404), answer([]))
    await (await way_with(answers)).read_shelf("5")
    assert wrong_parameters(answers.asked[1], operation("/orders/{order_id}/notes", "get")["parameters"]) == []
