"""The schema comparison itself: each bad change is planted in a real schema and must be named."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from platen_contracts import dispatch, orders
from platen_contracts.generate import schema_of

from .schema_diff import breaking_changes

Schema = dict[str, Any]
SNAPSHOT = schema_of(orders.OrderSnapshot)
REQUEST = schema_of(dispatch.DispatchRequested)


def changed(schema: Schema, change: Callable[[Schema], object]) -> Schema:
    planted = deepcopy(schema)
    change(planted)
    return planted


def remove_a_nested_field(schema: Schema) -> None:
    del schema["$defs"]["SnapshotItem"]["properties"]["shipped"]


def change_a_type(schema: Schema) -> None:
    schema["properties"]["version"]["type"] = "string"


def change_the_type_of_values(schema: Schema) -> None:
    schema["properties"]["children"]["additionalProperties"] = {"type": "string"}


def demand_a_new_field(schema: Schema) -> None:
    schema["properties"]["channel"] = {"type": "string"}
    schema["required"].append("channel")


def demand_a_field_that_was_optional(schema: Schema) -> None:
    schema["required"].append("parent")


def no_longer_promise_a_field(schema: Schema) -> None:
    schema["required"].remove("number")


def add_a_status(schema: Schema) -> None:
    schema["$defs"]["OrderStatus"]["enum"].append("Lost")


def rename_a_status(schema: Schema) -> None:
    schema["$defs"]["OrderStatus"]["enum"][0] = "Fresh"


def tighten_an_id(schema: Schema) -> None:
    schema["properties"]["order_id"]["pattern"] = "^[0-9a-f]{16}$"


def close_an_open_enum(schema: Schema) -> None:
    schema["$defs"]["SnapshotItem"]["properties"]["state"]["enum"] = ["Ready"]


def make_an_object_of_a_string(schema: Schema) -> None:
    schema["properties"]["number"] = {"$ref": "#/$defs/Money"}


def change_a_default(schema: Schema) -> None:
    schema["properties"]["custom"]["default"] = True


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (remove_a_nested_field, "items.*.shipped: removed"),
        (change_a_type, "version: type was 'integer', is 'string'"),
        (change_the_type_of_values, "children.*: type was 'integer', is 'string'"),
        (demand_a_new_field, "channel: required, and was not"),
        (demand_a_field_that_was_optional, "parent: required, and was not"),
        (no_longer_promise_a_field, "number: no longer required"),
        (add_a_status, "status: enum was"),
        (rename_a_status, "status: enum was"),
        (tighten_an_id, "order_id: pattern was"),
        (close_an_open_enum, "items.*.state: enum was None"),
        (make_an_object_of_a_string, "number: type was 'string', is 'object'"),
        (change_a_default, "custom: default was False, is True"),
    ],
)
def test_a_breaking_change_is_named(plant: Callable[[Schema], None], named: str) -> None:
    found = breaking_changes(SNAPSHOT, changed(SNAPSHOT, plant))
    assert any(line.startswith(named) for line in found), found


def test_a_changed_limit_of_a_list_is_named() -> None:
    planted = changed(REQUEST, lambda schema: schema["properties"]["items"].update(maxItems=10))
    assert breaking_changes(REQUEST, planted) == ["items: maxItems was 200, is 10"]


def test_a_changed_item_of_a_list_is_named() -> None:
    planted = changed(REQUEST, lambda schema: schema["$defs"]["DispatchItem"]["properties"].pop("title"))
    assert "items.[].title: removed" in breaking_changes(REQUEST, planted)


def test_a_choice_less_is_named() -> None:
    schema = schema_of(orders.Personalise)
    planted = changed(schema, lambda schema: schema["properties"]["answers"]["additionalProperties"]["anyOf"].pop())
    assert breaking_changes(schema, planted) == ["answers.*: anyOf had 3 choices, has 2"]


@pytest.mark.parametrize(
    "harmless",
    [
        lambda schema: schema["properties"].update(channel={"type": "string"}),
        lambda schema: schema["$defs"]["SnapshotItem"]["properties"].update(weight_g={"type": "integer", "default": 0}),
        lambda schema: schema["$defs"]["SnapshotItem"]["properties"]["state"]["examples"].append("Lost"),
        lambda schema: schema.update(description="told otherwise"),
        lambda schema: None,
    ],
)
def test_what_a_tolerant_reader_survives_is_no_breaking_change(harmless: Callable[[Schema], object]) -> None:
    assert breaking_changes(SNAPSHOT, changed(SNAPSHOT, harmless)) == []


def test_a_schema_that_holds_itself_is_compared_once() -> None:
    tree = {
        "$ref": "#/$defs/Tree",
        "$defs": {"Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}, "size": {"type": "integer"}}}},
    }
    planted = changed(tree, lambda schema: schema["$defs"]["Tree"]["properties"]["size"].update(type="string"))
    assert breaking_changes(tree, planted) == ["size: type was 'integer', is 'string'"]
