"""Every situation of an order × every command and fact. The expectations are written by hand from the design's tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from platen_contracts import orders, render, sync
from platen_contracts.common import Actor, ArtworkRef
from platen_messaging.outcome import Applied, Ignored, Refused
from platen_orders.handlers import COMMANDS, FACTS

from . import world as w
from .world import ADA, ANN, ORDER, World

SITUATIONS: dict[str, Callable[..., World]] = {
    "New": w.new,
    "Ready": w.ready,
    "queued": w.queued,
    "sending": w.sending,
    "in-doubt": w.doubtful,
    "Sent": w.sent,
    "Fulfilled": w.fulfilled,
    "Failed": w.failed,
    "retried": w.retried,
    "Archived": w.archived,
    "c-New": w.of_a_custom_vendor(w.new),
    "c-Ready": w.of_a_custom_vendor(w.ready),
    "c-Archived": w.of_a_custom_vendor(w.archived),
    "erased": w.erased,
    "scheduled": w.scheduled,
}
"""`c-`: of a custom vendor. `retried`: Failed to send, and the retry is queued. `erased`: it was Ready, and is New now."""

STATUSES = {
    "New": "New",
    "Ready": "Ready to send",
    "Sent": "Sent",
    "Fulfilled": "Fulfilled",
    "Failed": "Failed to send",
    "Archived": "Archived",
}

OF_ITEMS = {"Personalise", "SetArtwork", "SplitLine", "IgnoreItem", "RestoreItem"}
"""Their place in the snapshot is the item."""


def _item(world: World) -> str:
    return next(iter(world.order().items))


def _world(name: str, situation: str) -> World:
    """The situation, with what this command needs: a second line to stay, an item to restore, a newer artwork to take."""
    lines = (w.a_line("1"), w.a_line("2")) if name in ("SplitOff", "IgnoreItem", "RestoreItem") else ()
    world = SITUATIONS[situation](*lines)
    if name == "RestoreItem":
        world.ask(orders.IgnoreItem(order_id=ORDER, actor=ANN, item_id=_item(world)))
    if name == "SetArtwork":
        world.tell(w.MUG.model_copy(update={"version": 2}))
    return world


def _command(name: str, world: World) -> Any:
    item, version = _item(world), world.order().version
    common: dict[str, Any] = {"order_id": ORDER, "actor": ANN}
    commands: dict[str, Any] = {
        "Personalise": lambda: orders.Personalise(**common, item_id=item, answers={"name": "Åsa"}),
        "SetArtwork": lambda: orders.SetArtwork(**common, item_id=item, artwork=ArtworkRef(artwork_id="mug", version=2)),
        "SplitLine": lambda: orders.SplitLine(**common, item_id=item, quantities=[1, 1]),
        "SplitOff": lambda: orders.SplitOff(**common, item_ids=[item]),
        "IgnoreItem": lambda: orders.IgnoreItem(**common, item_id=item),
        "RestoreItem": lambda: orders.RestoreItem(**common, item_id=item),
        "Render": lambda: orders.Render(**common, item_ids=[item], again=True),
        "EditShipping": lambda: orders.EditShipping(**common, recipient=w.BERLIN.model_copy(update={"line1": "Nebenstraße 2"})),
        "Send": lambda: orders.Send(**common, expected_version=version),
        "Retry": lambda: orders.Retry(**common, expected_version=version),
        "StopSending": lambda: orders.StopSending(**common),
        "Settle": lambda: orders.Settle(**common, accepted=False, reason="looked at the vendor's site"),
        "Archive": lambda: orders.Archive(**common),
        "Unarchive": lambda: orders.Unarchive(**common),
        "Erase": lambda: orders.Erase(order_id=ORDER, actor=ADA),
        "RecordHandOver": lambda: orders.RecordHandOver(**common),
        "RecordParcel": lambda: orders.RecordParcel(**common, parcel="p", units={item: 1}),
    }
    return commands[name]()


def _fact(name: str, world: World) -> Any:
    item = _item(world)
    answer: dict[str, Any] = {
        "request_id": "b" * 32,
        "order_id": ORDER,
        "item_id": item,
        "side": "front",
        "input_hash": world.order().items[item].sides["front"].wanted,
    }
    facts: dict[str, Callable[[], Any]] = {
        "RenderFinished": lambda: w.rendered(
            render.RenderRequested(
                **answer,
                shop_id="mugs",
                artwork=ArtworkRef(artwork_id="mug", version=1),
                profile=w.a_line().link.profile,  # type: ignore[union-attr]
            ),
            "c",
        ),
        "RenderFailed": lambda: render.RenderFailed(**answer, code="text_does_not_fit", remedy="Shorten the name."),
        "RenderSkipped": lambda: render.RenderSkipped(**answer, newer_request_id="d" * 32),
        "FileCollected": lambda: render.FileCollected(order_id=ORDER, item_id=item, side="front", sha256=w.a_sha()),
        "DispatchStarted": lambda: w.started(attempt=2),
        "DispatchDelayed": lambda: w.delayed(attempt=2),
        "DispatchInDoubt": lambda: w.in_doubt(attempt=2),
        "DispatchWithdrawn": w.withdrawn,
        "DispatchRefused": w.refused,
        "DispatchAccepted": lambda: w.accepted(vendor_order_id="78"),
        "ShipmentUpdated": lambda: w.shipped({item: 2}, parcel="p2"),
        "VendorOrderChanged": lambda: w.vendor_said("cancelled", ended=True),
        "TrackingPosted": lambda: sync.TrackingPosted(order_id=ORDER, parcel="p1", at=w.NOON),
        "TrackingNotPosted": lambda: sync.TrackingNotPosted(order_id=ORDER, parcel="p1", code="no_plugin", remedy="Install it."),
        "ShopOrderObserved": lambda: w.a_shop_order(read=500, cancelled=True),
        "Artwork": lambda: w.MUG,
        "Shop": lambda: w.a_shop(import_missing_artwork=True),
    }
    return facts[name]()


def _cases(title: str) -> list[tuple[str, str, str]]:
    """The cells of one table of `table.txt`: (command or fact, situation, expectation)."""
    text = (Path(__file__).parent / "table.txt").read_text(encoding="utf-8")
    lines = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    head, *rows = [line.split() for line in lines if line.strip()]
    return [(message, situation, cell) for message, *cells in rows for situation, cell in zip(head, cells, strict=True)]


COMMAND_CASES = _cases("Commands")
FACT_CASES = _cases("Facts")
VIEW_CASES = _cases("Views")


def test_the_tables_leave_no_message_and_no_situation_out() -> None:
    commands = {message.__name__ for message in COMMANDS.types.values()}
    facts = {message.__name__ for message in FACTS.types.values()}
    assert {case[0] for case in COMMAND_CASES} == commands
    assert {case[0] for case in FACT_CASES} == facts
    for cases in (COMMAND_CASES, FACT_CASES, VIEW_CASES):
        assert {case[1] for case in cases} == set(SITUATIONS)
    assert len(COMMAND_CASES) == 17 * 15
    assert len(FACT_CASES) == 17 * 15
    assert len(VIEW_CASES) == 2 * 15


@pytest.mark.parametrize(("name", "situation", "expected"), COMMAND_CASES)
def test_a_command_is_applied_or_refused_with_the_code_of_the_table(name: str, situation: str, expected: str) -> None:
    world = _world(name, situation)
    before, seen = world.states.copy(), world.order().status
    outcome = world.ask(_command(name, world))
    if expected == "-":
        assert isinstance(outcome, Ignored), outcome
        assert isinstance(world.reply(), orders.CommandIgnored)
    elif expected == "=" or expected in STATUSES:
        assert isinstance(outcome, Applied), outcome
        assert isinstance(world.reply(), orders.CommandApplied)
        assert world.order().status == STATUSES.get(expected, seen)
    else:
        assert isinstance(outcome, Refused), outcome
        assert outcome.code == world.reply().code == expected
        assert world.reply().reason
        assert world.states == before


@pytest.mark.parametrize(("name", "situation", "expected"), COMMAND_CASES)
def test_the_snapshot_offers_what_the_table_says(name: str, situation: str, expected: str) -> None:
    world = _world(name, situation)
    action = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")
    place = world.snapshot()["items"][_item(world)] if name in OF_ITEMS else world.snapshot()
    assert place["actions"][action] == ("allowed" if expected in {"-", "=", *STATUSES} else expected)


@pytest.mark.parametrize(("action", "situation", "expected"), VIEW_CASES)
def test_the_snapshot_says_what_can_be_looked_at(action: str, situation: str, expected: str) -> None:
    assert SITUATIONS[situation]().snapshot()["actions"][action] == expected


@pytest.mark.parametrize(("name", "situation", "expected"), FACT_CASES)
def test_a_fact_is_applied_in_any_status_or_ignored_as_known_or_older(name: str, situation: str, expected: str) -> None:
    world = SITUATIONS[situation]()
    before = world.order().status
    outcome = world.tell(_fact(name, world))
    assert isinstance(outcome, Ignored if expected == "-" else Applied), outcome
    assert world.order().status == STATUSES.get(expected, before)


def test_a_command_on_an_order_that_nobody_made_is_refused() -> None:
    world = World()
    outcome = world.ask(orders.Archive(order_id="0" * 32, actor=Actor(kind="operator")))
    assert isinstance(outcome, Refused)
    assert outcome.code == "unknown_order"
    assert world.reply().version == 0
