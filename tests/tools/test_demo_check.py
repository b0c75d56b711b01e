"""The judge of the demo: each thing that can be off is planted and named, and what at-least-once delivery does is no mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from platen_cli.demo.board import Board
from platen_cli.demo.check import mistakes
from platen_cli.demo.story import Plan
from platen_contracts.orders import Failure, OrderChanged, OrderSnapshot
from platen_contracts.status import OrderStatus

EXAMPLES = Path(__file__).parents[2] / "libs/contracts/platen_contracts/examples/orders.OrderSnapshot.v1"
NOTHING: dict[str, Any] = {"orders": [], "trackings": []}


def an_order() -> OrderSnapshot:
    example = OrderSnapshot.model_validate_json((EXAMPLES / "fulfilled.json").read_bytes())
    return example.model_copy(update={"status": OrderStatus.NEW, "version": 2, "parcels": {}})


def a_board(order: OrderSnapshot, *, ends: OrderStatus = OrderStatus.NEW) -> Board:
    """One order of two versions, whole and in order."""
    raw = order.model_dump(mode="json", exclude_none=True)
    board = Board({order.shop_order_id: Plan({}, {order.vendor_id: ends})}, {order.order_id: order}, {order.order_id: raw})
    board.history[order.order_id] = [_change(order, 1, raw | {"version": 1}), _change(order, 2, {"version": 2})]
    board.status_versions[order.order_id] = [1, 2]
    return board


def _change(order: OrderSnapshot, version: int, patch: dict[str, Any]) -> OrderChanged:
    return OrderChanged.model_validate(
        {
            "order_id": order.order_id,
            "version": version,
            "at": order.created_at,
            "actor": {"kind": "system"},
            "cause": {"id": "1", "type": "test"},
            "to": order.status,
            "patch": patch,
        }
    )


def test_an_order_as_it_should_be_is_no_mistake() -> None:
    assert mistakes(a_board(an_order()), NOTHING) == []


def test_an_order_in_another_status_or_missing_is_named() -> None:
    order = an_order()
    assert "not Sent" in mistakes(a_board(order, ends=OrderStatus.SENT), NOTHING)[0]
    failed = order.model_copy(update={"failure": Failure(code="vendor.file_bad", remedy="Render again.")})
    assert mistakes(a_board(failed, ends=OrderStatus.SENT), NOTHING)[0].endswith("(vendor.file_bad: Render again.)")
    board = a_board(order)
    board.plans[order.shop_order_id].ends["another"] = OrderStatus.NEW
    assert mistakes(board, NOTHING)[0].startswith("I1")


@pytest.mark.parametrize(("carried", "wrong"), [([1, 2, 1, 2], False), ([2], False), ([2, 1], True)])
def test_a_round_sent_again_is_no_mistake_but_an_older_version_that_comes_later_is(carried: list[int], wrong: bool) -> None:
    order = an_order()
    board = a_board(order)
    board.status_versions[order.order_id] = carried
    assert [line.split(":")[0] for line in mistakes(board, NOTHING)] == ["I4"] * wrong


def test_a_gap_in_history_and_a_fold_that_is_not_the_snapshot_are_named() -> None:
    order = an_order()
    gap, other = a_board(order), a_board(order)
    del gap.history[order.order_id][0]
    other.raw[order.order_id] = other.raw[order.order_id] | {"number": "#2"}
    assert "history holds versions [2]" in mistakes(gap, NOTHING)[0]
    assert "fold" in mistakes(other, NOTHING)[0]
