"""Splitting, artworks, ignoring, custom vendors: what each action does beside what the table says, and what it refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts import orders
from platen_contracts.catalog import Option
from platen_contracts.common import ArtworkRef
from platen_contracts.ids import derived_id
from platen_contracts.subscribing import fold
from platen_messaging.outcome import Applied, Ignored, Refused
from platen_orders.model import Held, replace

from tests.examples import examples

from . import world as w
from .test_table import COMMAND_CASES, STATUSES
from .test_table import _command as command_of
from .test_table import _world as situated
from .world import ANN, BERLIN, ORDER, World

TWO = (w.a_line("1"), w.a_line("2", quantity=3))


def _items(world: World, order: str = ORDER) -> list[str]:
    return list(world.order(order).items)


def _child(world: World) -> str:
    (child,) = [it.id for it in world.orders() if it.id != ORDER]
    return child


def _split_off(world: World, *items: str, **more: Any) -> Any:
    return world.ask(orders.SplitOff(order_id=ORDER, actor=ANN, item_ids=list(items), **more))


def _split_line(world: World, *quantities: int) -> Any:
    return world.ask(orders.SplitLine(order_id=ORDER, actor=ANN, item_id=_items(world)[0], quantities=list(quantities)))


# Splitting a line


def test_a_line_is_split_into_items_that_keep_answers_price_and_files() -> None:
    world = w.ready(w.a_line(quantity=6))
    assert isinstance(_split_line(world, 3, 2, 1), Applied)
    items = world.order().items
    assert [item.quantity for item in items.values()] == [3, 2, 1]
    assert {item.line_id for item in items.values()} == {"1"}
    assert all(
        item.answers == {"name": "Zoë"} and item.price == {"amount": "12.50", "currency": "EUR"} for item in items.values()
    )
    assert {side["file"]["sha256"] for it in world.snapshot()["items"].values() for side in it["sides"].values()} == {w.a_sha()}
    assert world.order().status == "Ready to send"


def test_each_part_gets_a_link_of_its_own_and_that_changes_nothing_of_what_was_looked_at() -> None:
    world = w.ready(w.a_line(quantity=2))
    _split_line(world, 1, 1)
    looked_at = world.order().version
    (_, asked) = world.on("render.requests")
    assert asked.item_id == _items(world)[1]
    world.tell(w.rendered(asked).model_copy(update={"link": "http://files/f/own"}))
    assert world.order().items[asked.item_id].sides["front"].link == "http://files/f/own"
    assert isinstance(world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=looked_at)), Applied)


def test_a_part_split_away_while_its_file_is_drawn_is_drawn_too() -> None:
    world = w.new(w.a_line(quantity=2))
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    _split_line(world, 1, 1)
    w.answer_renders(world)
    assert world.order().status == "Ready to send"


def test_the_private_half_tells_of_the_new_items() -> None:
    world = w.new()
    _split_line(world, 1, 1)
    (changed,) = [it.personal_changed for it in world.on("orders.history")[1:]]
    assert changed == [f"items.{_items(world)[1]}.answers"]


@pytest.mark.parametrize(
    ("quantities", "code"),
    [
        ([], "empty_split"),
        ([2], "empty_split"),
        ([2, 0], "wrong_quantities"),
        ([3, -1], "wrong_quantities"),
        ([1, 2], "wrong_quantities"),
    ],
)
def test_parts_that_do_not_add_up_are_refused_naming_the_field(quantities: list[int], code: str) -> None:
    world = w.new()
    before = dict(world.states)
    _split_line(world, *quantities)
    assert (world.reply().code, world.reply().field) == (code, "quantities")
    assert world.states == before


def test_an_order_has_at_most_two_hundred_items() -> None:
    world = w.new(w.a_line(quantity=201))
    _split_line(world, *[1] * 201)
    assert world.reply().code == "too_many_items"
    assert isinstance(_split_line(world, *[1] * 199, 2), Applied)


# Splitting off


def test_items_split_off_go_on_in_an_order_of_their_own_with_the_next_number() -> None:
    world = w.new(*TWO)
    first, second = _items(world)
    outcome = _split_off(world, second)
    assert isinstance(outcome, Applied)
    child = world.order(_child(world))
    assert (child.number, list(child.items), list(world.order().items)) == ("#1001-2", [second], [first])
    assert (child.recipient, child.buyer_note, child.vendor_id) == (world.order().recipient, None, "printer")
    assert child.id == derived_id(derived_id("test", 3), "order")  # from the id of the command


def test_parent_and_child_name_each_other_and_the_version_that_did_it() -> None:
    world = w.new(*TWO)
    _split_off(world, _items(world)[1])
    parent, child = world.snapshot(), world.snapshot(_child(world))
    assert parent["children"] == {child["order_id"]: 2}
    assert (child["parent"], child["parent_version"], parent["version"]) == (ORDER, 2, 2)
    assert world.reply().patch["children"] == parent["children"]


def test_a_child_with_current_files_is_ready_at_once_and_one_without_is_new() -> None:
    ready, new = w.ready(*TWO), w.new(*TWO)
    for world in (ready, new):
        _split_off(world, _items(world)[1])
    history = [(it.version, it.from_status, it.to_status) for it in ready.on("orders.history") if it.order_id == _child(ready)]
    assert history == [(1, None, "New"), (2, "New", "Ready to send")]
    assert (ready.order().status, new.order(_child(new)).status) == ("Ready to send", "New")


def test_splitting_the_unfinished_item_off_makes_the_parent_ready() -> None:
    world = w.new(*TWO)
    first, second = _items(world)
    world.ask(orders.Render(order_id=ORDER, actor=ANN, item_ids=[first]))
    w.answer_renders(world)
    _split_off(world, second)
    assert (world.order().status, world.order(_child(world)).status) == ("Ready to send", "New")


def test_an_item_split_off_while_its_file_is_drawn_is_drawn_for_its_new_order() -> None:
    world = w.new(*TWO)
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    late = world.on("render.requests")[1]
    _split_off(world, late.item_id)
    assert isinstance(world.tell(w.rendered(late)), Ignored)
    w.answer_renders(world)
    assert (world.order().status, world.order(_child(world)).status) == ("Ready to send", "Ready to send")


def test_what_is_split_off_can_be_split_again_and_numbers_are_never_used_twice() -> None:
    world = w.new(*TWO, w.a_line("3"), w.a_line("4", vendor_id="other"))
    items = _items(world)
    _split_off(world, items[1], items[2])
    child = next(it.id for it in world.orders() if it.number == "#1001-3")
    world.ask(orders.SplitOff(order_id=child, actor=ANN, item_ids=[items[2]]))
    world.tell(w.a_shop_order(*TWO, w.a_line("3"), w.a_line("4", vendor_id="other"), w.a_line("5"), read=9))
    assert sorted(it.number for it in world.orders()) == ["#1001", "#1001-2", "#1001-3", "#1001-4", "#1001-5"]


def test_an_order_that_was_split_off_hears_of_its_shop_order() -> None:
    world = w.new(*TWO)
    _split_off(world, _items(world)[1])
    world.tell(w.a_shop_order(*TWO, read=10, cancelled=True))
    assert {it.status for it in world.orders()} == {"Archived"}


@pytest.mark.parametrize(
    ("named", "ignored", "code"),
    [
        ([], [], "empty_split"),
        (["0" * 32], [], "unknown_item"),
        ([0, 1], [], "nothing_left"),
        ([0], [1], "nothing_left"),
        ([1], [1], "empty_split"),
    ],
)
def test_a_split_that_leaves_an_order_without_a_live_item_is_refused(named: list[Any], ignored: list[int], code: str) -> None:
    world = w.new(*TWO)
    items = _items(world)
    for place in ignored:
        world.ask(orders.IgnoreItem(order_id=ORDER, actor=ANN, item_id=items[place]))
    before = dict(world.states)
    _split_off(world, *[items[it] if isinstance(it, int) else it for it in named])
    assert (world.reply().code, world.reply().field) == (code, "item_ids")
    assert world.states == before


def test_a_dry_run_of_a_split_makes_no_order_and_takes_no_number() -> None:
    world = w.new(*TWO)
    before, sent = dict(world.states), len(world.sent)
    _split_off(world, _items(world)[1], dry_run=True)
    assert world.states == before
    assert len(world.sent) == sent + 1  # the reply
    assert world.reply().dry_run
    assert len(world.reply().patch["children"]) == 1


STEPS = st.tuples(st.sampled_from(["line", "off", "ignore", "render", "archive"]), st.integers(0, 9), st.integers(1, 5))


@examples(60)
@given(st.lists(STEPS, max_size=15))
def test_however_an_order_is_split_units_and_money_stay_the_same(steps: list[tuple[str, int, int]]) -> None:
    world = w.new(w.a_line("1", quantity=5), w.a_line("2", quantity=3), w.a_line("3"))
    before = _units_and_money(world)
    for what, place, size in steps:
        all_orders = world.orders()
        order = all_orders[place % len(all_orders)]
        item_id = list(order.items)[place % len(order.items)]
        words: dict[str, Any] = {"order_id": order.id, "actor": ANN}
        commands = {
            "line": orders.SplitLine(**words, item_id=item_id, quantities=[size, order.items[item_id].quantity - size]),
            "off": orders.SplitOff(**words, item_ids=[item_id]),
            "ignore": orders.IgnoreItem(**words, item_id=item_id),
            "render": orders.Render(**words),
            "archive": orders.Archive(**words),
        }
        world.ask(commands[what])
        assert _units_and_money(world) == before
        assert len({it.number for it in world.orders()}) == len(world.orders())
        for held in world.orders():
            history = [event for event in world.on("orders.history") if event.order_id == held.id]
            assert fold(history) == world.snapshot(held.id)


def _units_and_money(world: World) -> tuple[int, Decimal]:
    """Of all orders together."""
    items = [item for order in world.orders() for item in order.items.values()]
    money = sum((Decimal((item.price or {})["amount"]) * item.quantity for item in items), Decimal(0))
    return sum(item.quantity for item in items), money


# Artworks


def _set_artwork(world: World, version: int = 2, **more: Any) -> Any:
    artwork = ArtworkRef(artwork_id="mug", version=version)
    return world.ask(orders.SetArtwork(order_id=ORDER, actor=ANN, item_id=_items(world)[0], artwork=artwork, **more))


def _publish(world: World, version: int = 2, **options: Option) -> None:
    world.tell(w.MUG.model_copy(update={"version": version, "options": {**w.MUG.options, **options}}))


def test_an_updated_artwork_makes_the_file_stale_and_the_former_one_makes_it_current_again() -> None:
    world = w.ready()
    _publish(world)
    _set_artwork(world, 2)
    assert world.snapshot()["items"][_items(world)[0]]["artwork"] == {"artwork_id": "mug", "version": 2}
    assert world.order().status == "New"
    _set_artwork(world, 1)
    assert world.order().status == "Ready to send"
    assert isinstance(_set_artwork(world, 1), Ignored)


def test_an_artwork_is_added_to_an_item_that_lacks_one() -> None:
    world = w.new(w.a_line(artwork=None, answers={}))
    assert world.snapshot()["items"][_items(world)[0]]["state"] == "Missing artwork"
    assert isinstance(_set_artwork(world, 1, answers={"name": "Åsa"}), Applied)
    assert world.snapshot()["items"][_items(world)[0]]["state"] == "To render"


def test_an_artwork_that_was_never_published_is_refused() -> None:
    world = w.new()
    _set_artwork(world, 9)
    assert (world.reply().code, world.reply().field) == ("unknown_artwork", "artwork")


def test_answers_that_do_not_fit_the_new_artwork_are_refused_and_may_come_with_it() -> None:
    world = w.ready()
    _publish(world, name=Option(label="Name", max_length=2))
    _set_artwork(world)
    assert (world.reply().code, world.reply().field) == ("invalid_answer", "answers.name")
    assert "at most 2" in world.reply().reason
    assert isinstance(_set_artwork(world, answers={"name": "Zo"}), Applied)
    assert world.order().items[_items(world)[0]].answers == {"name": "Zo"}


def test_a_question_that_the_new_artwork_adds_is_answered_afterwards() -> None:
    world = w.ready()
    _publish(world, town=Option(label="Town"))
    assert isinstance(_set_artwork(world), Applied)
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    assert (world.reply().code, world.reply().field) == ("missing_answer", "answers.town")


def test_what_the_shop_answered_wrongly_is_not_rendered() -> None:
    world = w.new(w.a_line(answers={"name": "x" * 21}))
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    assert (world.reply().code, world.reply().field) == ("invalid_answer", "answers.name")


def test_several_texts_are_each_held_to_what_the_option_allows() -> None:
    world = w.new()
    item = _items(world)[0]
    assert isinstance(
        world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=item, answers={"name": ["Åsa", "Bo"]})), Applied
    )
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=item, answers={"name": ["Åsa", "B\x07o"]}))
    assert world.reply().field == "answers.name"


# Ignoring


def test_an_ignored_item_counts_for_nothing_until_it_is_restored() -> None:
    world = w.new(*TWO)
    first, second = _items(world)
    world.ask(orders.Render(order_id=ORDER, actor=ANN, item_ids=[first]))
    w.answer_renders(world)
    world.ask(orders.IgnoreItem(order_id=ORDER, actor=ANN, item_id=second))
    assert world.order().status == "Ready to send"
    assert world.snapshot()["items"][second]["state"] == "Ignored"
    world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=world.order().version, dry_run=True))
    assert isinstance(world.told[-1], Applied)
    world.ask(orders.RestoreItem(order_id=ORDER, actor=ANN, item_id=second))
    assert world.order().status == "New"
    assert isinstance(world.ask(orders.RestoreItem(order_id=ORDER, actor=ANN, item_id=second)), Ignored)


@pytest.mark.parametrize("name", ["IgnoreItem", "RestoreItem", "Personalise", "SetArtwork", "SplitLine"])
def test_an_unknown_item_is_refused_naming_the_field(name: str) -> None:
    world = w.new()
    more: dict[str, Any] = {
        "Personalise": {"answers": {}},
        "SetArtwork": {"artwork": {"artwork_id": "mug", "version": 1}},
        "SplitLine": {"quantities": [1, 1]},
    }
    outcome = world.ask(getattr(orders, name)(order_id=ORDER, actor=ANN, item_id="0" * 32, **more.get(name, {})))
    assert isinstance(outcome, Refused)
    assert (world.reply().code, world.reply().field) == ("unknown_item", "item_id")


# Shipping


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"line1": ""}, "line1"),
        ({"city": " "}, "city"),
        ({"full_name": ""}, "full_name"),
        ({"country": "XX"}, "country"),
        ({"line2": "b\x00ck"}, "line2"),
        ({"phone": "12\n34"}, "phone"),
    ],
)
def test_an_address_is_refused_naming_the_part_that_is_wrong(changes: dict[str, str], field: str) -> None:
    world = w.new()
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=BERLIN.model_copy(update=changes)))
    assert (world.reply().code, world.reply().field) == ("invalid_address", f"recipient.{field}")


# Custom vendors

by_hand = w.of_a_custom_vendor(w.ready)


def _record(world: World, **more: Any) -> Any:
    words: dict[str, Any] = {"parcel": "1", "carrier": "DHL", "tracking_number": "T-1", "units": {_items(world)[0]: 1}}
    return world.ask(orders.RecordParcel(order_id=ORDER, actor=ANN, **(words | more)))


def test_a_hand_over_is_recorded_once_for_each_state_of_the_order() -> None:
    world = by_hand()
    hand_over = orders.RecordHandOver(order_id=ORDER, actor=ANN)
    assert isinstance(world.ask(hand_over), Applied)
    assert world.snapshot()["hand_over"]["version"] == world.order().version
    assert isinstance(world.ask(hand_over), Ignored)
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_items(world)[0], answers={"name": "Åsa"}))
    assert isinstance(world.ask(hand_over), Applied)


def test_a_parcel_is_recorded_privately_and_changes_no_status_though_everything_is_in_it() -> None:
    world = by_hand()
    assert isinstance(_record(world, units={_items(world)[0]: 2}), Applied)
    assert world.order().status == "Ready to send"
    assert world.snapshot()["parcels"]["1"]["units"] == {_items(world)[0]: 2}
    assert "T-1" not in str(world.snapshot())
    assert world.on("orders.history")[-1].personal_changed == ["tracking"]


def test_a_parcel_named_again_is_corrected() -> None:
    world = by_hand()
    _record(world)
    assert isinstance(_record(world), Ignored)
    assert isinstance(_record(world, tracking_number="T-2"), Applied)
    assert world.order().parcels["1"].tracking_number == "T-2"


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"units": {}}, "empty_parcel", "units"),
        ({"units": {"0" * 32: 1}}, "unknown_item", f"units.{'0' * 32}"),
        ({"units": 0}, "wrong_quantities", "units.{item}"),
        ({"units": 2}, "wrong_quantities", "units.{item}"),
        ({"parcel": " "}, "invalid_parcel", "parcel"),
        ({"parcel": "x" * 65}, "invalid_parcel", "parcel"),
        ({"tracking_number": "a\x07"}, "invalid_parcel", "tracking_number"),
        ({"tracking_url": "javascript:alert(1)"}, "invalid_parcel", "tracking_url"),
    ],
)
def test_a_parcel_that_cannot_be_is_refused_naming_the_field(wrong: dict[str, Any], code: str, field: str) -> None:
    world = by_hand()
    _record(world)  # one of two units
    before, item = dict(world.states), _items(world)[0]
    if isinstance(wrong.get("units"), int):
        wrong = {"units": {item: wrong["units"]}}
    _record(world, **({"parcel": "2"} | wrong))
    assert (world.reply().code, world.reply().field) == (code, field.format(item=item))
    assert world.states == before


def test_items_of_which_a_parcel_tells_stay_where_they_are() -> None:
    world = w.of_a_custom_vendor(w.ready)(*TWO)
    _record(world)
    _split_line(world, 1, 1)
    assert world.reply().code == "in_parcel"
    _split_off(world, _items(world)[0])
    assert world.reply().code == "in_parcel"


# Every command

APPLIED = [case for case in COMMAND_CASES if case[2] == "=" or case[2] in STATUSES]
ONE_OF_EACH = {name: (name, situation) for name, situation, _ in reversed(APPLIED)}


@pytest.mark.parametrize(("name", "situation", "expected"), COMMAND_CASES)
def test_a_dry_run_answers_as_the_command_would_once_and_does_nothing(name: str, situation: str, expected: str) -> None:
    world = situated(name, situation)
    command = command_of(name, world).model_copy(update={"bulk_id": "b" * 32})
    before, sent, version = dict(world.states), len(world.sent), world.order().version
    world.ask(command.model_copy(update={"dry_run": True}))
    dry = world.reply()
    assert world.states == before
    assert len(world.sent) == sent + 1
    world.ask(command)
    real = world.reply()
    assert len([it for it in world.sent[sent:] if it.topic == "orders.replies"]) == 2
    assert (dry.dry_run, real.dry_run, dry.bulk_id, real.bulk_id) == (True, False, "b" * 32, "b" * 32)
    assert type(dry) is type(real)
    if isinstance(real, orders.CommandApplied):
        assert dry.status == real.status
        assert dry.version == version
        assert dry.patch["version"] == real.version
    if isinstance(real, orders.CommandRefused):
        assert (dry.code, dry.field, dry.allowed) == (real.code, real.field, real.allowed)


@pytest.mark.parametrize(("name", "situation"), ONE_OF_EACH.values())
def test_a_command_decided_on_what_was_edited_since_is_stale(name: str, situation: str) -> None:
    world = situated(name, situation)
    held = world.states[ORDER]
    assert isinstance(held, Held)
    edited = held.order.version + 1
    world.states[ORDER] = Held(replace(held.order, version=edited, edited_version=edited), held.public)
    before = dict(world.states)
    world.ask(command_of(name, world).model_copy(update={"expected_version": edited - 1}))
    assert (world.reply().code, world.reply().field, world.reply().version) == ("stale", "expected_version", edited)
    assert world.states == before
    assert isinstance(world.ask(command_of(name, world).model_copy(update={"expected_version": edited})), Applied)


@pytest.mark.parametrize(("name", "situation"), ONE_OF_EACH.values())
def test_history_names_who_did_it_and_the_command_that_asked(name: str, situation: str) -> None:
    world = situated(name, situation)
    command = command_of(name, world)
    world.ask(command)
    reply, event = world.reply(), world.on("orders.history")[-1]
    assert (event.actor, event.cause.id, event.cause.type) == (command.actor, reply.command_id, command.TYPE)


def test_a_version_that_the_order_never_had_is_refused() -> None:
    world = w.new()
    world.ask(orders.Archive(order_id=ORDER, actor=ANN, expected_version=7))
    assert (world.reply().code, world.reply().field) == ("unknown_version", "expected_version")


def test_a_thousand_commands_of_one_bulk_get_a_thousand_replies_that_name_it() -> None:
    world = World()
    world.tell(w.MUG)
    bulk = "b" * 32
    for number in range(1000):
        world.tell(w.a_shop_order(shop_order_id=str(number)))
    for order in world.orders():
        world.ask(orders.Archive(order_id=order.id, actor=ANN, bulk_id=bulk))
    replies = world.on("orders.replies")
    assert len({reply.order_id for reply in replies if reply.bulk_id == bulk}) == len(replies) == 1000
