"""A room that takes longer than it may is named, and fails the run where budgets are held to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from .budgets import BUDGETS, WHOLE_S, Budgets, exceeded


def test_within_the_budgets_nothing_is_said() -> None:
    assert exceeded(dict.fromkeys(("chaos", "house"), 1.0)) == []


def test_a_room_over_its_budget_is_named() -> None:
    (line,) = exceeded({"chaos": 301.0, "house": 1.0})
    assert line.startswith(f"tests/chaos took 301 s of {BUDGETS['chaos']:.0f}")


def test_the_whole_has_a_budget_too() -> None:
    assert "all tests took" in exceeded({f"room{number}": 80.0 for number in range(int(WHOLE_S / 80) + 1)})[-1]


@pytest.mark.parametrize(("held_to", "status"), [("1", pytest.ExitCode.TESTS_FAILED), ("", pytest.ExitCode.OK)])
def test_a_run_over_budget_fails_where_budgets_are_held_to(
    held_to: str, status: pytest.ExitCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEN_BUDGETS", held_to)
    budgets, session = Budgets(), SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    report: Any = SimpleNamespace(nodeid="tests/chaos/test_soak.py::test_it", duration=BUDGETS["chaos"] + 1)
    budgets.pytest_runtest_logreport(report)
    budgets.pytest_sessionfinish(cast("pytest.Session", session))
    assert session.exitstatus == status
