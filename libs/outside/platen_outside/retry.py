"""Asking again, for requests that only read. Anything that writes goes through its owner's ledger instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from platen_outside.failures import Transient

T = TypeVar("T")


class _AgainError(Exception):
    def __init__(self, failure: Transient) -> None:
        super().__init__(failure.cause)
        self.failure = failure


async def patiently(
    ask: Callable[[], Awaitable[T | Transient]], *, attempts: int = 3, timeout_s: float = 45.0, wait_s: float = 0.2
) -> T | Transient:
    """Asks up to `attempts` times within `timeout_s` while the outcome is Transient; jittered exponential waits from `wait_s`."""
    try:
        async for attempt in stamina.retry_context(
            on=_AgainError, attempts=attempts, timeout=timeout_s, wait_initial=wait_s, wait_jitter=wait_s
        ):
            with attempt:
                outcome = await ask()
                if isinstance(outcome, Transient):
                    raise _AgainError(outcome)
                return outcome
    except _AgainError as gave_up:
        return gave_up.failure
    raise AssertionError("stamina either returns an outcome or raises the last failure")
