"""Facts come in any order, with an archive in between, and over restarts: what is known in the end is the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts import dispatch, orders, render, sync, tracking
from platen_contracts.message import Message
from platen_contracts.subscribing import fold
from platen_orders.model import Held, Order, ShopOrder

from tests.examples import examples

from . import world as w
from .world import ANN, BERLIN, NOON, ORDER, World

ADDRESSES = [BERLIN.model_copy(update={"line1": f"Nebenstraße {n}"}) for n in range(3)]
"""The first is the operator's: a look that agreed with her, and came too late to be heard, would make a difference."""


class Told(NamedTuple):
    """A fact, and when its service said it: `at` seconds after noon, however late it comes."""

    fact: Message
    at: int


def _items() -> list[str]:
    return list(w.queued(w.a_line("1"), w.a_line("2")).order().items)


ITEMS = _items()


@st.composite
def _runs(draw: st.DrawFn) -> list[Told]:
    """What may become of a queued order of two items whose first was asked to be drawn again: one story, as it happened."""
    told = _sending(draw)
    if {type(it.fact) for it in told} >= {dispatch.DispatchWithdrawn, dispatch.DispatchRefused}:
        return told  # in between the order may become New, and the table knows no edge from there to Failed (tested apart)
    told += [*_shop(draw), *_drawing(draw)]
    if any(it.fact.TYPE.endswith("DispatchAccepted.v1") for it in told):
        parcels = _parcels(draw)
        told += [*parcels, *_vendor(draw, ended=not parcels)]
    return told


def _sending(draw: st.DrawFn) -> list[Told]:
    words = [w.started(1), w.delayed(1), w.started(2), w.in_doubt(2), w.in_doubt(2).model_copy(update={"reason": "looked"})]
    kept = [Told(word, 100 + n) for n, word in enumerate(words) if draw(st.booleans())]
    ends = draw(st.sampled_from([[], [w.accepted()], [w.refused()], [w.withdrawn()], [w.withdrawn(), w.refused()]]))
    differs = {"differs": ["items"] if draw(st.booleans()) else []}
    ends = [end.model_copy(update=differs) if isinstance(end, dispatch.DispatchAccepted) else end for end in ends]
    return [*kept, *(Told(end, 200 + n) for n, end in enumerate(ends))]


def _parcels(draw: st.DrawFn) -> list[Told]:
    told: list[Told] = []
    both = dict.fromkeys(ITEMS, 1)
    for name, units in draw(st.sampled_from([{}, {"p1": {ITEMS[0]: 2}}, {"p1": both, "p2": both}])).items():
        looks = draw(st.integers(1, 3))
        for look in range(looks):
            parcel = tracking.Parcel(
                carrier="DHL" if look else None,
                tracking_number=f"T{look // 2}" if look else None,
                shipped_at=NOON if look == 2 else None,
                units=units,
            )
            told.append(Told(w.shipped({}, read=300 + look).model_copy(update={"parcels": {name: parcel}}), 300 + look))
        for at in draw(st.lists(st.sampled_from([350, 360, 370]), max_size=2, unique=True)):
            posted = draw(st.booleans())
            told.append(
                Told(sync.TrackingPosted(order_id=ORDER, parcel=name, at=NOON), at)
                if posted
                else Told(sync.TrackingNotPosted(order_id=ORDER, parcel=name, code="no_plugin", remedy=f"Install {at}."), at)
            )
    return told


def _vendor(draw: st.DrawFn, *, ended: bool) -> list[Told]:
    """An order that the vendor ended is ours again, and so takes changes: that it ends is the last of it."""
    words = draw(st.lists(st.sampled_from(["in_production", "on_hold"]), max_size=3))
    words += ["failed"] if ended and draw(st.booleans()) else []
    return [Told(w.vendor_said(word, read=400 + n, ended=word == "failed"), 400 + n) for n, word in enumerate(words)]


def _shop(draw: st.DrawFn) -> list[Told]:
    told: list[Told] = []
    goes = draw(st.booleans())  # the second line; what an older look said of it is then of no use to anybody
    for read in draw(st.lists(st.sampled_from([500, 600, 700]), max_size=3, unique=True)):
        answers = {"name": draw(st.sampled_from(["Zoë", "Åsa", "Bo"]))}
        lines = [w.a_line("1", answers=answers), w.a_line("2", quantity=2 if goes else draw(st.integers(1, 3)))]
        looked = w.a_shop_order(
            *lines[: draw(st.integers(1, 2)) if goes else 2],
            read=read,
            recipient=draw(st.sampled_from([BERLIN, *ADDRESSES[1:]])),
            buyer_note=draw(st.sampled_from([None, "a gift"])),
        )
        told.append(Told(looked, read))
    if draw(st.integers(0, 4)) == 0:
        told.append(Told(w.a_shop_order(w.a_line("1"), w.a_line("2"), read=800, cancelled=True), 800))
    return told


