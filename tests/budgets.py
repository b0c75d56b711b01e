"""How long each room of the tests may take: summed over all workers, as `make test` runs them on two cores.

Shown at the end of every run; where PLATEN_BUDGETS=1 (CI) a room that takes longer fails the run.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import PurePosixPath

import pytest

WHOLE_S = 1200.0
"""Ten minutes on two cores."""

BUDGETS: dict[str, float] = {
    "chaos": 240,
    "console": 120,
    "dispatch": 150,
    "flows": 200,
    "messaging": 190,
    "orders": 140,
    "render": 200,
    "sandbox": 100,
    "sync": 120,
    "tools": 220,
    "tracking": 130,
}
"""Seconds by folder; any other may take `OTHER_S`."""
OTHER_S = 90.0


def exceeded(spent: dict[str, float]) -> list[str]:
    """One line for each room over its budget, and for the whole."""
    lines = [
        f"tests/{room} took {seconds:.0f} s of {BUDGETS.get(room, OTHER_S):.0f}; make it cheaper, or move it to `make soak`"
        for room, seconds in sorted(spent.items())
        if seconds > BUDGETS.get(room, OTHER_S)
    ]
    whole = sum(spent.values())
    return [*lines, *([f"all tests took {whole:.0f} s of {WHOLE_S:.0f}, summed over the workers"] if whole > WHOLE_S else [])]


class Budgets:
    """A pytest plugin of the process that collects the reports."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        parts = PurePosixPath(report.nodeid.partition("::")[0]).parts
        self.spent[parts[1] if len(parts) > 2 else "."] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if os.environ.get("PLATEN_BUDGETS") == "1" and exceeded(self.spent) and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if len(self.spent) > 1:
            told = ", ".join(
                f"{room} {seconds:.0f}/{BUDGETS.get(room, OTHER_S):.0f}" for room, seconds in sorted(self.spent.items())
            )
            terminalreporter.write_line(f"seconds by room: {told}")
        for line in exceeded(self.spent):
            terminalreporter.write_line(f"over budget: {line}", yellow=True)
