"""An erased order leaves nothing personal in the ledger, once nothing is under way."""

from __future__ import annotations

import msgspec
import pytest
from platen_contracts.dispatch import DispatchAccepted, DispatchRefused
from platen_dispatch.decide import facts
from platen_messaging.outcome import Ignored

from .asked import ORDER, forget, requested, withdraw
from .test_requests import ENDED, OPEN, Arrange, in_doubt, refused
from .world import World

PERSONAL = ("Ada", "St James", "London", "SW1Y", "http://", "bad zip")


def _personal(world: World) -> list[str]:
    text = msgspec.json.encode(world.ledger).decode()
    return [word for word in PERSONAL if word in text]


@pytest.mark.parametrize("arrange", ENDED)
def test_what_has_ended_is_bare_at_once_and_is_answered_as_before(arrange: Arrange) -> None:
    world = World()
    arrange(world)
    assert _personal(world)
    answer = world.told[-1]
    world.hear(forget())
    assert _personal(world) == []
    world.hear(requested())
    assert world.told[-1].model_copy(update={"vendor_words": None}) == answer.model_copy(update={"vendor_words": None})
    assert _personal(world) == []


@pytest.mark.parametrize("arrange", OPEN)
def test_what_is_under_way_is_bare_once_it_has_ended(arrange: Arrange) -> None:
    world = World()
    arrange(world)
    world.hear(withdraw())
    world.hear(forget())
    if world.ledger.current is not None:
        assert _personal(world), "the vendor is still to be asked about it"
        if world.ledger.lease is None:
            world.wait_for_turn()
            world.begin()
        world.taken()
    assert world.ledger.current is None
    assert _personal(world) == []


def test_a_request_that_comes_after_it_was_to_be_forgotten_is_answered_and_forgotten() -> None:
    world = World()
    world.hear(forget())
    world.hear(requested())
    world.begin()
    world.taken()
    assert isinstance(world.told[-1], DispatchAccepted)
    assert _personal(world) == []


def test_a_doubt_is_still_looked_up_and_the_vendors_own_words_go_too() -> None:
    world = World()
    in_doubt(world)
    world.hear(forget())
    world.wait_for_turn()
    world.begin()
    world.end(facts.TurnedDown, code="vendor.address", field="recipient.postcode", remedy="Correct it.", words="bad zip")
    assert isinstance(world.told[-1], DispatchRefused)
    assert _personal(world) == []


def test_forgetting_twice_is_no_news() -> None:
    world = World()
    refused(world)
    world.hear(forget())
    assert isinstance(world.hear(forget()), Ignored)
    assert ORDER in world.states


def test_an_earlier_generation_is_kept_while_a_newer_one_is_under_way() -> None:
    world = World()
    refused(world)
    world.hear(requested(2))
    world.begin()
    world.hear(forget())
    assert world.generation(1).request is not None
    world.taken()
    assert _personal(world) == []
