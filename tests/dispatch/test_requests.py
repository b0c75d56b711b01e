"""What orders asks, against every phase a generation may be in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from platen_contracts.dispatch import DispatchAccepted, DispatchRefused, DispatchStarted, DispatchWithdrawn
from platen_contracts.message import Message
from platen_dispatch.decide import facts
from platen_messaging.outcome import Applied, Ignored

from .asked import ORDER, T0, VENDOR, requested, settle, vendor, withdraw
from .world import World


def waiting(world: World) -> None:
    world.hear(requested())


def sending(world: World) -> None:
    waiting(world)
    world.begin()


def delayed(world: World) -> None:
    sending(world)
    world.end(facts.NotNow, code="unreachable")


def with_a_draft(world: World) -> None:
    sending(world)
    world.end(facts.NotNow, code="not_ready", draft="13")


def in_doubt(world: World) -> None:
    sending(world)
    world.end(facts.Lost, reason="ReadTimeout", at=world.now)


def accepted(world: World) -> None:
    sending(world)
    world.taken()


def refused(world: World) -> None:
    sending(world)
    world.end(facts.TurnedDown, code="vendor.address", field="recipient.postcode", remedy="Correct it.", words="bad zip")


def withdrawn(world: World) -> None:
    waiting(world)
    world.hear(withdraw())


Arrange = Callable[[World], None]
OPEN: list[Arrange] = [waiting, sending, delayed, with_a_draft, in_doubt]
ENDED: list[Arrange] = [accepted, refused, withdrawn]


def test_a_request_waits_for_a_worker_and_says_nothing_yet() -> None:
    world = World()
    assert isinstance(world.hear(requested()), Applied)
    assert (world.generation().phase, world.ledger.due, world.told) == ("waiting", T0, [])


def test_an_attempt_is_told_with_its_submission_and_external_id_before_anything_is_sent() -> None:
    world = World()
    world.hear(requested())
    plan = world.begin()
    assert plan is not None
    (started,) = world.told
    assert isinstance(started, DispatchStarted)
    assert (started.attempt, started.submission, started.external_id) == (1, 1, plan.order.external_id)
    assert world.ledger.lease == "1.1"


@pytest.mark.parametrize("arrange", OPEN)
def test_a_request_that_is_under_way_is_ignored_under_any_message_id(arrange: Arrange) -> None:
    world = World()
    arrange(world)
    before, told = world.ledger, len(world.told)
    assert isinstance(world.hear(requested()), Ignored)
    assert (world.ledger, len(world.told)) == (before, told)


@pytest.mark.parametrize("ask", [requested, withdraw, lambda: settle(True, "13"), lambda: settle(False)])
@pytest.mark.parametrize("arrange", ENDED)
def test_whatever_is_asked_of_an_ended_generation_it_is_answered_again(arrange: Arrange, ask: Callable[[], Message]) -> None:
    world = World()
    arrange(world)
    last = world.told[-1]
    assert isinstance(world.hear(ask()), Ignored)
    assert world.told[-1] == last
    assert world.told.count(last) == 2


def test_an_older_generation_than_the_one_known_is_ignored() -> None:
    world = World()
    world.hear(requested(2))
    for older in (requested(1), withdraw(1), settle(False)):
        assert isinstance(world.hear(older), Ignored)
    assert world.told == []


def test_an_older_generation_that_has_ended_is_answered_again() -> None:
    world = World()
    world.hear(requested(1))
    world.hear(withdraw(1))
    world.hear(requested(2))
    before = list(world.told)
    assert isinstance(world.hear(requested(1)), Ignored)
    assert world.told == [*before, before[0]]
    assert world.generation(2).wish == "send"


def test_the_request_stays_frozen_as_it_was_asked_first() -> None:
    world = World()
    world.hear(requested(city="London"))
    world.hear(requested(city="Paris"))
    assert world.generation().asked.recipient.city == "London"


@pytest.mark.parametrize("arrange", [waiting, delayed])
def test_withdrawn_at_once_while_nothing_of_it_is_at_the_vendor(arrange: Arrange) -> None:
    world = World()
    arrange(world)
    world.hear(withdraw())
    assert world.told[-1] == DispatchWithdrawn(order_id=ORDER, generation=1)
    assert world.begin() is None


@pytest.mark.parametrize("arrange", [sending, with_a_draft, in_doubt])
def test_withdrawing_what_may_be_at_the_vendor_is_answered_only_by_a_look(arrange: Arrange) -> None:
    world = World()
    arrange(world)
    told = len(world.told)
    world.hear(withdraw())
    assert len(world.told) == told
    if world.ledger.lease is None:
        assert world.ledger.due == world.now
        plan = world.begin()
        assert plan is not None
        assert (plan.remove, plan.create, plan.look_first) == (True, False, True)


def test_too_late_to_withdraw_is_answered_accepted() -> None:
    world = World()
    sending(world)
    world.hear(withdraw())
    world.taken()
    assert isinstance(world.told[-1], DispatchAccepted)


def test_a_withdrawal_that_came_first_answers_its_request() -> None:
    world = World()
    world.hear(withdraw())
    assert world.told == []
    world.hear(requested())
    assert world.words() == ["Withdrawn"]
    assert world.begin() is None


def test_a_person_who_says_not_accepted_before_anything_was_sent_withdraws_it() -> None:
    world = World()
    waiting(world)
    world.hear(settle(False))
    assert world.told == [DispatchWithdrawn(order_id=ORDER, generation=1, by="settle")]


@pytest.mark.parametrize("accepted_by_a_person", [True, False])
def test_settling_makes_dispatch_look_once_more_at_once(accepted_by_a_person: bool) -> None:
    world = World()
    in_doubt(world)
    world.hear(settle(accepted_by_a_person, "77" if accepted_by_a_person else None))
    assert world.ledger.due == world.now
    plan = world.begin()
    assert plan is not None
    assert (plan.create, plan.remove, plan.named) == (False, not accepted_by_a_person, "77" if accepted_by_a_person else None)


def test_settling_during_a_turn_is_looked_at_as_soon_as_the_turn_ends() -> None:
    world = World()
    sending(world)
    world.hear(settle(True, "77"))
    world.end(facts.Lost, reason="ReadTimeout", at=world.now, absent_as_of=world.now)
    assert world.ledger.due == world.now


@pytest.mark.parametrize("arrange", [waiting, delayed])
def test_a_newer_generation_withdraws_an_older_one_that_is_not_sent(arrange: Arrange) -> None:
    world = World()
    arrange(world)
    world.hear(requested(2))
    assert world.told[-1] == DispatchWithdrawn(order_id=ORDER, generation=1)
    plan = world.begin()
    assert plan is not None
    assert plan.generation == 2
    assert plan.look_first


def test_a_newer_generation_waits_until_it_is_known_what_became_of_the_older_one() -> None:
    world = World()
    in_doubt(world)
    world.hear(requested(2))
    plan = world.begin()
    assert plan is not None
    assert (plan.generation, plan.remove) == (1, True)
    world.taken()
    assert world.ledger.due is not None
    plan = world.begin()
    assert plan is not None
    assert (plan.generation, plan.look_first, sorted(plan.older)) == (2, True, [1])


def test_a_request_of_an_unknown_vendor_waits_for_the_catalog() -> None:
    world = World()
    world.hear(requested(vendor_id="unheard"))
    assert world.begin() is None
    assert (world.generation().phase, world.told) == ("waiting", [])
    world.hear(vendor(vendor_id="unheard"))
    assert world.begin() is not None


@pytest.mark.parametrize(("kind", "code"), [("custom", "custom_vendor"), ("pigeon", "unknown_vendor_kind")])
def test_a_vendor_that_nobody_can_call_is_refused_with_a_remedy(kind: str, code: str) -> None:
    world = World(kind=kind)
    world.hear(requested())
    assert world.begin() is None
    (event,) = world.told
    assert isinstance(event, DispatchRefused)
    assert (event.code, event.field) == (code, "vendor_id")
    assert event.remedy
    assert world.generation().phase == "refused"


@pytest.mark.parametrize(
    ("generation", "age", "first"),
    [(1, timedelta(), False), (1, timedelta(minutes=11), True), (2, timedelta(), True)],
)
def test_retries_and_old_requests_are_looked_up_before_they_are_created(generation: int, age: timedelta, first: bool) -> None:
    world = World()
    world.hear(requested(generation), at=T0 - age)
    plan = world.begin()
    assert plan is not None
    assert (plan.look_first, plan.create) == (first, True)


def test_a_vendor_that_is_told_again_unchanged_is_ignored() -> None:
    assert isinstance(World().hear(vendor()), Ignored)
    assert isinstance(World().hear(vendor(url="http://127.0.0.1:1")), Applied)


def test_nobody_else_can_take_a_turn_that_is_taken() -> None:
    world = World()
    sending(world)
    before = world.ledger
    stolen = facts.TurnBegan(order_id=ORDER, vendor_id=VENDOR, generation=1, turn=1, lease_until=T0)
    assert isinstance(world.fact(stolen), Ignored)
    assert world.ledger == before
