"""The steps of design section 3, each with the function that begins or ends it. The process kills itself where a file says so."""

from __future__ import annotations

import functools
import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS: dict[str, tuple[str, str, str]] = {
    "fetched": ("platen_messaging.processor", "Processor.handle", "before"),
    "transaction open": ("platen_messaging.outbox", "insert", "before"),
    "committed": ("platen_messaging.desk", "Desk.apply", "after"),
    "offsets committed": ("platen_messaging.processor", "Processor._commit", "after"),
    "sent": ("platen_messaging.sending", "Sender._send", "after"),
    "moved": ("platen_messaging.sending", "Sender._read", "acknowledged"),
}
"""By name: module, function, and whether the process dies before or after it, or after it, if one of its arguments had that."""


def arm(order: Path) -> None:
    """From now on the first to reach the point that the file names takes the file away and dies (SIGKILL)."""
    for point, (module, path, when) in POINTS.items():
        owner: Any = importlib.import_module(module)
        *above, name = path.split(".")
        for part in above:
            owner = getattr(owner, part)
        setattr(owner, name, _deadly(getattr(owner, name), when, functools.partial(_reached, order, point)))


def _deadly(function: Any, when: str, reached: Callable[[], None]) -> Any:
    @functools.wraps(function)
    async def wrapped(*args: Any, **named: Any) -> Any:
        if when == "before":
            reached()
        dies_after = when == "after" or (when != "before" and any(getattr(it, when, None) for it in args))
        answer = await function(*args, **named)
        if dies_after:
            reached()
        return answer

    return wrapped


def _reached(order: Path, point: str) -> None:
    try:
        if order.read_text() != point:
            return
        order.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
