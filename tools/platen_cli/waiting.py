"""Waiting for what does not answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .errors import Unreachable

Result = TypeVar("Result")


async def patiently(
    attempt: Callable[[], Awaitable[Result]], seconds: float, tell: Callable[[str], None] = lambda _: None
) -> Result:
    """Tries again while something does not answer yet, for at most so many seconds. `tell` hears once what is waited for."""
    deadline = asyncio.get_running_loop().time() + seconds
    told = False
    while True:
        try:
            return await attempt()
        except Unreachable as away:
            if not told:
                tell(f"{away}; waiting up to {seconds:g} s")
            told = True
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(1)
