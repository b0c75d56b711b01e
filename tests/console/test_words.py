"""Codes in words."""

from __future__ import annotations

from typing import Any

import pytest
from platen_console.web import words
from platen_console.web.guard import inside
from platen_console.web.pages import offers, web_link
from platen_contracts.orders import CommandApplied
from platen_contracts.status import OrderStatus

from .heard import OTHER_ITEM, an_order, by_hand, item_id

ORDER = an_order(0)


def test_a_refusal_names_an_item_by_its_title_and_which_of_several_it_is() -> None:
    order = by_hand(1)
    first = item_id(order.order_id)
    items = {**order.items, OTHER_ITEM: order.items[first]}
    told = f"name: the artwork needs an answer; personalise item {OTHER_ITEM}."
    assert words.plainly(told, order) == "name: the artwork needs an answer; personalise item “Pet tote bag”."
    several = order.model_copy(update={"items": items})
    assert words.plainly(told, several).endswith("personalise item “Star map poster (2 of 2)”.")
    assert words.plainly(f"The order has no item {'f' * 32}.", order) == f"The order has no item {'f' * 32}."
    assert words.field(f"units.{OTHER_ITEM}", several) == "units of Star map poster (2 of 2)"
    assert [words.field(name, order) for name in ("answers.name", "recipient.city")] == ["", "recipient.city"]


@pytest.mark.parametrize(
    ("action", "patch", "said"),
    [
        ("retry", {"activity": {"kind": "queued"}}, "sending was asked for"),
        ("render", {}, "print files were asked for"),
        ("stop_sending", {}, "dispatch was asked to stop"),
        ("stop_sending", {"activity": {"kind": "none"}}, "done; the order is at version 7, Failed to send"),
        ("edit_shipping", {}, "done; the order is at version 7, Failed to send"),
    ],
)
def test_what_another_service_has_yet_to_do_is_not_called_done(action: str, patch: dict[str, Any], said: str) -> None:
    reply = CommandApplied(command_id="1", order_id=ORDER.order_id, version=7, status=OrderStatus.FAILED, patch=patch)
    assert words.obeyed(action, reply) == said


def test_a_cause_is_told_by_what_happened_and_a_command_by_its_name() -> None:
    assert words.cause("platen.dispatch.DispatchAccepted.v1") == "The vendor accepted"
    assert words.cause("platen.orders.EditShipping.v1") == "Edit shipping"
    assert words.cause("odd") == "Odd"


def test_exactly_the_actions_of_the_snapshot_are_offered_or_withheld_with_a_reason() -> None:
    actions = {
        "send": "wrong_status",
        "archive": "allowed",
        "erase": "allowed",
        "view_print_file": "allowed",
        "new_one": "some_code",
        "newer_one": "allowed",
    }
    withheld = [("send", "wrong_status"), ("new_one", "some_code"), ("newer_one", "no_form")]
    assert offers(actions) == (["archive", "erase"], withheld)
    assert words.reason("some_code") == "some code"
    assert words.action("new_one") == "New one"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://files.example/f/a", True),
        ("http://127.0.0.1:8103/f/a", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ("http://[", False),
        ("", False),
        (None, False),
    ],
)
def test_only_links_of_the_web_become_links(address: str | None, kept: bool) -> None:
    assert web_link(address) == (address if kept else "")


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/orders?status=New", True),
        ("/sync", True),
        ("//evil.example/x", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("/a\r\nset-cookie: x", False),
        ("", False),
    ],
)
def test_a_way_back_leads_only_into_the_console(path: str, kept: bool) -> None:
    assert inside(path) == (path if kept else "/orders")
