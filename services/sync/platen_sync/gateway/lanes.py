"""One piece of work per shop at a time, shops side by side: a slow shop holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from platen_messaging.faults import is_transient, told
from platen_messaging.log import logger

log = logger("shops")

REST_S = 5.0
"""How long a shop rests after work on it failed in a way nobody foresaw."""


class ShopLanes:
    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def busy(self) -> frozenset[str]:
        return frozenset(self._tasks)

    def start(self, shop_id: str, work: Coroutine[Any, Any, None]) -> None:
        """The shop must not be busy."""
        task = asyncio.create_task(self._guarded(shop_id, work))
        self._tasks[shop_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(shop_id, None))

    async def close(self) -> None:
        """Stops what is under way; whatever was begun outside is settled by its row when the service runs again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, shop_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as failure:
            trace = None if is_transient(failure) else failure
            log.warning("work on a shop failed", work=self._name, shop=shop_id, error=told(failure), exc_info=trace)
            await asyncio.sleep(REST_S)
