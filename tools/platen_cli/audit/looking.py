"""Judging a system that is not quite at rest: what two looks in a row have found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from .checks import audit
from .evidence import Evidence, Verdict

PAUSE_S = 3.0
"""Between the looks: polls go on, and one look may fall into the middle of one."""


async def audit_twice(look: Callable[[], Awaitable[Evidence]], pause_s: float = PAUSE_S) -> tuple[Verdict, Evidence]:
    """The verdict on the last look; of its violations those that the first has found too."""
    evidence = await look()
    first = audit(evidence)
    if not first.violations:
        return first, evidence
    await asyncio.sleep(pause_s)
    evidence = await look()
    again = audit(evidence)
    return replace(again, violations=[it for it in again.violations if it in first.violations]), evidence
