"""One short seed of the soak; `make soak` runs the long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from .schedule import schedule
from .soak import soak, summary


@pytest.mark.flow
@pytest.mark.timeout(400)
async def test_a_short_seed_breaks_no_promise(tmp_path: Path) -> None:
    results = await soak([7], 0.4, tmp_path)
    assert [line for result in results for line in result.violations] == []
    assert results[0].orders > 0
    assert summary(results).endswith("no violation")


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule(7, 60) == schedule(7, 60)
    assert schedule(7, 60) != schedule(8, 60)
    assert all(0 <= step.at < 60 for seed in range(20) for step in schedule(seed, 60))
