"""What a shop order's later looks make of its orders: merged with what operators edited, never silently over it."""

from __future__ import annotations

from typing import Any

import pytest
from platen_contracts import orders
from platen_contracts.common import ArtworkRef
from platen_contracts.dispatch import DispatchWithdrawRequested
from platen_messaging.outcome import Ignored
from platen_orders.decide.snapshot import private

from . import world as w
from .world import ANN, BERLIN, NOON, ORDER, World

MOVED = BERLIN.model_copy(update={"line1": "Nebenstraße 2", "postcode": "10117"})
HOME = BERLIN.model_copy(update={"line1": "Gartenweg 3"})


def _look(world: World, *lines: Any, read: int, **fields: Any) -> Any:
    return world.tell(w.a_shop_order(*lines, read=read, **fields))


def _item(world: World, order: str = ORDER) -> str:
    return next(iter(world.order(order).items))


def _shop_values(world: World) -> dict[str, Any]:
    return private(world.order()).get("shop", {})


def _attention(world: World) -> dict[str, Any]:
    return world.snapshot().get("attention", {})


def _edit_shipping(world: World) -> None:
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=HOME))


def test_a_field_that_only_the_shop_changed_is_applied_by_the_shop() -> None:
    world = w.ready()
    _look(world, read=10, recipient=MOVED, buyer_note="as a gift, please")
    assert world.order().recipient == MOVED.model_dump(mode="json", exclude_none=True)
    assert world.order().buyer_note == "as a gift, please"
    assert not _attention(world)
    event = world.on("orders.history")[-1]
    assert (event.actor.kind, event.personal_changed) == ("shop", ["recipient", "buyer_note"])
    assert world.order().edited_version == world.order().version


def test_where_an_operator_edited_the_field_too_hers_stays_and_the_shops_stands_beside_it() -> None:
    world = w.new()
    _edit_shipping(world)
    _look(world, read=10, recipient=MOVED.model_copy(update={"phone": "030 1"}))
    recipient = world.order().recipient
    assert recipient is not None
    assert (recipient["line1"], recipient["postcode"], recipient["phone"]) == ("Gartenweg 3", "10115", "030 1")
    assert "recipient.address" in _attention(world)["shop_changed"]["remedy"]
    assert "Nebenstra" not in str(world.snapshot())
    assert _shop_values(world)["recipient.address"]["value"]["line1"] == "Nebenstraße 2"


def test_an_edit_of_the_field_acknowledges_what_the_shop_says() -> None:
    world = w.new()
    _edit_shipping(world)
    _look(world, read=10, recipient=MOVED)
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=HOME.model_copy(update={"line2": "3rd floor"})))
    assert not _attention(world)
    assert not _shop_values(world)


@pytest.mark.parametrize("recipient", [HOME, BERLIN], ids=["the operator's", "what it was before"])
def test_a_later_look_at_the_shop_that_says_what_was_meant_ends_the_attention(recipient: Any) -> None:
    world = w.new()
    _edit_shipping(world)
    _look(world, read=10, recipient=MOVED)
    _look(world, read=20, recipient=recipient)
    assert not _attention(world)
    assert world.order().recipient == HOME.model_dump(mode="json", exclude_none=True)


def test_answers_are_merged_one_by_one_and_make_the_file_stale() -> None:
    world = w.ready()
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"colour": "red"}))
    _look(world, w.a_line(answers={"name": "Åsa", "colour": "blue"}), read=10)
    assert world.order().items[_item(world)].answers == {"name": "Åsa", "colour": "red"}
    assert world.order().status == "New"
    assert list(_shop_values(world)) == [f"items.{_item(world)}.answers.colour"]


