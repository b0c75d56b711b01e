"""Services at work in a test: in this process, or as one of their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from platen_messaging.service import Service

from tests.support import until


@dataclass
class Running:
    """One service at work in this process."""

    END_S: ClassVar[float] = 60
    """How long it may take to end."""

    service: Service
    stop: asyncio.Event
    serving: asyncio.Future[None]

    async def ready(self, seconds: float = 60) -> None:
        async def is_ready() -> bool:
            if self.serving.done():
                await self.serving
            return self.service.health.ready

        await until(is_ready, seconds)

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.serving, self.END_S)


@asynccontextmanager
async def process(module: str, environment: Mapping[str, str], **streams: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module`, ended in good order within 40 s unless it has ended by then; `streams` as for a subprocess."""
    started = await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=environment, **streams)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await asyncio.wait_for(started.wait(), 40)