def _drawing(draw: st.DrawFn) -> list[Told]:
    """Only of the item that no look at the shop changes."""
    again = _begun().on("render.requests")[-1]
    named = again.model_dump(include={"request_id", "order_id", "item_id", "side", "input_hash"})
    failed = render.RenderFailed(**named, code="worker_died", remedy="Render again.")
    collected = render.FileCollected(order_id=ORDER, item_id=ITEMS[1], side="front", sha256=w.a_sha("b"))
    return draw(
        st.sampled_from(
            [
                [],
                [Told(w.rendered(again, "b"), 900)],
                [Told(failed, 900)],
                [Told(failed, 900), Told(w.rendered(again, "b"), 910)],
                [Told(w.rendered(again, "b"), 900), Told(collected, 920)],
            ]
        )
    )


def _begun(*, edited: bool = False) -> World:
    """Ready, its second item asked for again, perhaps edited by an operator, then queued."""
    world = w.ready(w.a_line("1"), w.a_line("2"))
    if edited:
        world.ask(orders.EditShipping(order_id=ORDER, actor=ANN, recipient=ADDRESSES[0]))
    world.ask(orders.Render(order_id=ORDER, actor=ANN, item_ids=[ITEMS[1]], again=True))
    return world


def _queued(*, edited: bool) -> World:
    world = _begun(edited=edited)
    world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    assert world.order().in_flight
    return world


def _tell(world: World, told: Sequence[Told]) -> None:
    for it in told:
        world.tell(it.fact, at=NOON + timedelta(seconds=it.at))


def _restart(world: World) -> None:
    """All that a new process knows is what was saved."""
    for key, entry in world.states.items():
        if isinstance(entry, Held):
            order = msgspec.json.decode(msgspec.json.encode(entry.order), type=Order)
            world.states[key] = Held(order, json.loads(json.dumps(entry.public)))
        elif isinstance(entry, ShopOrder):
            world.states[key] = msgspec.json.decode(msgspec.json.encode(entry), type=ShopOrder)


def _unarchive(world: World) -> None:
    world.ask(orders.Unarchive(order_id=ORDER, actor=ANN))


_TIMES = {"version", "edited_version", "since", "status_since"}


def _but_for_versions_and_times(picture: Any) -> Any:
    if isinstance(picture, dict):
        return {name: _but_for_versions_and_times(value) for name, value in picture.items() if name not in _TIMES}
    return picture


def _end(world: World) -> Any:
    history = [event for event in world.on("orders.history") if event.order_id == ORDER]
    assert fold(history) == world.snapshot()
    return _but_for_versions_and_times(world.snapshot())


@examples(300)
@given(st.data(), st.booleans())
def test_any_permutation_of_a_runs_facts_ends_in_the_same_snapshot(data: st.DataObject, edited: bool) -> None:
    run = data.draw(_runs())
    straight, shuffled = _queued(edited=edited), _queued(edited=edited)
    _tell(straight, run)
    _tell(shuffled, data.draw(st.permutations(run)))
    for world in (straight, shuffled):
        if world.order().archived_from is not None:  # by the shop, at some moment; what came after it was only noted
            _unarchive(world)
    assert _end(shuffled) == _end(straight)


@examples(150)
@given(st.data())
def test_an_archive_at_any_moment_and_restarts_change_nothing_in_the_end(data: st.DataObject) -> None:
    run = [it for it in data.draw(_runs()) if not getattr(it.fact, "cancelled", False)]
    straight, archived = _queued(edited=False), _queued(edited=False)
    _tell(straight, run)
    for it in run:
        step = data.draw(st.sampled_from(["", "archive", "unarchive", "restart"]))
        if step == "archive":
            archived.ask(orders.Archive(order_id=ORDER, actor=ANN))
        elif step == "unarchive":
            _unarchive(archived)
        elif step == "restart":
            _restart(archived)
        _tell(archived, [it])
    _unarchive(archived)
    assert _end(archived) == _end(straight)
