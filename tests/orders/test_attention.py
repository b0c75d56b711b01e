"""Attention is about one thing each, and ends when its cause does; what comes late or twice changes nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from platen_contracts import orders, sync, tracking
from platen_messaging.outcome import Ignored
from platen_orders.decide.snapshot import private

from . import world as w
from .world import ANN, NOON, ORDER, World


def _attention(world: World) -> dict[str, Any]:
    return world.snapshot().get("attention", {})


def _item(world: World) -> str:
    return next(iter(world.order().items))


def _not_posted(parcel: str, remedy: str = "Install it.") -> sync.TrackingNotPosted:
    return sync.TrackingNotPosted(order_id=ORDER, parcel=parcel, code="no_plugin", remedy=remedy)


def _posted(parcel: str) -> sync.TrackingPosted:
    return sync.TrackingPosted(order_id=ORDER, parcel=parcel, at=NOON)


def test_tracking_that_was_not_posted_is_said_of_each_parcel_until_it_is_posted() -> None:
    world = w.sent()
    for parcel in ("p1", "p2"):
        world.tell(w.shipped({_item(world): 1}, parcel=parcel))
        world.tell(_not_posted(parcel))
    assert {key: it["about"] for key, it in _attention(world).items()} == {
        "tracking_not_posted:p1": "p1",
        "tracking_not_posted:p2": "p2",
    }
    world.tell(_posted("p1"), at=NOON + timedelta(seconds=1))
    assert list(_attention(world)) == ["tracking_not_posted:p2"]
    assert world.snapshot()["parcels"]["p1"]["posted"]
    assert isinstance(world.tell(_not_posted("p1"), at=NOON), Ignored)


def test_posting_told_before_the_parcel_is_not_lost_and_a_new_number_is_not_posted_yet() -> None:
    world = w.sent()
    world.tell(_posted("p1"), at=NOON + timedelta(seconds=150))
    world.tell(w.shipped({_item(world): 1}, read=100))
    assert world.snapshot()["parcels"]["p1"]["posted"]
    other = w.shipped({_item(world): 1}, read=200)
    number = other.parcels["p1"].model_copy(update={"tracking_number": "TRACK-2"})
    world.tell(other.model_copy(update={"parcels": {"p1": number}}))
    assert not world.snapshot()["parcels"]["p1"]["posted"]


def test_sent_twice_ends_when_the_vendor_ended_one_of_them() -> None:
    world = w.sent()
    world.tell(w.accepted(vendor_order_id="78"))
    assert list(_attention(world)) == ["sent_twice"]
    world.tell(w.vendor_said("cancelled", ended=True).model_copy(update={"vendor_order_id": "78"}))
    assert "sent_twice" not in _attention(world)
    assert world.order().status == "Sent"


def test_a_vendor_order_in_more_parcels_than_a_snapshot_holds_is_fulfilled_and_the_rest_are_told_of() -> None:
    world = w.sent(w.a_line(quantity=130))
    item = _item(world)
    for first in (0, 100):
        some = {
            f"p{number}": tracking.Parcel(tracking_number=f"T{number}", units={item: 1}) for number in range(first, first + 65)
        }
        world.tell(w.shipped({}).model_copy(update={"parcels": some}))
    assert world.order().status == "Fulfilled"
    held = world.snapshot()["parcels"]
    assert list(held) == [f"p{number}" for number in (*range(65), *range(100, 135))]
    assert list(private(world.order())["tracking"]) == list(held)
    assert "130 parcels: 30 are only counted" in _attention(world)["parcels_left_out"]["remedy"]
    assert "parcels_left_out" not in _attention(w.fulfilled())


def test_a_parcel_that_is_told_of_stays_so_however_many_follow() -> None:
    world = w.sent(w.a_line(quantity=130))
    item = _item(world)
    parcels = {f"p{number}": tracking.Parcel(units={item: 1}) for number in range(1, 101)}
    world.tell(w.shipped({}).model_copy(update={"parcels": parcels}))
    world.tell(w.shipped({item: 1}, parcel="p0"))
    world.tell(_posted("p100"))
    assert "p0" not in world.snapshot()["parcels"]
    assert world.snapshot()["parcels"]["p100"]["posted"]


def test_a_refusal_after_the_withdrawal_fails_a_ready_order_and_leaves_a_new_one_new() -> None:
    ready = w.queued()
    ready.tell(w.withdrawn())
    ready.tell(w.refused())
    assert (ready.order().status, ready.snapshot()["failure"]["code"]) == ("Failed to send", "bad_address")
    edited = w.queued()
    edited.tell(w.withdrawn())
    edited.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(edited), answers={"name": "Åsa"}))
    edited.tell(w.refused())
    assert edited.order().status == "New"
    assert "bad_address" in _attention(edited)["refused"]["remedy"]
    edited.ask(orders.Render(order_id=ORDER, actor=ANN))
    w.answer_renders(edited, "b")
    assert edited.order().status == "Ready to send"
    edited.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=edited.order().version))
    assert not _attention(edited)


def test_an_order_that_the_vendor_ended_was_sent_before_it_failed() -> None:
    world = w.queued()
    world.tell(w.vendor_said("failed", ended=True))
    edges = [(it.from_status, it.to_status) for it in world.on("orders.history")][-2:]
    assert edges == [("Ready to send", "Sent"), ("Sent", "Failed to send")]


def test_a_result_for_an_item_that_was_split_away_is_not_lost_to_the_order_it_went_to() -> None:
    world = w.new(w.a_line("1"), w.a_line("2"))
    moved = list(world.order().items)[1]
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    asked = next(it for it in world.on("render.requests") if it.item_id == moved)
    world.ask(orders.SplitOff(order_id=ORDER, actor=ANN, item_ids=[moved]))
    assert isinstance(world.tell(w.rendered(asked)), Ignored)
    (child,) = world.order().children
    anew = next(it for it in world.on("render.requests") if it.item_id == moved and it.order_id == child)
    world.tell(w.rendered(anew))
    assert world.order(child).status == "Ready to send"
