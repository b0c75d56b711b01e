"""Every situation of an order × every command and fact. The expectations are written by hand from the design's tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from platen_contracts import orders, render, sync
from platen_contracts.common import Actor, ArtworkRef
from platen_messaging.outcome import Applied, Ignored, Refused
from platen_orders.handlers import COMMANDS, FACTS

from . import world as w
from .world import ANN, ORDER, World

SITUATIONS: dict[str, Callable[[], World]] = {
    "New": w.new,
    "Ready": w.ready,
    "queued": w.queued,
    "sending": w.sending,
    "in doubt": w.doubtful,
    "Sent": w.sent,
    "Fulfilled": w.fulfilled,
    "Failed": w.failed,
    "Archived": w.archived,
}


def _item(world: World) -> str:
    return next(iter(world.order().items))


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
        "Erase": lambda: orders.Erase(**common),
        "RecordHandOver": lambda: orders.RecordHandOver(**common),
        "RecordParcel": lambda: orders.RecordParcel(**common, parcel="p", units={item: 1}),
    }
    return commands[name]()


def _fact(name: str, world: World) -> Any:
    item = _item(world)
    answer = {
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
    }
    return facts[name]()


# One row per command, one column per situation: the refusal code, or "ok" where it is applied.
_COMMANDS = """
                New                Ready              queued             sending            in-doubt           Sent               Fulfilled          Failed             Archived
Personalise     ok                 ok                 sending            sending            sending            wrong_status       wrong_status       ok                 archived
SetArtwork      not_available_yet  not_available_yet  sending            sending            sending            wrong_status       wrong_status       not_available_yet  archived
SplitLine       not_available_yet  not_available_yet  sending            sending            sending            wrong_status       wrong_status       wrong_status       archived
SplitOff        not_available_yet  not_available_yet  sending            sending            sending            wrong_status       wrong_status       wrong_status       archived
IgnoreItem      not_available_yet  not_available_yet  sending            sending            sending            wrong_status       wrong_status       not_available_yet  archived
RestoreItem     not_available_yet  not_available_yet  sending            sending            sending            wrong_status       wrong_status       not_available_yet  archived
Render          ok                 ok                 sending            sending            sending            wrong_status       wrong_status       ok                 archived
EditShipping    ok                 ok                 sending            sending            sending            wrong_status       wrong_status       ok                 archived
Send            wrong_status       ok                 sending            sending            sending            wrong_status       wrong_status       wrong_status       archived
Retry           wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       ok                 archived
StopSending     not_sending        not_sending        ok                 ok                 ok                 not_sending        not_sending        not_sending        not_sending
Settle          not_in_doubt       not_in_doubt       not_in_doubt       not_in_doubt       ok                 not_in_doubt       not_in_doubt       not_in_doubt       not_in_doubt
Archive         ok                 ok                 sending            sending            sending            wrong_status       wrong_status       ok                 archived
Unarchive       wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       wrong_status       ok
Erase           not_available_yet  not_available_yet  not_available_yet  not_available_yet  not_available_yet  not_available_yet  not_available_yet  not_available_yet  not_available_yet
RecordHandOver  integrated_vendor  integrated_vendor  integrated_vendor  integrated_vendor  integrated_vendor  wrong_status       wrong_status       wrong_status       archived
RecordParcel    integrated_vendor  integrated_vendor  integrated_vendor  integrated_vendor  integrated_vendor  wrong_status       wrong_status       wrong_status       archived
"""  # noqa: E501

# The status after the fact; `=` where it is applied and the status stays, `-` where it is ignored.
_FACTS = """
                    New        Ready      queued     sending    in-doubt   Sent       Fulfilled  Failed     Archived
