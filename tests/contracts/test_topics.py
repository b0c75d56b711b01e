from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from platen_contracts.catalog import Artwork
from platen_contracts.generate import EXAMPLES, short_name
from platen_contracts.message import Message
from platen_contracts.sync import ShopOrderObserved
from platen_contracts.topics import ANYONE, CATALOGUE, DAY_MS, FOREVER, MESSAGES, SERVICES, Kind, Topic, read_by, written_by

TOPICS = list(CATALOGUE.values())
INBOX_MEMORY = timedelta(days=30)
by_name = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def examples_of(message: type[Message]) -> list[Any]:
    """Every committed example of the message, read."""
    return [message.model_validate_json(path.read_bytes()) for path in sorted((EXAMPLES / short_name(message)).glob("*.json"))]


@by_name
def test_partitions_are_twelve_where_keys_are_orders_one_in_the_catalog_three_elsewhere(topic: Topic) -> None:
    keyed_by_order = topic.key in ("order", "shop order")
    assert topic.partitions == (12 if keyed_by_order else 1 if topic.owner == "catalog" else 3)


@by_name
def test_messages_are_one_mebibyte_at_most_and_dead_letters_two(topic: Topic) -> None:
    assert topic.max_bytes == (2 if topic.name.endswith(".dead-letter") else 1) * 1024 * 1024


@by_name
def test_states_are_compacted_history_is_kept_and_the_rest_ends(topic: Topic) -> None:
    if topic.kind is Kind.STATE:
        assert topic.compacted
    elif topic.name == "orders.history":
        assert topic.retention_ms == FOREVER
    else:
        assert topic.retention_ms == 14 * DAY_MS


def test_the_inbox_remembers_twice_as_long_as_any_topic_that_ends() -> None:
    longest = max(topic.retention_ms or 0 for topic in TOPICS)
    assert 2 * timedelta(milliseconds=longest) <= INBOX_MEMORY


def test_every_service_has_a_dead_letter_of_its_own_and_nothing_else_does() -> None:
    letters = {topic.name: topic for topic in TOPICS if topic.name.endswith(".dead-letter")}
    assert set(letters) == {f"{service}.dead-letter" for service in SERVICES}
    assert all(topic.writers == (topic.owner,) and topic.personal and not topic.messages for topic in letters.values())


def test_a_message_belongs_to_exactly_one_topic() -> None:
    counted = Counter(message.TYPE for topic in TOPICS for message in topic.messages)
    assert {name: count for name, count in counted.items() if count != 1} == {}
    assert set(counted) == set(MESSAGES)


@by_name
def test_the_types_of_a_topic_name_its_owner(topic: Topic) -> None:
    for message in topic.messages:
        assert topic.owner == message.OWNER
        assert message.TYPE.startswith(f"platen.{topic.owner}.")
    assert topic.name.startswith(f"{topic.owner}.")


@by_name
def test_events_and_states_are_written_by_their_owner_alone_and_requests_are_read_by_theirs(topic: Topic) -> None:
    owner = "operators" if topic.owner == "catalog" else topic.owner
    if topic.kind in (Kind.EVENT, Kind.STATE):
        assert topic.writers == (owner,)
    else:
        assert topic.readers == (owner,)


@by_name
def test_writers_and_readers_are_services_operators_or_anyone(topic: Topic) -> None:
    known = {*SERVICES, "operators"}
    assert set(topic.writers) <= known
    assert set(topic.readers) <= known | {ANYONE}
    assert topic.writers
    assert topic.readers
    assert len({*topic.readers}) == len(topic.readers)


@by_name
def test_personal_data_is_never_for_anyone(topic: Topic) -> None:
    assert not (topic.personal and ANYONE in topic.readers)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_finds_what_it_reads_and_writes(service: str) -> None:
    assert all(service in topic.readers for topic in read_by(service))
    assert all(service in topic.writers for topic in written_by(service))
    assert {topic.name for topic in TOPICS if service in (*topic.readers, *topic.writers)} == {
        topic.name for topic in (*read_by(service), *written_by(service))
    }


def test_only_orders_tells_the_status_of_an_order() -> None:
    assert {topic.name for topic in written_by("orders")} == {
        "orders.replies", "orders.status", "orders.history", "orders.private", "render.requests", "dispatch.requests",
        "sync.commands", "orders.dead-letter",
    }  # fmt: skip


@by_name
def test_what_a_topic_carries_tells_the_key_it_stands_under(topic: Topic) -> None:
    for message in topic.messages:
        for example in examples_of(message):
            assert topic.key_of(example), message.TYPE


def test_a_key_joins_what_makes_it() -> None:
    (message, *_) = examples_of(ShopOrderObserved)
    assert CATALOGUE["sync.orders"].key_of(message) == f"{message.shop_id}/{message.shop_order_id}"
    (message, *_) = examples_of(Artwork)
    assert CATALOGUE["catalog.artworks"].key_of(message) == f"{message.artwork_id}/{message.version}"


def test_a_record_may_have_any_key_where_the_catalogue_names_no_field_for_it() -> None:
    (message, *_) = examples_of(ShopOrderObserved)
    assert CATALOGUE["orders.dead-letter"].key_of(message) is None
