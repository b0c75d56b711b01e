"""Waiting for what others decide."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

LOOK_S = 0.02


@overload
async def until(
    condition: Callable[[], Awaitable[T]], seconds: float = 60, seen: Callable[[], Awaitable[object]] | None = None
) -> T: ...
@overload
async def until(condition: Callable[[], T], seconds: float = 60, seen: Callable[[], Awaitable[object]] | None = None) -> T: ...
async def until(condition: Callable[[], Any], seconds: float = 60, seen: Callable[[], Awaitable[object]] | None = None) -> Any:
    """The first truthy value of `condition`; fails after `seconds`, with what was `seen` last."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if loop.time() >= end:
            raise AssertionError(f"{condition} did not hold within {seconds} s; last seen: {await seen() if seen else found!r}")
        await asyncio.sleep(LOOK_S)
