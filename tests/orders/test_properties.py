"""Whatever happens in whatever order: the promises hold after every step (I3, I4, I6, I8)."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from platen_contracts.orders import OrderSnapshot
from platen_contracts.status import OrderStatus
from platen_contracts.subscribing import fold
from platen_messaging.outcome import Applied
from platen_orders.transitions import EDGES

from tests.examples import examples

from .test_table import COMMAND_CASES, FACT_CASES, _command, _fact
from .world import ORDER, World, new, ready, rendered

COMMANDS = sorted({case[0] for case in COMMAND_CASES})
FACTS = sorted({case[0] for case in FACT_CASES})
STEPS = st.lists(st.sampled_from([*COMMANDS, *FACTS, "answer"]), max_size=30)


def _step(world: World, name: str) -> None:
    if name == "answer":
        for request in world.on("render.requests"):
            world.tell(rendered(request))
    elif name in COMMANDS:
        world.ask(_command(name, world))
    else:
        world.tell(_fact(name, world))


def _history(world: World) -> list[Any]:
    return [event for event in world.on("orders.history") if event.order_id == ORDER]


@examples(150)
@given(STEPS)
def test_only_edges_of_the_table_happen_and_history_folds_to_the_snapshot(steps: list[str]) -> None:
    world = new()
    for name in steps:
        applied_before = len([it for it in world.told if isinstance(it, Applied)])
        versions_before = world.order().version
        _step(world, name)
        history = _history(world)
        assert [event.version for event in history] == list(range(1, world.order().version + 1))
        for event in history:
            if event.from_status not in (None, event.to_status):
                assert event.to_status in EDGES[event.from_status]
        assert fold(history) == world.snapshot()
        OrderSnapshot.model_validate(world.snapshot())
        if len([it for it in world.told if isinstance(it, Applied)]) == applied_before:
            assert world.order().version == versions_before


@given(STEPS)
def test_a_snapshot_holds_no_nulls_and_no_lists(steps: list[str]) -> None:
    world = ready()
    for name in steps:
        _step(world, name)
    assert not _nulls_and_lists(json.loads(json.dumps(world.snapshot())))


@given(STEPS, st.lists(st.sampled_from(FACTS), max_size=10))
def test_archive_is_an_overlay(before: list[str], meanwhile: list[str]) -> None:
    world = new()
    for name in before:
        _step(world, name)
    status = world.order().status
    world.ask(_command("Archive", world))
    if world.order().status != OrderStatus.ARCHIVED or status == OrderStatus.ARCHIVED:
        return
    for name in meanwhile:
        _step(world, name)
        assert world.order().status == OrderStatus.ARCHIVED
    seen = world.order().version
    world.ask(_command("Unarchive", world))
    returned = _history(world)[seen]
    assert (returned.from_status, returned.to_status) == (OrderStatus.ARCHIVED, status)


def _nulls_and_lists(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_nulls_and_lists(inner) for inner in value.values())
    return value is None or isinstance(value, list)
