"""The public snapshot's form, on which merge patches rest: no lists, and nothing that is written as null."""

import json
from typing import Any

import pytest
from platen_contracts.generate import EXAMPLES
from platen_contracts.message import Message, Part
from platen_contracts.orders import OrderSnapshot


class Bad(Part):
    tags: list[str]
    words: dict[str, str | None]
    note: str | None = None


def shape_faults(model: type[Part]) -> list[str]:
    """Where a document of `model` could hold a list, or a null that leaving out absent fields does not take away."""
    schema = model.model_json_schema()
    return sorted(fault for name, part in {"": schema, **schema.get("$defs", {})}.items() for fault in _faults(part, name))


def _faults(part: dict[str, Any], path: str) -> list[str]:
    faults = [f"{path}: a list"] if part.get("type") == "array" else []
    faults += [f"{path}: null"] if part.get("type") == "null" else []
    for name, field in part.get("properties", {}).items():
        choices = [choice for choice in field.get("anyOf", [field]) if choice.get("type") != "null"]
        faults += [fault for choice in choices for fault in _faults(choice, f"{path}.{name}")]
    inner = part.get("additionalProperties")
    for choice in inner.get("anyOf", [inner]) if isinstance(inner, dict) else []:
        faults += _faults(choice, f"{path}.*")
    return faults


def test_the_snapshot_can_hold_neither_lists_nor_written_nulls() -> None:
    assert shape_faults(OrderSnapshot) == []


def test_a_list_and_a_written_null_are_found_where_they_are() -> None:
    assert shape_faults(Bad) == [".tags: a list", ".words.*: null"]


def nulls_and_lists(document: Any) -> int:
    if isinstance(document, dict):
        return sum(map(nulls_and_lists, document.values()))
    return int(document is None or isinstance(document, list))


@pytest.mark.parametrize("path", sorted((EXAMPLES / "orders.OrderSnapshot.v1").glob("*.json")), ids=lambda path: path.stem)
def test_an_example_snapshot_is_written_without_lists_and_nulls(path: Any) -> None:
    from platen_contracts.envelope import encode

    snapshot: Message = OrderSnapshot.model_validate_json(path.read_bytes())
    assert nulls_and_lists(json.loads(encode(snapshot) or b"")) == 0
