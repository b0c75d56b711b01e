"""Waiting that ends early, and work that is started again when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .faults import is_kafka_fault, is_transient, told
from .health import Health
from .log import logger

log = logger("tasks")

AWAY_SECONDS = 2.0
"""The longest wait between two looks whether Kafka or the database is back: work goes on within three seconds of that."""

_SETTLED = 5.0
"""Seconds after which a restarted task is believed to work."""


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Waits for the event at most that long; True if it is set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


@dataclass(slots=True)
class Backoff:
    """Doubling delays between a first and a longest one, in seconds."""

    first: float
    longest: float
    delay: float = 0.0

    def next(self) -> float:
        self.delay = min(max(self.first, self.delay * 2), self.longest)
        return self.delay

    def reset(self) -> None:
        self.delay = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """Work that runs beside the lanes until `stop` is set: a poll, a worker. It is started again when it fails."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


async def supervise(task: Task, stop: asyncio.Event, health: Health) -> None:
    """Runs the task until it returns or `stop` is set; after a failure again, with back-off, not ready meanwhile."""
    backoff = Backoff(0.5, 30)
    part = f"task {task.name}"
    while not stop.is_set():
        work = asyncio.ensure_future(task.run(stop))
        try:
            await asyncio.wait({work}, timeout=_SETTLED)
            if not work.done():
                backoff.reset()
                health.clear(part)
            await work
        except asyncio.CancelledError:
            work.cancel()
            raise
        except Exception as failure:
            passing = is_transient(failure) or is_kafka_fault(failure)
            log.warning("task failed", task=task.name, error=told(failure), exc_info=None if passing else failure)
            health.set(part, told(failure), "it is started again by itself; if it goes on, see the log", quiet=True)
            delay = backoff.next()
            await wait(stop, min(delay, AWAY_SECONDS) if passing else delay)
        else:
            health.clear(part)
            return
