"""Sends callbacks of shops and vendors, keeps a log of every attempt, and twists them when a fault says so."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from .clock import now, rfc3339
from .faults import Faults
from .model import Json

TIMEOUT_S = 10.0
REORDER_WINDOW_S = 1.0


@dataclass(frozen=True)
class Message:
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Delivery:
    """One callback: `build(retries)` gives the message of each attempt, `backoff` the seconds before each retry."""

    target: str
    url: str
    what: str
    build: Callable[[int], Message]
    backoff: tuple[float, ...] = ()
    settled: Callable[[bool], None] = lambda _delivered: None


class Deliveries:
    def __init__(self, faults: Faults) -> None:
        self.log: list[Json] = []
        self._faults = faults
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, list[Delivery]] = defaultdict(list)

    async def start(self) -> None:
        limits = httpx.Limits(max_connections=50)
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False, limits=limits)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def send(self, delivery: Delivery) -> None:
        """Returns at once; the order of first attempts is the order of these calls, unless a fault reorders them."""
        if reorder := self._faults.take_callback(delivery.target, "reorder_callbacks"):
            held = self._held[delivery.target]
            held.append(delivery)
            if len(held) == 1:
                self._spawn(self._release(delivery.target, float(reorder.params.get("window_s", REORDER_WINDOW_S))))
            return
        self._send_copies(delivery)

    def _send_copies(self, delivery: Delivery) -> None:
        duplicate = self._faults.take_callback(delivery.target, "duplicate_callbacks")
        for _ in range(int(duplicate.params.get("copies", 2)) if duplicate else 1):
            self._spawn(self._deliver(delivery))

    async def _release(self, target: str, window_s: float) -> None:
        await asyncio.sleep(window_s)
        for delivery in reversed(self._held.pop(target)):
            self._send_copies(delivery)

    async def _deliver(self, delivery: Delivery) -> None:
        for retries, pause in enumerate((0.0, *delivery.backoff)):
            await asyncio.sleep(pause)
            if await self._attempt(delivery, retries):
                delivery.settled(True)
                return
        delivery.settled(False)

    async def _attempt(self, delivery: Delivery, retries: int) -> bool:
        assert self._client is not None, "deliveries are sent only while the application runs"
        message = delivery.build(retries)
        entry: Json = {
            "at": rfc3339(now()),
            "target": delivery.target,
            "what": delivery.what,
            "url": delivery.url,
            "retries": retries,
        }
        self.log.append(entry)
        try:
            response = await self._client.post(delivery.url, content=message.body, headers=message.headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            entry["error"] = f"{type(error).__name__}: {error}"
            return False
        entry["status"] = response.status_code
        return response.is_success

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        with suppress(asyncio.CancelledError):
            task.result()
