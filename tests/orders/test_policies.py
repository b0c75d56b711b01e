"""What happens by itself: files are asked for, orders are sent after a grace time, what lasts too long is said."""

from __future__ import annotations

from typing import Any

import pytest
from platen_contracts import orders, render
from platen_contracts.dispatch import DispatchRequested
from platen_contracts.envelope import rfc3339
from platen_messaging.outcome import Applied

from . import world as w
from .world import ANN, BERLIN, ORDER, World


def _world(*lines: Any, policies: dict[str, Any] | None = None, **fields: Any) -> World:
    world = World()
    world.tell(w.MUG)
    world.tell(w.a_shop(**(policies or {})))
    world.tell(w.a_shop_order(*lines, **fields))
    return world


def _sends(world: World) -> list[Any]:
    return [it for it in world.on("dispatch.requests") if isinstance(it, DispatchRequested)]


def _item(world: World) -> str:
    return next(iter(world.order().items))


def _kind(world: World) -> str:
    return world.snapshot()["activity"]["kind"]


def test_files_are_asked_for_when_an_order_comes_and_whenever_an_answer_changes() -> None:
    world = _world(w.a_line("1"), w.a_line("2"))
    assert len(world.on("render.requests")) == 2
    assert world.on("orders.history")[-1].actor.kind == "system"
    w.answer_renders(world)
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"}))
    assert len(world.on("render.requests")) == 3
    w.answer_renders(world)
    assert world.order().status == "Ready to send"
    assert len(world.on("render.requests")) == 3


def test_a_file_that_was_collected_is_asked_for_again_and_one_that_failed_is_not() -> None:
    world = _world()
    request = world.on("render.requests")[0]
    failed = request.model_dump(include={"request_id", "order_id", "item_id", "side", "input_hash"})
    world.tell(render.RenderFailed(**failed, code="text_does_not_fit", remedy="Shorten it."))
    world.tell(w.a_shop_order(w.a_line(quantity=5), read=10))
    assert len(world.on("render.requests")) == 1
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    w.answer_renders(world)
    world.tell(render.FileCollected(order_id=ORDER, item_id=_item(world), side="front", sha256=w.a_sha()))
    assert len(world.on("render.requests")) == 3


def test_an_answer_that_is_missing_or_does_not_fit_asks_for_nothing_until_it_is_mended() -> None:
    world = _world(w.a_line(answers={}))
    assert not world.on("render.requests")
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"}))
    assert len(world.on("render.requests")) == 1


def test_an_archived_order_asks_for_nothing_and_an_unarchived_one_for_what_it_lacks() -> None:
    world = _world()
    w.answer_renders(world)
    world.ask(orders.Archive(order_id=ORDER, actor=ANN))
    world.tell(render.FileCollected(order_id=ORDER, item_id=_item(world), side="front", sha256=w.a_sha()))
    assert len(world.on("render.requests")) == 1
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    assert len(world.on("render.requests")) == 2


def test_where_the_shop_wants_it_otherwise_nothing_is_asked_for() -> None:
    assert not _world(policies={"auto_render": False}).on("render.requests")


def test_an_order_that_came_before_its_shop_was_known_is_seen_to_when_the_shop_comes() -> None:
    world = w.new()
    assert world.order().waits_for_shop
    assert not world.on("render.requests")
    world.tell(w.a_shop())
    world.strike(ORDER)
    assert len(world.on("render.requests")) == 1
    assert not world.order().waits_for_shop


def test_a_ready_order_is_sent_by_itself_after_the_grace_time_and_not_before() -> None:
    world = w.scheduled()
    assert (_kind(world), world.order().status) == ("scheduled", "Ready to send")
    world.until(500)
    assert not _sends(world)
    world.until(700)
    assert [it.generation for it in _sends(world)] == [1]
    assert _kind(world) == "queued"
    assert world.on("orders.history")[-1].actor.kind == "system"


def test_an_order_with_a_note_of_the_buyer_is_never_sent_by_itself() -> None:
    world = _world(policies={"auto_send_after_s": 0}, buyer_note="as a gift")
    w.answer_renders(world)
    assert (_kind(world), world.order().status) == ("none", "Ready to send")
    noted = w.scheduled()
    noted.tell(w.a_shop_order(read=10, buyer_note="wait for my call"))
    assert _kind(noted) == "none"


def test_stop_takes_effect_at_once_while_scheduled_and_the_order_is_not_scheduled_again() -> None:
    world = w.scheduled()
    assert isinstance(world.ask(orders.StopSending(order_id=ORDER, actor=ANN)), Applied)
    assert (_kind(world), world.order().status) == ("none", "Ready to send")
    world.until(10_000)
    assert not world.on("dispatch.requests")


def test_a_shop_change_while_scheduled_is_applied_and_restarts_the_grace_time() -> None:
    world = w.scheduled()
    world.until(500)
    world.tell(w.a_shop_order(read=10, recipient=BERLIN.model_copy(update={"line1": "Nebenstraße 2"})))
    assert _kind(world) == "scheduled"
    world.until(1000)
    assert not _sends(world)
    world.until(1200)
    assert _sends(world)[0].recipient.line1 == "Nebenstraße 2"