RenderFinished      Ready      =          =          =          =          =          =          =          =
RenderFailed        =          -          -          -          -          -          -          -          -
RenderSkipped       -          -          -          -          -          -          -          -          -
FileCollected       -          New        =          =          =          =          =          =          =
DispatchStarted     -          -          =          =          =          -          -          -          -
DispatchDelayed     -          -          =          =          =          -          -          -          -
DispatchInDoubt     -          -          =          =          =          -          -          -          -
DispatchWithdrawn   -          -          =          =          =          -          -          -          -
DispatchRefused     -          -          Failed     Failed     Failed     -          -          -          -
DispatchAccepted    Sent       Sent       Sent       Sent       Sent       =          =          Sent       =
ShipmentUpdated     Fulfilled  Fulfilled  Fulfilled  Fulfilled  Fulfilled  Fulfilled  =          Fulfilled  =
VendorOrderChanged  Failed     Failed     Failed     Failed     Failed     Failed     =          =          =
TrackingPosted      -          -          -          -          -          -          =          -          -
TrackingNotPosted   =          =          =          =          =          =          =          =          =
ShopOrderObserved   Archived   Archived   =          =          =          =          =          Archived   =
Artwork             -          -          -          -          -          -          -          -          -
"""

_STATUS = {"New": "New", "Ready": "Ready to send", "Sent": "Sent", "Fulfilled": "Fulfilled", "Failed": "Failed to send"}


def _cases(table: str) -> list[tuple[str, str, str]]:
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return [
        (message, situation.replace("-", " "), expected)
        for message, *cells in rows
        for situation, expected in zip(head, cells, strict=True)
    ]


COMMAND_CASES = _cases(_COMMANDS)
FACT_CASES = _cases(_FACTS)


def test_the_tables_leave_no_message_and_no_situation_out() -> None:
    commands = {message.__name__ for message in COMMANDS.types.values()}
    facts = {message.__name__ for message in FACTS.types.values()}
    assert {case[0] for case in COMMAND_CASES} == commands
    assert {case[0] for case in FACT_CASES} == facts
    assert {case[1] for case in COMMAND_CASES} == {case[1] for case in FACT_CASES} == set(SITUATIONS)
    assert len(COMMAND_CASES) == 17 * 9
    assert len(FACT_CASES) == 16 * 9


@pytest.mark.parametrize(("name", "situation", "expected"), COMMAND_CASES)
def test_a_command_is_applied_or_refused_with_the_code_of_the_table(name: str, situation: str, expected: str) -> None:
    world = SITUATIONS[situation]()
    before = world.order()
    outcome = world.ask(_command(name, world))
    if expected == "ok":
        assert isinstance(outcome, Applied), outcome
        assert world.order().version > before.version
        assert isinstance(world.reply(), orders.CommandApplied)
    else:
        assert isinstance(outcome, Refused)
        assert outcome.code == expected
        assert world.order() == before
        assert world.reply().code == expected
        assert world.reply().reason


@pytest.mark.parametrize(("name", "situation", "expected"), FACT_CASES)
def test_a_fact_is_applied_in_any_status_or_ignored_as_known_or_older(name: str, situation: str, expected: str) -> None:
    world = SITUATIONS[situation]()
    before = world.order().status
    outcome = world.tell(_fact(name, world))
    assert isinstance(outcome, Ignored if expected == "-" else Applied), outcome
    assert world.order().status == (before if expected in "=-" else _STATUS.get(expected, expected))


@pytest.mark.parametrize("command", ["Send", "Retry", "EditShipping", "StopSending", "Settle"])
def test_an_order_of_a_custom_vendor_is_never_sent(command: str) -> None:
    world = w.ready(custom=True)
    outcome = world.ask(_command(command, world))
    assert isinstance(outcome, Refused)
    assert outcome.code == ("wrong_status" if command == "Retry" else "custom_vendor")
    assert world.snapshot()["actions"]["send"] == "custom_vendor"


def test_a_command_on_an_order_that_nobody_made_is_refused() -> None:
    world = World()
    outcome = world.ask(orders.Archive(order_id="0" * 32, actor=Actor(kind="operator")))
    assert isinstance(outcome, Refused)
    assert outcome.code == "unknown_order"
    assert world.reply().version == 0
