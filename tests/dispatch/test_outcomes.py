"""How a turn at the vendor ends, and what follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from platen_contracts.dispatch import (
    DispatchAccepted,
    DispatchDelayed,
    DispatchInDoubt,
    DispatchRefused,
    DispatchWithdrawn,
)
from platen_dispatch.decide import facts
from platen_dispatch.decide.change import back_off
from platen_messaging.outcome import Applied, Ignored
from platen_vendors.model import external_id

from .asked import ITEM, ORDER, T0, VENDOR, requested, settle, withdraw
from .test_requests import in_doubt, sending
from .world import LEASE, World

DOWN: dict[str, Any] = {"code": "vendor.address", "field": "recipient.postcode", "remedy": "Correct it.", "words": "bad zip"}


def started() -> World:
    world = World()
    sending(world)
    return world


def doubtful(absent: bool = False) -> World:
    """In doubt since T0, with one absence seen at T0 or none."""
    world = started()
    world.end(facts.Lost, reason="ReadTimeout", at=world.now, absent_as_of=world.now if absent else None)
    return world


def test_taken_is_accepted_with_units_and_external_id() -> None:
    world = started()
    world.taken()
    event = world.told[-1]
    assert isinstance(event, DispatchAccepted)
    assert (event.vendor_id, event.vendor_order_id, event.items, event.differs) == (VENDOR, "13", {ITEM: 2}, [])
    assert event.external_id == external_id(ORDER, 1)
    assert (world.generation().phase, world.ledger.due, world.ledger.lease) == ("accepted", None, None)


def test_what_the_vendor_holds_of_an_older_generation_is_accepted_as_that_and_the_newer_one_was_not_sent() -> None:
    world = started()
    world.end(facts.TurnedDown, **DOWN)
    world.hear(requested(2, city="Paris"))
    world.begin()
    world.taken(by=1, differs=["recipient.city"])
    accepted, unsent = world.told[-2:]
    assert isinstance(accepted, DispatchAccepted)
    assert (accepted.generation, accepted.differs) == (1, ["recipient.city"])
    assert unsent == DispatchWithdrawn(order_id=ORDER, generation=2)
    assert (world.generation(1).phase, world.generation(2).phase) == ("accepted", "withdrawn")
    world.hear(withdraw(2))
    assert world.told[-1] == unsent


def test_a_refusal_names_code_field_remedy_and_the_vendors_words() -> None:
    world = started()
    world.end(facts.TurnedDown, **DOWN)
    assert world.told[-1] == DispatchRefused(
        order_id=ORDER,
        generation=1,
        code="vendor.address",
        field="recipient.postcode",
        remedy="Correct it.",
        vendor_words="bad zip",
    )
    assert world.begin() is None


def test_what_did_not_arrive_is_tried_again_later_and_looked_up_first() -> None:
    world = started()
    world.end(facts.NotNow, code="unreachable")
    event = world.told[-1]
    assert isinstance(event, DispatchDelayed)
    assert (event.attempt, event.code, event.lane_paused) == (1, "unreachable", False)
    assert event.next_try == world.ledger.due
    world.wait_for_turn()
    plan = world.begin()
    assert plan is not None
    assert (plan.create, plan.look_first, world.generation().attempt) == (True, True, 2)


def test_waits_double_up_to_ten_minutes_spread_by_half_and_are_the_same_each_time() -> None:
    generation = started().generation()
    waits: list[float] = []
    for tries in range(14):
        of_try = type(generation)(number=1, tries=tries, turn=tries)
        assert back_off(ORDER, of_try) == back_off(ORDER, of_try)
        waits.append(back_off(ORDER, of_try).total_seconds())
        assert min(2.0**tries, 600) / 2 <= waits[-1] <= min(2.0**tries, 600)
    assert len({back_off(f"{number:032x}", generation) for number in range(50)}) > 40


def test_patience_ends_in_a_refusal_with_a_remedy_after_a_last_try_at_its_end() -> None:
    world = World(patience_s=100)
    sending(world)
    tries = 0
    while not isinstance(world.told[-1], DispatchRefused):
        world.end(facts.NotNow, code="unreachable")
        tries += 1
        if world.ledger.due is not None:
            world.wait_for_turn()
            world.begin()
    refusal = world.told[-1]
    assert (refusal.code, world.now) == ("patience_exhausted", T0 + timedelta(seconds=100))
    assert "unreachable" in refusal.remedy
    assert tries > 5


def test_a_paused_lane_costs_no_patience() -> None:
    world = World(patience_s=100)
    sending(world)
    world.end(facts.LaneClosed, code="throttled", until=world.now + timedelta(seconds=3000))
    event = world.told[-1]
    assert isinstance(event, DispatchDelayed)
    assert (event.lane_paused, event.code, event.next_try) == (True, "throttled", T0 + timedelta(seconds=3000))
    world.wait_for_turn()
    world.begin()
    world.end(facts.NotNow, code="unreachable")
    assert isinstance(world.told[-1], DispatchDelayed)
    world.later(101)
    world.begin()
    world.end(facts.NotNow, code="unreachable")
    assert isinstance(world.told[-1], DispatchRefused)


def test_pauses_that_overlap_are_counted_once() -> None:
    world = started()
    world.end(facts.LaneClosed, code="throttled", until=world.now + timedelta(seconds=100))
    world.later(50)
    world.begin()
    world.end(facts.LaneClosed, code="auth_failed", until=world.now + timedelta(seconds=100))
    assert world.lane.paused_until == T0 + timedelta(seconds=150)
    assert world.lane.paused_seconds(T0 + timedelta(seconds=120)) == 120
    world.later(1000)
    world.begin()
    world.end(facts.LaneClosed, code="throttled", until=world.now + timedelta(seconds=10))
    assert world.lane.paused_seconds(world.now + timedelta(seconds=5)) == 155


def test_a_request_that_came_when_its_lane_had_been_paused_for_long_gains_nothing_from_that() -> None:
    world = World(patience_s=100)
    sending(world)
    world.end(facts.LaneClosed, code="throttled", until=world.now + timedelta(seconds=1000))
    world.hear(withdraw())
    world.later(2000)
    world.hear(requested(2))
    assert world.generation(2).paused_before == 1000


def test_a_lost_reply_is_told_as_doubt_and_looked_up_again() -> None:
    world = doubtful()
    event = world.told[-1]
    assert isinstance(event, DispatchInDoubt)
    assert (event.attempt, event.reason, event.next_look) == (1, "ReadTimeout", world.ledger.due)
    plan = world.begin()
    assert plan is not None
    assert (plan.create, plan.look_first) == (False, True)


def test_only_two_absences_a_vendor_set_time_apart_prove_that_it_did_not_arrive() -> None:
    world = doubtful(absent=True)
    assert world.ledger.due == T0 + timedelta(seconds=60)
    world.later(59)
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    assert isinstance(world.told[-1], DispatchInDoubt)
    assert world.ledger.due == T0 + timedelta(seconds=60)
    world.wait_for_turn()
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    event = world.told[-1]
    assert isinstance(event, DispatchDelayed)
    assert event.code == "did_not_arrive"
    world.wait_for_turn()
    plan = world.begin()
    assert plan is not None
    assert plan.create
    assert plan.order.external_id == external_id(ORDER, 1)
    assert world.words().count("Started") == 2


def test_an_absence_seen_before_the_attempt_ended_proves_nothing() -> None:
    world = doubtful()
    world.begin()
    world.end(facts.Missing, as_of=T0 - timedelta(seconds=1))
    assert world.generation().absent_at is None


def test_after_an_expired_lease_it_is_looked_up_and_absences_count_from_then() -> None:
    world = started()
    world.later(LEASE.total_seconds() + 1)
    told = len(world.told)
    plan = world.begin()
    assert plan is not None
    assert (plan.create, plan.look_first, len(world.told)) == (False, True, told)
    assert world.generation().unknown_since == world.now
    world.end(facts.Missing, as_of=world.now)
    assert isinstance(world.told[-1], DispatchInDoubt)


def test_a_look_whose_worker_died_does_not_start_the_absences_anew() -> None:
    world = doubtful(absent=True)
    seen = world.generation().absent_at
    world.later(61)
    world.begin()
    world.later(LEASE.total_seconds() + 1)
    world.begin()
    assert world.generation().absent_at == seen


def test_doubt_never_becomes_a_refusal_by_waiting() -> None:
    world = World(patience_s=10)
    in_doubt(world)
    for _ in range(50):
        world.wait_for_turn()
        world.begin()
        world.end(facts.Undecided, reason="HTTP 500")
    assert world.now > T0 + timedelta(hours=5)
    assert set(world.words()) == {"Started", "InDoubt"}


@pytest.mark.parametrize(
    ("end", "given"),
    [
        (facts.NotNow, {"code": "unreachable"}),
        (facts.LaneClosed, {"code": "throttled", "until": T0 + timedelta(seconds=90)}),
        (facts.Undecided, {"reason": "HTTP 410"}),
    ],
)
def test_a_look_that_fails_leaves_it_in_doubt(end: type[facts.TurnEnd], given: dict[str, Any]) -> None:
    world = doubtful()
    world.begin()
    world.end(end, **given)
    assert isinstance(world.told[-1], DispatchInDoubt)
    assert world.generation().phase == "in_doubt"


def test_a_cancelled_order_raises_the_submission_and_a_new_attempt_goes_under_the_new_external_id() -> None:
    world = doubtful()
    world.begin()
    world.end(facts.Gone, submission=1)
    plan = world.begin()
    assert plan is not None
    assert (plan.submission, plan.create) == (2, True)
    assert plan.order.external_id == external_id(ORDER, 2)
    assert world.words() == ["Started", "InDoubt", "Started"]


def test_the_submission_never_falls() -> None:
    world = started()
    world.end(facts.Gone, submission=4)
    world.begin()
    world.end(facts.Gone, submission=2)
    assert world.ledger.submission == 5


def test_in_doubt_and_withdrawn_a_draft_that_is_deleted_ends_it() -> None:
    world = doubtful()
    world.hear(withdraw())
    world.begin()
    world.end(facts.Gone, submission=1)
    assert world.told[-1] == DispatchWithdrawn(order_id=ORDER, generation=1)
    assert world.ledger.submission == 2


def test_in_doubt_and_withdrawn_takes_two_absences() -> None:
    world = doubtful(absent=True)
    world.hear(withdraw())
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    assert isinstance(world.told[-1], DispatchInDoubt)
    world.later(61)
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    assert world.told[-1] == DispatchWithdrawn(order_id=ORDER, generation=1)


@pytest.mark.parametrize("end", [facts.TurnedDown, facts.NotNow])
def test_withdrawn_while_sending_it_ends_with_the_attempt_where_no_draft_is_left(end: type[facts.TurnEnd]) -> None:
    world = started()
    world.hear(withdraw())
    world.end(end, **(DOWN if end is facts.TurnedDown else {"code": "unreachable"}))
    assert world.told[-1] == DispatchWithdrawn(order_id=ORDER, generation=1)


@pytest.mark.parametrize("end", [facts.TurnedDown, facts.NotNow])
def test_withdrawn_while_sending_a_draft_that_is_left_is_deleted_first(end: type[facts.TurnEnd]) -> None:
    world = started()
    world.hear(withdraw())
    world.end(end, draft="13", **(DOWN if end is facts.TurnedDown else {"code": "not_ready"}))
    assert world.words() == ["Started"]
    plan = world.begin()
    assert plan is not None
    assert plan.remove
    world.end(facts.Gone, submission=1)
    assert world.words() == ["Started", "Withdrawn"]


def test_a_persons_not_accepted_ends_with_the_look_that_finds_nothing() -> None:
    world = doubtful()
    world.hear(settle(False))
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    assert world.told[-1] == DispatchWithdrawn(order_id=ORDER, generation=1, by="settle")


@pytest.mark.parametrize("accepted", [True, False])
def test_a_look_that_finds_it_wins_over_whatever_a_person_said(accepted: bool) -> None:
    world = doubtful()
    world.hear(settle(accepted, "77" if accepted else None))
    world.begin()
    world.taken()
    assert isinstance(world.told[-1], DispatchAccepted)


def test_an_order_that_a_person_named_and_nobody_finds_stays_in_doubt_and_is_never_created_again() -> None:
    world = doubtful(absent=True)
    world.hear(settle(True, "77"))
    for _ in range(5):
        world.wait_for_turn()
        world.later(61)
        plan = world.begin()
        assert plan is not None
        assert not plan.create
        world.end(facts.Missing, as_of=world.now)
    event = world.told[-1]
    assert isinstance(event, DispatchInDoubt)
    assert "77" in event.reason
    world.hear(settle(False))
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    assert isinstance(world.told[-1], DispatchWithdrawn)


def test_a_turn_that_lost_its_lease_may_only_bring_an_acceptance() -> None:
    world = started()
    whose: dict[str, Any] = {"order_id": ORDER, "vendor_id": VENDOR, "generation": 1, "turn": 1}
    world.later(LEASE.total_seconds() + 1)
    world.begin()
    assert isinstance(world.fact(facts.TurnedDown.model_validate({**whose, **DOWN})), Ignored)
    late = facts.Taken(
        **whose, by_generation=1, vendor_order_id="13", external_id=external_id(ORDER, 1), submission=1, items={ITEM: 2}
    )
    assert isinstance(world.fact(late), Applied)
    assert isinstance(world.told[-1], DispatchAccepted)
    assert isinstance(world.fact(late), Ignored)


def test_an_acceptance_that_is_seen_late_counts_even_after_a_withdrawal() -> None:
    world = doubtful(absent=True)
    whose: dict[str, Any] = {"order_id": ORDER, "vendor_id": VENDOR, "generation": 1, "turn": 1}
    world.hear(settle(False))
    world.begin()
    world.end(facts.Missing, as_of=world.now)
    late = facts.Taken(
        **whose, by_generation=1, vendor_order_id="13", external_id=external_id(ORDER, 1), submission=1, items={ITEM: 2}
    )
    world.fact(late)
    assert world.words()[-2:] == ["Withdrawn", "Accepted"]
