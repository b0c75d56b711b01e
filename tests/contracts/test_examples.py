import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from platen_contracts.envelope import decode_value, encode
from platen_contracts.generate import EXAMPLES, schema_of, short_name
from platen_contracts.message import Message
from platen_contracts.topics import MESSAGES

BY_NAME: Mapping[str, type[Message]] = {short_name(message): message for message in MESSAGES.values()}
FILES = sorted(EXAMPLES.rglob("*.json"))


def orphans(folder: Path) -> list[str]:
    """Messages without an example, and examples without a message."""
    held = {path.parent.name for path in folder.glob("*/*.json")}
    return [
        *(f"{name}: has no example; put one into examples/{name}/" for name in sorted(BY_NAME.keys() - held)),
        *(f"examples/{name}: there is no such message" for name in sorted(held - BY_NAME.keys())),
    ]


def lost(example: Any, read: Any, path: str = "") -> list[str]:
    """What an example says that the message it was read as does not know."""
    if isinstance(example, dict) and isinstance(read, dict):
        return [line for name, value in example.items() for line in lost(value, read.get(name), f"{path}.{name}")]
    if isinstance(example, list) and isinstance(read, list) and len(example) == len(read):
        return [line for place, each in enumerate(example) for line in lost(each, read[place], f"{path}.{place}")]
    return [] if example == read else [f"{path}: {example!r} was read as {read!r}"]


def test_every_message_has_an_example_and_every_example_a_message() -> None:
    assert orphans(EXAMPLES) == []


def test_a_message_without_an_example_and_an_example_without_a_message_are_reported(tmp_path: Path) -> None:
    for name in BY_NAME.keys() - {"orders.Send.v1"} | {"orders.Teleport.v1"}:
        (tmp_path / name).mkdir()
        (tmp_path / name / "minimal.json").write_text("{}")
    assert orphans(tmp_path) == [
        "orders.Send.v1: has no example; put one into examples/orders.Send.v1/",
        "examples/orders.Teleport.v1: there is no such message",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_is_read_whole_by_todays_model_and_fits_its_schema(path: Path) -> None:
    message, text = BY_NAME[path.parent.name], path.read_bytes()
    read = decode_value(text, message)
    written = encode(read)
    assert written is not None
    assert lost(json.loads(text), json.loads(written)) == []
    assert decode_value(written, message) == read
    validator = Draft202012Validator(schema_of(message))
    for document in (text, written):
        assert [error.message for error in validator.iter_errors(json.loads(document))] == []


def test_a_word_that_no_model_knows_is_reported() -> None:
    assert lost({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}) == [".a.0.c: 2 was read as None"]


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_examples_of_a_message_show_every_field_and_once_leave_out_what_may_be_left_out(name: str) -> None:
    examples = [json.loads(path.read_text("utf-8")) for path in (EXAMPLES / name).glob("*.json")]
    schema = schema_of(BY_NAME[name])
    never_shown = [field for field in schema["properties"] if not any(field in example for example in examples)]
    optional = set(schema["properties"]) - set(schema["required"])
    always_shown = [field for field in optional if all(field in example for example in examples)]
    of_every_command = {"dry_run", "bulk_id", "expected_version"}
    assert set(never_shown) <= of_every_command
    assert set(always_shown) <= of_every_command


def test_the_examples_hold_names_in_several_scripts() -> None:
    letters = {letter for path in FILES for letter in path.read_text("utf-8") if letter.isalpha()}
    assert {"LATIN", "ARABIC", "THAI"} <= {unicodedata.name(letter, "").split()[0] for letter in letters}
    assert set("ãçëü") <= letters