def test_a_shop_change_that_makes_the_file_stale_ends_the_schedule_until_the_order_is_ready_again() -> None:
    world = w.scheduled()
    world.tell(w.a_shop_order(w.a_line(answers={"name": "Åsa"}), read=10))
    assert (_kind(world), world.order().status) == ("none", "New")
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    w.answer_renders(world)
    assert _kind(world) == "scheduled"


def test_a_scheduled_order_that_is_cancelled_in_the_shop_is_archived_and_never_sent() -> None:
    world = w.scheduled()
    world.tell(w.a_shop_order(read=10, cancelled=True))
    assert world.order().status == "Archived"
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    assert _kind(world) == "none"
    world.until(10_000)
    assert not world.on("dispatch.requests")


def test_what_cannot_be_sent_when_its_time_has_come_says_why() -> None:
    world = w.scheduled()
    world.tell(w.a_shop_order(read=10, recipient=BERLIN.model_copy(update={"postcode": "1"})))
    world.until(2000)
    assert not _sends(world)
    assert "postcode" in world.snapshot()["attention"]["not_sent"]["remedy"]
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=BERLIN))
    world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    assert "attention" not in world.snapshot()


def test_a_policy_that_was_taken_back_meanwhile_is_heeded() -> None:
    world = w.scheduled()
    world.tell(w.a_shop(auto_render=False))
    world.until(2000)
    assert (_sends(world), _kind(world)) == ([], "none")


def _asked_for() -> World:
    world = w.new()
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    return world


@pytest.mark.parametrize(
    ("situation", "allowed", "end"),
    [
        (_asked_for, 1800, w.answer_renders),
        (w.queued, 3600, lambda world: world.tell(w.accepted())),
        (w.sending, 3600, lambda world: world.tell(w.accepted())),
        (w.doubtful, 900, lambda world: world.tell(w.refused())),
    ],
    ids=["rendering", "queued", "sending", "in doubt"],
)
def test_what_lasts_too_long_asks_for_attention_once_until_it_is_over(situation: Any, allowed: int, end: Any) -> None:
    world: World = situation()
    world.until(allowed - 60)
    assert "attention" not in world.snapshot()
    before = world.order().version
    world.until(allowed + 60)
    (key,) = world.snapshot()["attention"]
    assert key.startswith("late:")
    assert world.order().version == before + 1
    world.until(allowed * 10)
    assert world.order().version == before + 1
    assert world.order().timer is None
    end(world)
    assert "attention" not in world.snapshot()


def test_a_status_is_late_by_the_shops_policy() -> None:
    world = w.new()
    world.tell(w.a_shop(auto_render=False, late_after={"new_s": 60, "rendering_s": 0}))
    world.tell(w.a_shop_order(w.a_line(quantity=4), read=10))
    world.until(100)
    assert list(world.snapshot()["attention"]) == ["late:New"]
    world.ask(orders.Archive(order_id=ORDER, actor=ANN))
    assert "attention" not in world.snapshot()


def test_timers_die_with_the_archive_and_come_back_with_it() -> None:
    world = _asked_for()
    world.ask(orders.Archive(order_id=ORDER, actor=ANN))
    assert world.order().timer is None
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    assert world.order().timer is not None


def test_a_shop_that_leaves_the_catalog_has_the_default_policies() -> None:
    world = _world(policies={"auto_render": False, "auto_send_after_s": 600})
    assert not world.on("render.requests")
    assert isinstance(world.gone("catalog.shops", "mugs"), Applied)
    assert not isinstance(world.gone("catalog.shops", "mugs"), Applied)
    assert not isinstance(world.gone("catalog.artworks", "mug/1"), Applied)
    world.tell(w.a_shop_order(shop_order_id="1002"))
    (request,) = world.on("render.requests")
    world.tell(w.rendered(request))
    assert world.order(request.order_id).status == "Ready to send"
    assert world.order(request.order_id).scheduled is None


def test_a_dry_run_and_a_reply_say_what_follows_too() -> None:
    world = _world()
    w.answer_renders(world)
    version = world.order().version
    told = orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"})
    world.ask(told.model_copy(update={"dry_run": True}))
    dry = world.reply()
    assert (dry.version, dry.patch["version"]) == (version, version + 2)
    assert dry.patch["items"][_item(world)]["sides"]["front"]["state"] == "rendering"
    assert (world.order().version, len(world.on("render.requests"))) == (version, 1)
    world.ask(told)
    assert world.reply().version == world.order().version == dry.patch["version"]


def test_a_deadline_that_stands_again_is_told_again() -> None:
    world = _world(w.a_line("1"), w.a_line("2"))
    world.until(1900)
    late = f"late:{_item(world)}"
    assert late in world.snapshot()["attention"]
    world.ask(orders.IgnoreItem(order_id=ORDER, actor=ANN, item_id=_item(world)))
    assert late not in world.snapshot()["attention"]
    before = world.now
    world.ask(orders.RestoreItem(order_id=ORDER, actor=ANN, item_id=_item(world)))
    assert (world.order().timer or "") > rfc3339(before), "a time of its own: the old one has counted"
    world.until(1900)
    assert late in world.snapshot()["attention"]
