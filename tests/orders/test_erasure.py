"""An erased order is marked, and holds no personal data, whatever arrives afterwards."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts import orders, render
from platen_contracts.dispatch import DispatchForgetRequested, DispatchWithdrawRequested
from platen_messaging.outcome import Ignored, Refused
from platen_orders.decide.change import published
from platen_orders.model import ShopOrder

from tests.examples import examples

from . import world as w
from .test_table import COMMAND_CASES, FACT_CASES, SITUATIONS, _command, _fact
from .world import ADA, ANN, BERLIN, NOON, ORDER, World

SECRETS = ("Zoë", "Hauptstra", "10115", "Müller", "TRACK-1", "http://files", "gate code", "their own words", "Åsa", "Nebenstra")
NAMES = sorted({case[0] for case in (*COMMAND_CASES, *FACT_CASES)} - {"Erase"})


def _erase(world: World, order: str = ORDER) -> Any:
    return world.ask(orders.Erase(order_id=order, actor=ADA))


def _assert_bare(world: World) -> None:
    for key in (ORDER, "shop-order:mugs/1001"):
        held = world.states[key]
        text = msgspec.json.encode(getattr(held, "order", held)).decode()
        assert [secret for secret in SECRETS if secret in text] == [], key


def _telling(name: str, world: World) -> None:
    if name == "ShopOrderObserved":
        count = len(world.told)
        world.tell(w.a_shop_order(read=1000 + count, buyer_note=f"gate code {count}"))
    elif name == "DispatchRefused":
        world.tell(w.refused(max(world.order().generation, 1)).model_copy(update={"vendor_words": "their own words"}))
    elif name in {case[0] for case in FACT_CASES}:
        world.tell(_fact(name, world))
    else:
        world.ask(_command(name, world))


@examples(150)
@given(
    st.sampled_from(sorted(SITUATIONS)),
    st.lists(st.sampled_from(NAMES), max_size=12),
    st.lists(st.sampled_from(NAMES), max_size=12),
)
def test_whatever_arrives_an_erased_order_holds_nothing_personal(situation: str, before: list[str], after: list[str]) -> None:
    world = SITUATIONS[situation]()
    for name in before:
        _telling(name, world)
    if len(world.orders()) > 1:
        return  # a sibling may keep its shop order's address: tested by itself
    _erase(world)
    _assert_bare(world)
    for name in after:
        _telling(name, world)
        _assert_bare(world)
        assert world.snapshot()["erased"] is True


def test_only_an_admin_erases() -> None:
    world = w.new()
    outcome = world.ask(orders.Erase(order_id=ORDER, actor=ANN))
    assert isinstance(outcome, Refused)
    assert (world.reply().code, world.reply().field) == ("admins_only", "actor.kind")


def test_the_private_half_ends_with_a_tombstone_and_never_comes_back() -> None:
    world = w.sent()
    _erase(world)
    (tombstone,) = [it for it in published({ORDER: world.states[ORDER]}, NOON) if it.topic == "orders.private"]
    assert tombstone.message is tombstone.value is None
    outcome = world.tell(w.shipped({next(iter(world.order().items)): 1}))
    told = published(getattr(outcome, "states"), NOON)  # noqa: B009
    assert [it.topic for it in told if it.topic != "orders.status"] in ([], ["orders.private"])
    assert all(it.value is None for it in told if it.topic == "orders.private")


def test_history_names_what_went_and_nothing_of_what_came_after() -> None:
    world = w.sent()
    item = next(iter(world.order().items))
    _erase(world)
    world.tell(w.shipped({item: 1}))
    erased, shipped = world.on("orders.history")[-2:]
    assert erased.personal_changed == ["recipient", f"items.{item}.answers", f"items.{item}.files"]
    assert shipped.personal_changed == []


def test_an_erased_order_goes_its_way_without_personal_data() -> None:
    world = w.sent()
    item = next(iter(world.order().items))
    _erase(world)
    world.tell(w.shipped({item: 2}))
    assert (world.order().status, world.snapshot()["erased"]) == ("Fulfilled", True)
    assert isinstance(_erase(world), Ignored)


def test_erasing_asks_dispatch_to_stop_what_is_under_way_and_to_forget() -> None:
    world = w.queued()
    _erase(world)
    _, withdraw, forget = world.on("dispatch.requests")
    assert isinstance(withdraw, DispatchWithdrawRequested)
    assert isinstance(forget, DispatchForgetRequested)
    world.tell(w.withdrawn())
    assert world.order().status == "New"


def test_a_print_file_that_comes_late_is_not_taken() -> None:
    world = w.new()
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    (request,) = world.on("render.requests")
    _erase(world)
    assert isinstance(world.tell(w.rendered(request)), Ignored)
    failed = {"code": "x", "remedy": "y"} | request.model_dump(
        include={"request_id", "order_id", "item_id", "side", "input_hash"}
    )
    world.tell(render.RenderFailed.model_validate(failed))
    assert world.snapshot()["items"][request.item_id]["sides"]["front"] == {"state": "none"}


def test_the_shops_copy_stays_for_a_sibling_and_goes_with_the_last_of_them() -> None:
    world = w.new(w.a_line("1"), w.a_line("2", vendor_id="other", answers={"name": "Bo"}), buyer_note="gate code")
    other = next(it.id for it in world.orders() if it.id != ORDER)
    _erase(world)
    kept = _last(world)
    assert kept["recipient"]["city"] == "Berlin"
    assert [line["link"]["answers"] for line in kept["lines"]] == [{}, {"name": "Bo"}]
    assert world.order(other).recipient == BERLIN.model_dump(mode="json", exclude_none=True)
    assert world.on("sync.commands") == []
    _erase(world, other)
    (forget,) = world.on("sync.commands")
    assert (forget.shop_id, forget.shop_order_id) == ("mugs", "1001")
    assert {"recipient", "buyer_note"}.isdisjoint(_last(world))
    assert [line["link"]["answers"] for line in _last(world)["lines"]] == [{}, {}]


def test_a_line_linked_after_everything_was_erased_makes_an_order_without_personal_data() -> None:
    unlinked = w.a_line("2").model_copy(update={"link": None})
    world = w.new(w.a_line("1"), unlinked)
    _erase(world)
    world.tell(w.a_shop_order(w.a_line("1"), w.a_line("2"), read=10))
    late = next(it for it in world.orders() if it.id != ORDER)
    assert (late.number, late.erased, late.recipient) == ("#1001-2", True, None)
    assert next(iter(late.items.values())).answers == {}
    _assert_bare(world)


def _last(world: World) -> Any:
    held = world.states["shop-order:mugs/1001"]
    assert isinstance(held, ShopOrder)
    return held.last
