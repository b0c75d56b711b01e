"""A sandbox for tests: `async with running_sandbox() as sandbox:`, on a free port, gone afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .app import create_app
from .model import Plan
from .server import listen, server_of

Json = dict[str, Any]


@dataclass(frozen=True)
class Sandbox:
    """`url` is the base; `shop(...)` and `vendor(...)` are what an adapter is given, `control` steers."""

    url: str
    control: httpx.AsyncClient

    def shop(self, shop: str) -> str:
        return f"{self.url}/shops/{shop}"

    def vendor(self, account: str) -> str:
        return f"{self.url}/vendors/{account}"

    async def order(self, shop: str, given: Json | None = None) -> Json:
        """Makes a shop order; answers the whole one."""
        return await self.call("POST", f"/shops/{shop}/orders", given or {"line_items": [{}]})

    async def fault(self, target: str, kind: str, **given: Any) -> Json:
        """`given`: match, times, params. `target` is `shop/<id>` or `vendor/<id>`."""
        return await self.call("POST", "/faults", {"target": target, "kind": kind, **given})

    async def ledger(self, **query: str) -> Json:
        return await self.call("GET", "/ledger", **query)

    async def step(self, account: str, reference: str, step: str, given: Json | None = None) -> Json:
        """`step` is ship, fail, cancel, hold or release; `reference` an order's number or `@external_id`."""
        return await self.call("POST", f"/vendors/{account}/orders/{reference}/{step}", given or {})

    async def call(self, method: str, path: str, given: Any = None, **query: str) -> Any:
        """Any call of the control API below /sandbox; raises httpx.HTTPStatusError where it refuses."""
        response = await self.control.request(method, f"/sandbox{path}", json=given, params=query)
        response.raise_for_status()
        return response.json()


@asynccontextmanager
async def running_sandbox(
    pace: float | None = 0.0, state_file: Path | None = None, rate_limit: int = 6000, host: str = "127.0.0.1"
) -> AsyncIterator[Sandbox]:
    """Serves a sandbox in the running event loop.

    `pace` is seconds from confirmed to shipped; None waits for `step(..., "ship")`.
    """
    plan = Plan(mode="manual") if pace is None else Plan(pace=(pace, pace))
    listener = listen(host, 0)
    url = f"http://{host}:{listener.getsockname()[1]}"
    server = server_of(create_app(state_file, plan, rate_limit), embedded=True, log_level="warning")
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as control:
            await control.get("/health")
            yield Sandbox(url, control)
    finally:
        server.should_exit = True
        await serving
        listener.close()
