"""Every code that a command is refused with has a remedy in `docs/orders.md`, and no other has."""

from __future__ import annotations

import ast
from pathlib import Path

import platen_orders
from platen_contracts.status import ActivityKind, OrderStatus
from platen_orders.decide.commands.deciding import REASONS, REMEDIES
from platen_orders.transitions import ACTIONS, Situation, refusal

ROOM = Path(platen_orders.__file__).parent / "decide"


def test_every_code_of_a_rule_has_a_remedy() -> None:
    calls = [node for path in ROOM.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    named = [it.args[0] for it in calls if isinstance(it, ast.Call) and isinstance(it.func, ast.Name) and it.func.id == "No"]
    codes = {it.value for it in named if isinstance(it, ast.Constant)}
    assert codes == set(REMEDIES)


def test_every_code_of_the_table_has_a_sentence() -> None:
    yes_or_no = (False, True)
    codes = {
        refusal(Situation(status, activity, custom, current, has_file, erased), action)
        for status in OrderStatus
        for activity in ActivityKind
        for custom in yes_or_no
        for current in yes_or_no
        for has_file in yes_or_no
        for erased in yes_or_no
        for action in ACTIONS
    }
    assert codes - {None} == set(REASONS)
