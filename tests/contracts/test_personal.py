from typing import Annotated, Any

import pytest
from platen_contracts.common import Address
from platen_contracts.message import Message, Part, Personal, personal_fields
from platen_contracts.orders import EditShipping, OrderChanged, OrderSnapshot
from platen_contracts.topics import CATALOGUE, DAY_MS, Topic
from pydantic import ValidationError

PUBLIC = [topic for topic in CATALOGUE.values() if not topic.personal]


class Reader(Part):
    plain: str
    email: Annotated[str | None, Personal()] = None


class Club(Part):
    president: Reader
    members: list[Reader]
    by_town: dict[str, list[Reader] | None]
    clubs: "list[Club]"
    secrets: dict[str, Annotated[str, Personal()]]
    all_of_it: Annotated[dict[str, Reader], Personal()]
    plain: dict[str, int]
    guest: Annotated[Reader | None, "a mark of somebody else"] = None
    nickname: Annotated[str, Personal()] | None = None


def test_the_walk_finds_marks_in_parts_lists_dicts_unions_and_annotations() -> None:
    assert sorted(personal_fields(Club)) == [
        "all_of_it", "by_town.email", "guest.email", "members.email", "nickname", "president.email", "secrets",
    ]  # fmt: skip


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_a_topic_that_is_not_personal_carries_no_personal_field(topic: Topic) -> None:
    assert {message.TYPE: found for message in topic.messages if (found := list(personal_fields(message)))} == {}


@pytest.mark.parametrize("topic", [topic for topic in CATALOGUE.values() if topic.personal], ids=lambda topic: topic.name)
def test_a_topic_called_personal_carries_something_personal_and_ends(topic: Topic) -> None:
    assert topic.name.endswith(".dead-letter") or any(list(personal_fields(message)) for message in topic.messages)
    assert topic.compacted or 0 < (topic.retention_ms or 0) <= 14 * DAY_MS


def test_status_and_history_are_public() -> None:
    assert {"orders.status", "orders.history"} <= {topic.name for topic in PUBLIC}


@pytest.mark.parametrize("message", [OrderSnapshot, OrderChanged])
def test_no_field_named_like_a_person_or_place_stands_in_public_unmarked(message: type[Message]) -> None:
    suspicious = {
        "recipient",
        "full_name",
        "email",
        "phone",
        "line1",
        "postcode",
        "answers",
        "buyer_note",
        "vendor_words",
        "link",
    }
    assert suspicious.isdisjoint(_names(message.model_json_schema()))


def _names(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {name for inner in schema for name in _names(inner)}
    if not isinstance(schema, dict):
        return set()
    named = set(schema.get("properties", {}))
    return named | {name for inner in schema.values() for name in _names(inner)}


def test_a_schema_marks_what_is_personal() -> None:
    assert Reader.model_json_schema()["properties"]["email"]["x-personal"] is True
    assert "x-personal" not in Reader.model_json_schema()["properties"]["plain"]
    assert EditShipping.model_json_schema()["properties"]["recipient"]["x-personal"] is True


def test_an_error_never_quotes_what_was_seen() -> None:
    given = {"full_name": "Ada Lovelace", "line1": ["12 St James's Square"], "city": "London", "country": "gb"}
    with pytest.raises(ValidationError) as wrong:
        Address.model_validate(given)
    assert "line1" in str(wrong.value)
    assert not any(value in str(wrong.value) for value in ("Ada", "James", "gb"))
