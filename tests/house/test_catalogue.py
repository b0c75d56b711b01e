from pathlib import Path

import pytest
from platen_contracts import orders, render
from platen_contracts.topics import CATALOGUE

from .conftest import READS, Plant
from .rules import catalogue_equals_code, every_command_has_a_handler, handlers_match_topics

LANE = "from platen_messaging.lane import Lane\n\nLane('requests', {topics}, handlers={{}})\n"


def test_a_house_in_order_has_no_fault(house: Path) -> None:
    assert catalogue_equals_code(house) == []


@pytest.mark.parametrize("missing", READS)
def test_a_topic_that_is_not_subscribed_is_named(plant: Plant, missing: str) -> None:
    topics = tuple(name for name in READS if name != missing)
    house = plant("main.py", LANE.format(topics=repr(topics)))
    assert catalogue_equals_code(house) == [f"render: does not subscribe to {missing}, though the catalogue says so"]


def test_a_topic_that_is_subscribed_against_the_catalogue_is_named(plant: Plant) -> None:
    house = plant("main.py", LANE.format(topics=repr((*READS, "orders.private"))))
    assert catalogue_equals_code(house) == ["render: subscribes to orders.private, against the catalogue"]


def test_a_topic_nobody_has_heard_of_is_named(plant: Plant) -> None:
    house = plant("main.py", LANE.format(topics=repr((*READS, "orders.gossip"))))
    assert catalogue_equals_code(house) == ["render: subscribes to orders.gossip, against the catalogue"]


@pytest.mark.parametrize("written", ["({first!r},) + ({rest})", "topics=({first!r}, {rest})", "({first!r}, *[{rest}])"])
def test_topics_are_read_however_they_are_written(plant: Plant, written: str) -> None:
    rest = ", ".join(map(repr, READS[1:])) + ","
    house = plant("main.py", LANE.format(topics=written.format(first=READS[0], rest=rest)))
    assert catalogue_equals_code(house) == []


def test_topics_that_only_a_run_would_tell_are_a_fault(plant: Plant) -> None:
    house = plant("main.py", LANE.format(topics="tuple(sorted(set()))"))
    assert any(
        fault.endswith("the topics of this Lane cannot be read; write them as a tuple of names")
        for fault in catalogue_equals_code(house)
    )


def test_a_topic_that_is_written_against_the_catalogue_is_named(plant: Plant) -> None:
    house = plant(
        "decide.py",
        """
        from platen_messaging import outcome

        TOPIC = "orders.history"

        def published(order: str) -> outcome.Outgoing:
            return outcome.Outgoing(TOPIC, order, None, order)
        """,
    )
    fault = "services/render/platen_render/decide.py:7: writes orders.history, but the catalogue does not name render as a writer"
    assert fault in catalogue_equals_code(house)


def test_a_topic_that_is_neither_read_nor_written_is_not_spoken_of(plant: Plant) -> None:
    house = plant("store.py", "TOPICS = {'dispatch.results': 1}\n")
    assert catalogue_equals_code(house) == [
        "services/render/platen_render/store.py:1: speaks of dispatch.results, which render neither reads nor writes"
    ]


def test_words_are_no_code(plant: Plant) -> None:
    assert catalogue_equals_code(plant("store.py", '"dispatch.results"\n')) == []


def test_a_topic_that_is_never_written_is_named(plant: Plant) -> None:
    house = plant("handlers.py", "")
    assert catalogue_equals_code(house) == ["render: never writes render.results, though the catalogue says so"]


def test_a_command_that_nothing_decides_is_named() -> None:
    decided = set(CATALOGUE["orders.commands"].types) - {orders.Erase.TYPE}
    assert every_command_has_a_handler("orders", decided) == ["orders: nothing decides platen.orders.Erase.v1 of orders.commands"]
    assert every_command_has_a_handler("orders", {*decided, orders.Erase.TYPE}) == []


def test_a_message_of_a_topic_that_is_not_read_is_named() -> None:
    read = {name for topic in CATALOGUE.values() if "render" in topic.readers for name in topic.types}
    assert handlers_match_topics("render", {*read, "a fact of its own"}) == []
    assert handlers_match_topics("render", {*read, orders.Send.TYPE}) == [
        "render: decides platen.orders.Send.v1 of orders.commands, which it does not read"
    ]


def test_a_topic_that_is_read_in_vain_is_named() -> None:
    decided = {render.RenderRequested.TYPE}
    assert handlers_match_topics("render", decided) == [
        f"render: reads {name} and decides none of its messages"
        for name in CATALOGUE
        if name in READS and name != "render.requests"
    ]
