"""Waiting for what others decide."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of this machine for a service whose address must be known before it listens; meanwhile no other process gets it.

    It is bound here and not listened on: who names it may listen there, and the kernel gives it to nobody who asks for any.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
