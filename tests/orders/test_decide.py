"""What each action and fact does, one sentence a test."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from platen_contracts import dispatch, orders, render
from platen_contracts.common import ArtworkRef
from platen_contracts.dispatch import DispatchRequested, DispatchSettleRequested, DispatchWithdrawRequested
from platen_messaging.outcome import Applied, Ignored, Refused

from . import world as w
from .world import ANN, BERLIN, ORDER, World


def _item(world: World, order: str = ORDER) -> str:
    return next(iter(world.order(order).items))


def _side(world: World) -> dict[str, Any]:
    return world.snapshot()["items"][_item(world)]["sides"]["front"]


def test_a_shop_order_becomes_one_order_per_vendor_with_numbers_of_its_own() -> None:
    world = w.new(w.a_line("1"), w.a_line("2", vendor_id="other"), w.a_line("3"))
    assert [(it.number, it.vendor_id, len(it.items)) for it in world.orders()] == [
        ("#1001", "printer", 2),
        ("#1001-2", "other", 1),
    ]


def test_a_line_linked_late_makes_a_further_order_and_no_line_is_taken_in_twice() -> None:
    unlinked = w.a_line("2").model_copy(update={"link": None})
    world = w.new(w.a_line("1"), unlinked)
    world.tell(w.a_shop_order(w.a_line("1"), w.a_line("2"), read=10))
    assert [it.number for it in world.orders()] == ["#1001", "#1001-2"]
    world.tell(w.a_shop_order(w.a_line("1"), w.a_line("2"), read=20))
    assert len(world.orders()) == 2
    assert not world.order().attention


def test_an_older_look_at_the_shop_order_is_ignored() -> None:
    world = w.new(read=10)
    outcome = world.tell(w.a_shop_order(w.a_line(quantity=9), read=5))
    assert isinstance(outcome, Ignored)


def test_an_order_whose_artwork_comes_later_is_derived_again() -> None:
    world = World()
    world.tell(w.a_shop_order())
    assert world.snapshot()["items"][_item(world)]["sides"] == {}
    outcome = world.ask(orders.Render(order_id=ORDER, actor=ANN))
    assert isinstance(outcome, Refused)
    assert outcome.code == "missing_artwork"
    world.tell(w.MUG)
    assert _side(world) == {"state": "none"}
    assert isinstance(world.ask(orders.Render(order_id=ORDER, actor=ANN)), Applied)


def test_render_asks_once_for_each_side_that_is_not_current() -> None:
    world = w.new()
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    (request,) = world.on("render.requests")
    assert request.input_hash == world.order().items[_item(world)].sides["front"].wanted
    assert _side(world)["state"] == "rendering"
    assert isinstance(world.ask(orders.Render(order_id=ORDER, actor=ANN)), Ignored)


def test_render_again_asks_anew_where_a_request_is_open_and_only_the_answer_to_the_newer_one_closes_it() -> None:
    world = w.new()
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    assert isinstance(world.ask(orders.Render(order_id=ORDER, actor=ANN, item_ids=[_item(world)], again=True)), Applied)
    lost, again = world.on("render.requests")
    assert lost.request_id != again.request_id
    assert lost.input_hash == again.input_hash
    about = lost.model_dump(include={"request_id", "order_id", "item_id", "side", "input_hash"})
    world.tell(render.RenderSkipped(**about, newer_request_id=again.request_id))
    assert _side(world)["state"] == "rendering"
    world.tell(w.rendered(again))
    assert world.order().status == "Ready to send"
    assert world.order().items[_item(world)].sides["front"].request_id is None


def test_render_names_the_answer_that_is_missing() -> None:
    world = w.new(w.a_line(answers={}))
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    assert world.reply().code == "missing_answer"
    assert world.reply().field == "answers.name"
    assert world.reply().reason.startswith("Name: the artwork needs an answer")


def test_a_result_for_answers_that_changed_since_leaves_the_file_stale() -> None:
    world = w.new()
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"}))
    world.tell(w.rendered(world.on("render.requests")[0]))
    assert world.order().status == "New"
    assert _side(world)["state"] == "stale"


def test_a_failed_rerender_keeps_the_current_file_and_says_why() -> None:
    world = w.ready()
    world.ask(orders.Render(order_id=ORDER, actor=ANN, item_ids=[_item(world)], again=True))
    request = world.on("render.requests")[-1]
    answer = request.model_dump(include={"request_id", "order_id", "item_id", "side", "input_hash"})
    world.tell(render.RenderFailed(**answer, code="worker_died", remedy="Render again."))
    assert world.order().status == "Ready to send"
    assert _side(world)["state"] == "current"
    assert _side(world)["failure"]["code"] == "worker_died"


def test_personalising_a_ready_order_makes_its_file_stale_and_the_order_new() -> None:
    world = w.ready()
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"}))
    assert world.order().status == "New"
    assert _side(world)["state"] == "stale"


def test_an_edit_in_failed_to_send_stays_there_and_withholds_retry_until_the_file_is_current() -> None:
    world = w.failed()
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"}))
    assert world.order().status == "Failed to send"
    assert world.snapshot()["actions"]["retry"] == "files_not_current"
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    world.tell(w.rendered(world.on("render.requests")[-1], "b"))
    assert world.snapshot()["actions"]["retry"] == "allowed"


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"nickname": "Z"}, "answers.nickname"),
        ({"name": "x" * 21}, "answers.name"),
        ({"name": "a\x00b"}, "answers.name"),
        ({"colour": "green"}, "answers.colour"),
    ],
)
def test_an_answer_that_the_artwork_does_not_allow_is_refused_naming_the_field(answers: dict[str, Any], field: str) -> None:
    world = w.new()
    world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers=answers))
    assert world.reply().code == "invalid_answer"
    assert world.reply().field == field


def test_an_address_without_a_part_that_its_country_requires_is_refused_naming_the_part() -> None:
    world = w.new()
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=BERLIN.model_copy(update={"postcode": None})))
    assert world.reply().code == "invalid_address"
    assert world.reply().field == "recipient.postcode"


def test_send_must_name_the_version_that_was_looked_at_and_a_newer_file_makes_it_stale() -> None:
    world = w.ready()
    world.ask(orders.Send(order_id=ORDER, actor=ANN))
    assert world.reply().code == "version_required"
    looked_at = world.order().version
    world.ask(orders.Render(order_id=ORDER, actor=ANN, item_ids=[_item(world)], again=True))
    world.tell(w.rendered(world.on("render.requests")[-1], "b"))
    world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=looked_at))
    assert world.reply().code == "stale"


def test_facts_do_not_make_other_commands_stale_but_an_edit_does() -> None:
    world = w.new()
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    world.tell(w.rendered(world.on("render.requests")[0]))
    personalise = orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={"name": "Åsa"}, expected_version=1)
    assert isinstance(world.ask(personalise), Applied)
    again = personalise.model_copy(update={"answers": {"name": "Bo"}})
    assert isinstance(world.ask(again), Refused)
    assert world.reply().code == "stale"


def test_a_dry_run_answers_what_would_happen_and_does_nothing() -> None:
    world = w.ready()
    before, sent = world.order(), len(world.on("dispatch.requests"))
    world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=before.version, dry_run=True))
    assert world.reply().patch["activity"]["kind"] == "queued"
    assert world.order() == before
    assert len(world.on("dispatch.requests")) == sent


def test_what_is_sent_is_self_contained_and_frozen() -> None:
    world = w.queued()
    (request,) = world.on("dispatch.requests")
    assert isinstance(request, DispatchRequested)
    assert request.recipient == BERLIN
    assert request.items[0].files["front"].link == "http://files/f/a"
    assert request.generation == 1


def test_stop_sending_asks_dispatch_and_only_its_answer_ends_the_activity() -> None:
    world = w.queued()
    world.ask(orders.StopSending(order_id=ORDER, actor=ANN))
    assert isinstance(world.on("dispatch.requests")[-1], DispatchWithdrawRequested)
    assert world.snapshot()["activity"]["kind"] == "queued"
    world.tell(w.withdrawn())
    assert world.snapshot()["activity"] == {"kind": "none"}
    assert world.order().status == "Ready to send"


def test_outcomes_count_by_strength_not_by_arrival() -> None:
    world = w.queued()
    world.tell(w.in_doubt(attempt=2))
    assert isinstance(world.tell(w.started(attempt=1)), Ignored)
    assert isinstance(world.tell(w.delayed(attempt=2)), Ignored)
    world.tell(w.accepted())
    assert isinstance(world.tell(w.refused()), Ignored)
    assert world.order().status == "Sent"


def test_a_doubt_can_be_settled_again_when_the_look_did_not_bear_the_person_out() -> None:
    world = w.doubtful()
    since = world.snapshot()["activity"]["since"]
    world.ask(orders.Settle(order_id=ORDER, actor=ANN, accepted=True, vendor_order_id="TYPO", reason="seen there"))
    doubt = w.in_doubt().model_copy(update={"reason": "the vendor has no confirmed order TYPO"})
    world.tell(doubt)
    assert world.snapshot()["activity"]["reason"] == "the vendor has no confirmed order TYPO"
    assert world.snapshot()["activity"]["since"] == since
    assert isinstance(world.tell(doubt), Ignored)
    world.ask(orders.Settle(order_id=ORDER, actor=ANN, accepted=True, vendor_order_id="77", reason="mistyped"))
    world.ask(orders.Settle(order_id=ORDER, actor=ANN, accepted=False, reason="not there after all"))
    settled = [it for it in world.on("dispatch.requests") if isinstance(it, DispatchSettleRequested)]
    assert [(it.accepted, it.vendor_order_id) for it in settled] == [(True, "TYPO"), (True, "77"), (False, None)]


def test_an_acceptance_of_an_older_generation_withdraws_the_newer_one_in_flight() -> None:
    world = w.failed()
    world.ask(orders.Retry(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    world.tell(w.accepted(generation=1))
    assert world.order().status == "Sent"
    withdraw = world.on("dispatch.requests")[-1]
    assert isinstance(withdraw, DispatchWithdrawRequested)
    assert withdraw.generation == 2


def test_a_shipment_of_an_older_generation_withdraws_the_newer_one_in_flight() -> None:
    world = w.failed()
    world.ask(orders.Retry(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    world.tell(w.shipped({_item(world): 1}, generation=1))
    withdraw = world.on("dispatch.requests")[-1]
    assert isinstance(withdraw, DispatchWithdrawRequested)
    assert withdraw.generation == 2


def test_two_live_vendor_orders_are_brought_to_attention() -> None:
    world = w.sent()
    world.tell(w.accepted(vendor_order_id="78"))
    assert "sent_twice" in world.snapshot()["attention"]


def test_a_shipment_before_the_acceptance_proves_it() -> None:
    world = w.queued()
    world.tell(w.shipped({_item(world): 1}))
    assert world.order().status == "Sent"
    world.tell(w.accepted())
    assert world.order().status == "Sent"
    assert "sent_twice" not in world.snapshot().get("attention", {})


def test_the_end_of_a_vendor_order_is_not_lost_when_it_is_told_before_the_acceptance() -> None:
    world = w.queued()
    world.tell(w.vendor_said("failed", ended=True))
    assert world.order().status == "Failed to send"
    world.tell(w.accepted())
    assert world.order().status == "Failed to send"
    assert world.snapshot()["failure"]["code"] == "vendor_failed"


def test_parcels_are_merged_and_the_last_unit_fulfils_the_order() -> None:
    world = w.sent()
    world.tell(w.shipped({_item(world): 1}, parcel="p1"))
    assert world.order().status == "Sent"
    world.tell(w.shipped({_item(world): 1}, parcel="p2"))
    assert world.order().status == "Fulfilled"
    assert set(world.snapshot()["parcels"]) == {"p1", "p2"}


def test_units_of_a_vendor_order_that_was_cancelled_before_the_retry_are_still_to_come() -> None:
    world = w.sending()
    item = _item(world)
    ended = w.vendor_said("cancelled", ended=True).model_copy(update={"vendor_order_id": "76", "cancelled_units": {item: 2}})
    world.tell(w.accepted(vendor_order_id="76"))
    world.tell(ended)
    assert world.order().status == "Failed to send"
    world.ask(orders.Retry(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    world.tell(w.accepted(generation=2))
    assert world.snapshot()["items"][item]["cancelled"] == 0
    world.tell(w.shipped({item: 1}, parcel="p1"))
    assert world.order().status == "Sent"
    world.tell(w.shipped({item: 1}, parcel="p2"))
    assert world.order().status == "Fulfilled"


def test_what_becomes_of_a_vendor_order_that_a_retry_replaced_says_nothing_of_the_one_that_counts() -> None:
    world = w.sending()
    world.tell(w.accepted(vendor_order_id="76"))
    world.tell(w.vendor_said("failed", ended=True).model_copy(update={"vendor_order_id": "76"}))
    world.ask(orders.Retry(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    world.tell(w.accepted(generation=2))
    world.tell(w.vendor_said("on_hold", read=300))
    on_hold = world.snapshot()["attention"]["vendor_problem"]
    world.tell(w.vendor_said("unknown", raw="not found", read=400).model_copy(update={"vendor_order_id": "76"}))
    assert world.snapshot()["attention"]["vendor_problem"] == on_hold
    world.tell(w.vendor_said("in_production", read=500))
    world.tell(w.vendor_said("failed", ended=True, read=600).model_copy(update={"vendor_order_id": "76"}))
    assert "attention" not in world.snapshot()
    assert (world.order().status, world.order().failure) == ("Sent", None)


def test_an_order_that_the_vendor_ends_before_anything_shipped_has_failed_and_says_what_to_do() -> None:
    world = w.sent()
    world.tell(w.vendor_said("failed", raw="failed", ended=True))
    assert world.order().status == "Failed to send"
    assert world.snapshot()["failure"]["code"] == "vendor_failed"
    assert "retry" in world.snapshot()["failure"]["remedy"]


def test_unarchive_restores_the_status_and_then_crosses_what_happened_meanwhile_each_a_version() -> None:
    world = w.archived()
    item = _item(world)
    world.tell(w.accepted())
    world.tell(w.shipped({item: 2}))
    assert world.order().status == "Archived"
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    edges = [(it.from_status, it.to_status) for it in world.on("orders.history")][-3:]
    assert edges == [("Archived", "Ready to send"), ("Ready to send", "Sent"), ("Sent", "Fulfilled")]


def test_an_order_cancelled_in_the_shop_while_sending_is_stopped_and_then_archived_by_the_shop() -> None:
    world = w.queued()
    world.tell(w.a_shop_order(read=10, cancelled=True))
    assert isinstance(world.on("dispatch.requests")[-1], DispatchWithdrawRequested)
    assert world.order().status == "Ready to send"
    world.tell(w.withdrawn())
    assert world.order().status == "Archived"


def test_an_order_cancelled_in_the_shop_too_late_needs_attention() -> None:
    world = w.queued()
    world.tell(w.a_shop_order(read=10, cancelled=True))
    world.tell(w.accepted())
    assert world.order().status == "Sent"
    assert "cancelled_in_shop" in world.snapshot()["attention"]


def test_an_order_unarchived_after_a_cancellation_stays_with_the_operator() -> None:
    world = w.new()
    world.tell(w.a_shop_order(read=10, cancelled=True))
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    world.tell(w.a_shop_order(read=20, cancelled=True))
    assert world.order().status == "New"


def test_nothing_personal_is_in_the_snapshot_or_in_history() -> None:
    world = w.fulfilled()
    written = [outgoing.value for outgoing in world.sent if outgoing.topic == "orders.history"]
    text = b" ".join(value for value in written if value is not None).decode() + str(world.snapshot())
    for secret in ("Zoë", "Hauptstra", "10115", "http://files", "TRACK-1"):
        assert secret not in text


def test_no_reply_quotes_what_is_personal() -> None:
    world = w.ready()
    answers: dict[str, Any] = {"name": "Zoë" * 20, "colour": "a secret colour"}
    for name, answer in answers.items():
        world.ask(orders.Personalise(order_id=ORDER, actor=ANN, item_id=_item(world), answers={name: answer}))
    wrong = BERLIN.model_copy(update={"postcode": "1011O", "line1": "Nebenweg 2"})
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=wrong))
    replies = world.on("orders.replies")[-3:]
    assert [reply.code for reply in replies] == ["invalid_answer", "invalid_answer", "invalid_address"]
    text = " ".join(reply.model_dump_json() for reply in replies)
    for secret in ("Zoë", "a secret colour", "1011O", "Nebenweg", "Müller", " DE"):
        assert secret not in text


def test_a_command_older_than_the_inbox_remembers_is_refused() -> None:
    from platen_contracts.envelope import Meta
    from platen_messaging.outcome import Context
    from platen_orders.handlers import COMMANDS

    command = orders.SetArtwork(order_id=ORDER, actor=ANN, item_id="1" * 32, artwork=ArtworkRef(artwork_id="mug", version=1))
    outcome = COMMANDS.too_old(command, Context(w.NOON, Meta("1" * 32, command.TYPE, "test", "", w.NOON)))
    assert isinstance(outcome, Refused)
    assert outcome.messages[0].message is not None


def test_a_region_in_the_shops_own_code_is_left_to_the_vendor_but_a_required_one_must_be_there() -> None:
    world = w.new()
    madrid = BERLIN.model_copy(update={"city": "Madrid", "postcode": "28013", "country": "ES", "region_code": "M"})
    assert isinstance(world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=madrid)), Applied)
    bare = madrid.model_copy(update={"region_code": None})
    world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=bare))
    assert world.reply().field == "recipient.region_code"


def test_an_acceptance_told_again_does_not_revive_what_the_vendor_ended() -> None:
    world = w.sent()
    world.tell(w.vendor_said("cancelled", ended=True))
    assert world.order().status == "Failed to send"
    outcome = world.tell(w.accepted(), at=w.NOON + timedelta(days=1))
    assert world.order().status == "Failed to send"
    assert isinstance(outcome, Ignored)


def test_an_acceptance_told_again_is_nothing_new() -> None:
    world = w.sent()
    before = world.order()
    assert isinstance(world.tell(w.accepted(), at=w.NOON + timedelta(hours=1)), Ignored)
    assert world.order() == before


def test_what_the_vendor_took_and_ended_under_an_archive_comes_back_by_way_of_sent() -> None:
    world = w.queued()
    world.ask(orders.StopSending(order_id=w.ORDER, actor=w.ANN))
    world.tell(dispatch.DispatchWithdrawn(order_id=w.ORDER, generation=1))
    world.ask(orders.Archive(order_id=w.ORDER, actor=w.ANN))
    world.tell(w.accepted())
    world.tell(w.vendor_said("cancelled", ended=True))
    world.ask(orders.Unarchive(order_id=w.ORDER, actor=w.ANN))
    crossed = [(it.from_status, it.to_status) for it in world.on("orders.history")][-3:]
    assert crossed == [("Archived", "Ready to send"), ("Ready to send", "Sent"), ("Sent", "Failed to send")]


def test_an_old_file_collected_while_a_new_one_is_drawn_makes_no_send_stale() -> None:
    world = w.ready()
    world.ask(orders.Render(order_id=w.ORDER, actor=w.ANN, again=True))
    before = world.order()
    (item_id,) = before.items
    world.tell(render.FileCollected(order_id=w.ORDER, item_id=item_id, side="front", sha256=w.a_sha("e")))
    assert world.order().files_version == before.files_version
