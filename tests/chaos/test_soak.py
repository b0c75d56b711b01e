"""One short seed of the soak; `make soak` runs the long ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from platen_cli.errors import UserError

from .schedule import schedule
from .soak import Result, _guarded, soak, summary  # pyright: ignore[reportPrivateUsage]


@pytest.mark.flow
@pytest.mark.timeout(400)
async def test_a_short_seed_breaks_no_promise(tmp_path: Path) -> None:
    results = await soak([7], 0.4, tmp_path)
    assert [line for result in results for line in result.violations] == []
    assert results[0].orders > 0
    assert summary(results).endswith("no violation")


async def test_a_service_that_never_gets_ready_again_is_trouble_of_the_seed() -> None:
    async def stuck() -> Result:
        raise UserError("orders: not ready after 90 s")

    async def works() -> None:
        await asyncio.Event().wait()

    operators = asyncio.create_task(works())
    result = await _guarded(stuck(), [operators], 9)
    operators.cancel()
    assert result.seed == 9
    assert result.violations == ["I5: UserError: orders: not ready after 90 s"]


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule(7, 60) == schedule(7, 60)
    assert schedule(7, 60) != schedule(8, 60)
    assert all(0 <= step.at < 60 for seed in range(20) for step in schedule(seed, 60))
