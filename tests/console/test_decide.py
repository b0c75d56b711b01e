"""Message in, rows out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from platen_console.decide import OrderAsked, SyncAsked
from platen_console.handlers import HANDLERS
from platen_console.main import CATALOG_TOPICS, NOW_TOPICS
from platen_console.model import Command, Entry, Gone, Held, Progress, catalog_key, command_key, order_key, private_key, sync_key
from platen_contracts import orders, sync
from platen_contracts.common import Actor
from platen_contracts.envelope import Meta
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE, read_by
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Ignored

from .heard import MUG, NOON, SHOPS, VENDORS, a_history, a_private, a_progress, an_order

ORDER = an_order(1)
ANN = Actor(kind="operator", name="ann")
ASKED = Command("c" * 32, ORDER.order_id, "archive", "ann", NOON)


def _decide(states: dict[str, Entry], message: Message | Tombstone, at: Any = NOON, message_id: str = "c" * 32) -> Any:
    kind = "" if isinstance(message, Tombstone) else type(message).TYPE
    return HANDLERS.decide(states, message, Context(NOON, Meta(message_id, kind, "test", "", at)))


@pytest.mark.parametrize("message", [ORDER, a_private(ORDER)], ids=["snapshot", "private"])
@pytest.mark.parametrize(("held", "kept"), [(None, True), (3, True), (4, False), (5, False)])
def test_only_a_version_above_the_one_held_is_kept(message: Any, held: int | None, kept: bool) -> None:
    key = order_key(ORDER.order_id) if isinstance(message, orders.OrderSnapshot) else private_key(ORDER.order_id)
    assert list(HANDLERS.touches(message)) == [key]
    outcome = _decide({} if held is None else {key: Held(held)}, message)
    assert outcome == Applied({key: message}) if kept else isinstance(outcome, Ignored)


def test_a_version_seen_in_the_same_batch_counts_as_held() -> None:
    assert isinstance(_decide({order_key(ORDER.order_id): ORDER}, ORDER), Ignored)


def test_history_and_catalogue_are_kept_under_their_own_keys() -> None:
    event = a_history(ORDER)[2]
    assert _decide({}, event).states == {f"history:{ORDER.order_id}/3": event}
    assert _decide({}, MUG).states == {catalog_key("artwork", "family-mug/3"): MUG}
    assert _decide({}, SHOPS[0]).states == {catalog_key("shop", "atelier-nour"): SHOPS[0]}
    assert _decide({}, VENDORS[0]).states == {catalog_key("vendor", "printful-eu"): VENDORS[0]}


@pytest.mark.parametrize(
    ("topic", "key", "gone"),
    [
        ("orders.status", "a", "order:a"),
        ("orders.private", "a", "private:a"),
        ("catalog.artworks", "mug/1", "artwork:mug/1"),
        ("catalog.shops", "s", "shop:s"),
        ("catalog.vendors", "v", "vendor:v"),
    ],
)
def test_a_tombstone_deletes_what_stood_under_its_key(topic: str, key: str, gone: str) -> None:
    assert list(HANDLERS.touches(Tombstone(topic, key))) == [gone]
    assert _decide({}, Tombstone(topic, key)).states == {gone: Gone()}


def test_every_compacted_topic_that_the_console_reads_has_a_rule_for_its_tombstones() -> None:
    for topic in read_by("console"):
        if topic.compacted:
            assert isinstance(_decide({}, Tombstone(topic.name, "a/1")), Applied), topic.name


def test_the_lanes_read_what_the_catalogue_says() -> None:
    assert {*NOW_TOPICS, *CATALOG_TOPICS, "orders.history"} == {topic.name for topic in read_by("console")}
    carried = {kind for topic in read_by("console") for kind in topic.types}
    assert carried <= set(HANDLERS.types)


def test_progress_is_the_last_word_by_the_time_it_was_said() -> None:
    said = a_progress()
    key = sync_key(said.shop_id)
    assert _decide({}, said).states == {key: Progress(NOON, said)}
    assert isinstance(_decide({key: Progress(NOON + timedelta(seconds=1))}, said), Ignored)
    assert isinstance(_decide({key: Progress(NOON)}, said), Applied)


def test_a_reply_finds_its_command_and_others_replies_are_ignored() -> None:
    reply = orders.CommandRefused(command_id=ASKED.id, order_id=ORDER.order_id, version=4, code="stale", reason="Look again.")
    assert isinstance(_decide({}, reply), Ignored)
    answered = _decide({command_key(ASKED.id): ASKED}, reply).states[command_key(ASKED.id)]
    assert (answered.reply, answered.outcome) == (reply, "refused")


def test_what_is_asked_of_an_order_is_one_row_and_one_command_under_the_same_id() -> None:
    command = orders.Send(order_id=ORDER.order_id, actor=ANN, expected_version=4, bulk_id="b" * 32)
    outcome = _decide({}, OrderAsked(command=command, action="send"))
    (sent,) = outcome.messages
    assert (sent.topic, sent.key, sent.message, sent.id) == ("orders.commands", ORDER.order_id, command, "c" * 32)
    row = Command("c" * 32, ORDER.order_id, "send", "ann", NOON, "b" * 32)
    assert outcome.states == {command_key("c" * 32): row}
    assert row.outcome is None


def test_what_is_asked_of_sync_is_one_command() -> None:
    command = sync.SyncShop(shop_id="atelier-nour", actor=ANN)
    outcome = _decide({}, SyncAsked(command=command))
    (sent,) = outcome.messages
    assert (sent.topic, sent.key, sent.message, outcome.states) == ("sync.commands", "atelier-nour", command, {})
    assert type(command) in CATALOGUE["sync.commands"].messages
