"""Patches in words."""

from __future__ import annotations

from typing import Any

import pytest
from platen_console.web.history import Line, changes, story
from platen_contracts.orders import OrderChanged
from platen_contracts.status import OrderStatus

from .heard import NOON, OTHER_ITEM, a_history, an_item, an_order, item_id

ORDER = an_order(0)
ITEM = item_id(ORDER.order_id)
LINES = {ITEM: Line("Family mug", 3)}
CHILD, PARENT = "c" * 32, "a" * 32
NUMBERS = {CHILD: "#1000-2", PARENT: "#999"}


def _event(patch: dict[str, Any], **fields: Any) -> OrderChanged:
    said = {
        "order_id": ORDER.order_id,
        "version": 7,
        "at": NOON,
        "actor": {"kind": "service", "name": "dispatch"},
        "cause": {"id": "x", "type": "platen.dispatch.DispatchAccepted.v1"},
        "from": "New",
        "to": "New",
        "patch": patch,
    }
    return OrderChanged.model_validate(said | fields)


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"version": 7, "status": "Sent", "actions": {"send": "wrong_status"}}, []),
        ({"items": {ITEM: {"state": "Ready"}}}, ["Family mug: Ready"]),
        ({"items": {ITEM: {"sides": {"front": {"state": "failed"}}}}}, ["Family mug, front: file failed"]),
        ({"items": {ITEM: None}}, ["3 × Family mug moved to another order"]),
        ({"items": {ITEM: {"shipped": 2}}}, ["Family mug: 2 shipped"]),
        ({"items": {ITEM: {"quantity": 1}}}, ["Family mug: 1 unit"]),
        ({"items": {ITEM: {"quantity": 2}}}, ["Family mug: 2 units"]),
        ({"items": {"gone": {"state": "Ready"}}}, ["an item: Ready"]),
        ({"activity": {"kind": "in doubt", "attempt": 2, "reason": "no reply"}}, ["in doubt", "attempt 2", "no reply"]),
        ({"activity": {"kind": "none", "attempt": None}}, ["nothing under way any more"]),
        ({"attention": {"late": {"since": "…", "remedy": "ask"}}}, ["attention: late"]),
        ({"attention": None}, []),
        ({"attention": {"shop_changed": None}}, ["no longer: shop changed"]),
        ({"failure": {"code": "address_refused"}}, ["failed: address refused"]),
        ({"failure": None}, []),
        ({"vendor_order": {"vendor_order_id": "77", "status": "on_hold"}}, ["vendor's order 77", "the vendor says on hold"]),
        ({"parcels": {"p1": {"carrier": "DHL"}}}, ["parcel p1 with DHL"]),
        ({"parcels": {"p1": {"posted": True}}}, ["parcel p1 told to the shop"]),
        ({"something_new": {"a": 1}}, ["something new changed"]),
        ({"something_new": None}, ["something new changed"]),
    ],
)
def test_a_patch_is_told_in_words(patch: dict[str, Any], said: list[str]) -> None:
    assert changes(_event(patch), LINES, NUMBERS) == said


def test_personal_changes_are_named_without_values() -> None:
    event = _event({}, personal_changed=["recipient.postcode", f"items.{ITEM}.answers", "recipient"])
    said = ["recipient’s postcode changed", "answers of Family mug changed", "recipient changed"]
    assert changes(event, LINES, NUMBERS) == said


@pytest.mark.parametrize(
    ("parent", "said"),
    [
        ({}, "taken in with 1 item"),
        ({"parent": PARENT}, "split off from #999 with 1 item"),
        ({"parent": ITEM}, "split off from another order with 1 item"),
    ],
)
def test_the_first_version_tells_how_many_items_came_and_from_where(parent: dict[str, str], said: str) -> None:
    event = _event({"items": {ITEM: {"line_id": "1"}}, **parent}, version=1)
    assert changes(event, {}, NUMBERS) == [said]


def test_a_split_is_told_as_one_thing() -> None:
    part = {**an_item(0, OrderStatus.NEW), "quantity": 2, "shipped": 0, "cancelled": 0}
    patch = {"items": {ITEM: {"quantity": 1}, OTHER_ITEM: part}, "edited_version": 7}
    event = _event(patch, personal_changed=[f"items.{OTHER_ITEM}.answers"])
    assert changes(event, LINES, NUMBERS) == ["3 × Family mug split into 1 + 2"]


def test_an_item_that_moved_away_is_told_as_the_versions_before_had_it() -> None:
    part = {**an_item(0, OrderStatus.NEW), "quantity": 2}
    split = _event({"items": {ITEM: {"quantity": 1}, OTHER_ITEM: part}})
    moved = _event(
        {"items": {OTHER_ITEM: None}, "children": {CHILD: 8}}, version=8, personal_changed=[f"items.{OTHER_ITEM}.answers"]
    )
    told = story([moved, split, *reversed(a_history(ORDER))], ORDER, NUMBERS)
    assert told[8] == ["2 × Family mug moved to #1000-2"]
    assert story([moved], ORDER, {})[8] == ["an item moved to another order"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"actor": {"kind": "shop", "name": "atelier-nour"}, "to": "Archived"}, ["cancelled in the shop"]),
        ({"actor": {"kind": "shop", "name": "atelier-nour"}, "from": "Archived", "to": "Archived"}, []),
        ({"actor": {"kind": "operator", "name": "ann"}, "to": "Archived"}, []),
        ({"actor": {"kind": "shop", "name": "atelier-nour"}}, []),
    ],
)
def test_an_order_that_the_shop_archived_was_cancelled_there(fields: dict[str, Any], said: list[str]) -> None:
    assert changes(_event({"status": "Archived"}, **fields), LINES, NUMBERS) == said