def test_a_changed_quantity_is_applied_and_after_a_split_only_shown() -> None:
    world = w.new()
    _look(world, w.a_line(quantity=3), read=10)
    assert world.order().items[_item(world)].quantity == 3
    world.ask(orders.SplitLine(order_id=ORDER, actor=ANN, item_id=_item(world), quantities=[1, 2]))
    _look(world, w.a_line(quantity=5), read=20)
    assert sorted(item.quantity for item in world.order().items.values()) == [1, 2]
    assert "lines.1.quantity" in _attention(world)["shop_changed"]["remedy"]
    assert _shop_values(world)["lines.1.quantity"] == {"value": 5}
    _look(world, w.a_line(quantity=3), read=30)
    assert not _attention(world)


def test_a_quantity_changed_after_a_split_is_acknowledged_by_an_edit_of_the_line() -> None:
    world = w.new(w.a_line(quantity=3))
    world.ask(orders.SplitLine(order_id=ORDER, actor=ANN, item_id=_item(world), quantities=[1, 2]))
    _look(world, w.a_line(quantity=1), read=20)
    assert _attention(world)
    world.ask(orders.IgnoreItem(order_id=ORDER, actor=ANN, item_id=_item(world)))
    assert not _attention(world)


def test_orders_that_were_split_apart_each_show_what_the_shop_changed_of_their_lines() -> None:
    world = w.new(w.a_line("1"), w.a_line("2"))
    moved = list(world.order().items)[1]
    world.ask(orders.SplitOff(order_id=ORDER, actor=ANN, item_ids=[moved]))
    (child,) = world.order().children
    _look(world, w.a_line("1"), w.a_line("2", quantity=7), read=10)
    assert not _attention(world)
    assert "lines.2.quantity" in world.snapshot(child)["attention"]["shop_changed"]["remedy"]
    assert world.order(child).items[moved].quantity == 2


def test_a_line_that_the_shop_took_away_is_ignored_and_restored_when_it_comes_back() -> None:
    world = w.new(w.a_line("1"), w.a_line("2"))
    second = list(world.order().items)[1]
    _look(world, w.a_line("1"), read=10)
    assert world.snapshot()["items"][second]["state"] == "Ignored"
    _look(world, w.a_line("1"), w.a_line("2"), read=20)
    assert not world.order().items[second].ignored


def test_a_link_or_an_address_that_is_not_told_any_more_changes_nothing() -> None:
    world = w.new()
    before = world.order()
    bare = w.a_line().model_copy(update={"link": None})
    _look(world, bare, read=10, recipient=None)
    _look(world, read=20)
    assert world.order() == before


def test_a_newer_version_of_the_listings_artwork_leaves_the_pinned_one_and_another_listing_is_shown() -> None:
    world = w.new()
    _look(world, w.a_line(artwork=ArtworkRef(artwork_id="mug", version=2)), read=10)
    assert world.order().items[_item(world)].artwork_ref == "mug/1"
    assert not _attention(world)
    _look(world, w.a_line(listing_id="10"), read=20)
    assert "lines.1.listing" in _attention(world)["shop_changed"]["remedy"]


def test_an_item_without_artwork_takes_the_one_that_its_listing_comes_to_name() -> None:
    world = w.new(w.a_line(artwork=None, answers={}))
    assert world.snapshot()["items"][_item(world)]["state"] == "Missing artwork"
    _look(world, read=10)
    world.tell(w.MUG)
    item = world.order().items[_item(world)]
    assert (item.artwork_ref, item.answers) == ("mug/1", {"name": "Zoë"})


def test_a_change_while_something_is_under_way_waits_and_is_applied_when_it_ends() -> None:
    world = w.queued()
    _look(world, w.a_line(answers={"name": "Åsa"}), read=10, recipient=MOVED)
    assert world.order().recipient == BERLIN.model_dump(mode="json", exclude_none=True)
    assert not _attention(world)
    world.tell(w.withdrawn())
    assert world.order().recipient == MOVED.model_dump(mode="json", exclude_none=True)
    assert world.order().items[_item(world)].answers == {"name": "Åsa"}
    assert world.order().status == "New"
    assert not world.order().shop_differs


def test_a_change_that_came_too_late_is_shown() -> None:
    world = w.sending()
    _look(world, read=10, recipient=MOVED)
    world.tell(w.accepted())
    assert "after it was sent" in _attention(world)["shop_changed"]["remedy"]
    assert world.order().recipient == BERLIN.model_dump(mode="json", exclude_none=True)


def test_what_came_too_late_is_applied_once_the_vendor_ended_the_order() -> None:
    world = w.sent()
    _look(world, read=10, recipient=MOVED)
    world.tell(w.vendor_said("cancelled", ended=True))
    assert world.order().status == "Failed to send"
    assert world.order().recipient == MOVED.model_dump(mode="json", exclude_none=True)
    assert "shop_changed" not in _attention(world)


@pytest.mark.parametrize(
    ("situation", "status"),
    [(w.new, "Archived"), (w.ready, "Archived"), (w.failed, "Archived"), (w.sent, "Sent"), (w.fulfilled, "Fulfilled")],
    ids=["New", "Ready", "Failed", "Sent", "Fulfilled"],
)
def test_cancelled_in_the_shop_it_is_archived_by_the_shop_or_shown_where_it_is_too_late(situation: Any, status: str) -> None:
    world = situation()
    _look(world, read=10, cancelled=True)
    assert world.order().status == status
    assert ("cancelled_in_shop" in _attention(world)) == (status != "Archived")
    assert world.on("orders.history")[-1].actor.kind == "shop"
    _look(world, read=20)
    assert "cancelled_in_shop" not in _attention(world)
    assert ("reinstated_in_shop" in _attention(world)) == (status == "Archived")


@pytest.mark.parametrize("situation", [w.queued, w.sending, w.doubtful], ids=["queued", "sending", "in doubt"])
def test_cancelled_while_under_way_it_is_stopped_and_the_shop_archives_it_when_dispatch_answers(situation: Any) -> None:
    world = situation()
    _look(world, read=10, cancelled=True)
    assert isinstance(world.on("dispatch.requests")[-1], DispatchWithdrawRequested)
    world.tell(w.withdrawn())
    event = world.on("orders.history")[-1]
    assert (world.order().status, event.to_status, event.actor.kind) == ("Archived", "Archived", "shop")


def test_cancelled_and_reinstated_while_queued_it_is_not_archived() -> None:
    world = w.queued()
    _look(world, read=10, cancelled=True)
    _look(world, read=20)
    world.tell(w.withdrawn())
    assert world.order().status == "Ready to send"
    assert not _attention(world)


def test_taken_out_of_the_archive_a_cancelled_order_says_so_and_a_cancelled_sent_one_that_fails_goes_to_the_archive() -> None:
    world = w.ready()
    _look(world, read=10, cancelled=True)
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    assert (world.order().status, list(_attention(world))) == ("Ready to send", ["cancelled_in_shop"])
    sent = w.sent()
    _look(sent, read=10, cancelled=True)
    sent.tell(w.vendor_said("cancelled", ended=True))
    assert sent.order().status == "Archived"


def test_an_erased_order_takes_no_value_from_the_shop() -> None:
    world = w.new()
    _edit_shipping(world)
    world.ask(orders.Erase(order_id=ORDER, actor=ANN.model_copy(update={"kind": "admin"})))
    _look(world, w.a_line(answers={"name": "Åsa"}), read=10, recipient=MOVED, buyer_note="a secret")
    assert (world.order().recipient, world.order().buyer_note, world.order().shop_differs) == (None, None, {})


def test_an_older_look_is_ignored_and_a_repeated_one_changes_nothing() -> None:
    world = w.new(read=10)
    before = world.order()
    assert isinstance(_look(world, w.a_line(quantity=9), read=5), Ignored)
    _look(world, read=10)
    assert world.order() == before
    _look(world, w.a_line(quantity=9), read=5, modified_at=NOON.replace(hour=13))
    assert world.order().items[_item(world)].quantity == 9
