"""A whole private system with a sandbox, small print files and short leases: what chaos is done to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from platen_cli.audit import Evidence, gather
from platen_cli.audit.evidence import Place
from platen_cli.catalog import push, read_catalog
from platen_cli.demo.place import SANDBOX_STATE, secrets
from platen_cli.demo.play import CATALOG, SMALL
from platen_cli.errors import Unreachable
from platen_cli.stack import Stack
from platen_cli.stack.lag import lags
from platen_cli.stack.settings import is_runnable
from platen_contracts.topics import SERVICES

SHOP = "gifts"
ACCOUNTS = ("north", "south")
LEASE_S = "4"
"""Of a turn at the vendor: how long the order of a killed worker waits."""

FAILS = "Failing Fay"
ENDS = "Cancelled Carl"
WAITS = "Held Hal"
"""Recipients whose orders the vendor fails, cancels, or holds until it is told to go on."""


@dataclass
class World:
    """`accepted`, `spoiled` and `forged` are what the auditor has to know (see `Evidence`)."""

    stack: Stack
    control: httpx.AsyncClient
    accepted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    spoiled: set[Place] = field(default_factory=set[Place])
    forged: set[str] = field(default_factory=set[str])

    async def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the sandbox's control API. Raises httpx.HTTPError while it is away."""
        answer = await self.control.request(method, f"/sandbox{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def set_habits(self) -> None:
        """From now on the vendors fail, cancel and hold the orders of some people."""
        for account in ACCOUNTS:
            for name, outcome in ((FAILS, "fail"), (ENDS, "cancel"), (WAITS, "hold")):
                plan = {"match": {"recipient": name}, "outcome": outcome, "reason": "the press is broken"}
                await self.sandbox("POST", f"/vendors/{account}/plans", plan)

    async def forget_habits(self) -> None:
        """From now on they ship what they get."""
        for account in ACCOUNTS:
            await self.sandbox("DELETE", f"/vendors/{account}/plans")

    async def let_go(self) -> None:
        """What a vendor holds goes on."""
        for entry in (await self.sandbox("GET", "/ledger"))["orders"]:
            if entry["status"] == "onhold":
                await self.sandbox("POST", f"/vendors/{entry['account']}/orders/{entry['id']}/release")

    async def gather(self) -> Evidence:
        return await gather(
            self.stack.bootstrap,
            self.stack.databases,
            self.stack.given.topic_prefix,
            sandbox=self.stack.urls["sandbox"],
            accepted=frozenset(self.accepted),
            spoiled=frozenset(self.spoiled),
            forged=frozenset(self.forged),
        )

    async def under_way(self) -> dict[str, int]:
        """Messages not yet read by group, rows not yet sent by service, and files not yet drawn. Empty: nothing is."""
        try:
            found = {name: lag for name, lag in (await lags(self.stack.bootstrap, self.stack.given.topic_prefix)).items() if lag}
        except Unreachable:
            return {"kafka": 1}
        for service, url in self.stack.databases.items():
            found |= {f"{service} outbox": rows for rows in [await _rows(url, "outbox")] if rows}
        jobs = await _rows(self.stack.databases["render"], "jobs")
        return found | ({"render jobs": jobs} if jobs else {})

    async def ready(self) -> None:
        """Waits until every service says so."""
        await asyncio.gather(*(self.stack.process(name).wait_ready(90) for name in self.stack.services))


async def _rows(url: str, table: str) -> int:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return 1
    try:
        return await connection.fetchval(f"select count(*) from {table}")
    finally:
        await connection.close()


@asynccontextmanager
async def running_world(data: Path, extra_env: Mapping[str, str] | None = None) -> AsyncGenerator[World]:
    """A stack of its own in `data` with the catalog published and the vendors' habits set."""
    opened = secrets()
    stack = Stack(
        data,
        ports="auto",
        services=[*(name for name in SERVICES if is_runnable(name)), "sandbox"],
        env_of={
            "sync": {"PLATEN_SHOP_SECRETS": opened["PLATEN_SHOP_SECRETS"]},
            "dispatch": {"PLATEN_VENDOR_SECRETS": opened["PLATEN_VENDOR_SECRETS"], "PLATEN_DISPATCH_LEASE_S": LEASE_S},
            "tracking": {"PLATEN_VENDOR_SECRETS": opened["PLATEN_VENDOR_SECRETS"]},
            "render": {"PLATEN_RENDER_WORKERS": "1"},
            "sandbox": {"PLATEN_SANDBOX_STATE": str(data / SANDBOX_STATE)},
        },
        extra_env={"PLATEN_LOG": "json", **(extra_env or {})},
    )
    async with stack, httpx.AsyncClient(base_url=stack.urls["sandbox"], timeout=10, trust_env=False) as control:
        world = World(stack, control)
        await _furnish(world)
        yield world


async def _furnish(world: World) -> None:
    catalog = read_catalog(CATALOG, {"SANDBOX": world.stack.urls["sandbox"]} | SMALL)
    catalog.shops = [shop.model_copy(update={"poll_every_s": 2}) for shop in catalog.shops]
    catalog.vendors = [vendor.model_copy(update={"poll_every_s": 2}) for vendor in catalog.vendors]
    await push(catalog, world.stack.bootstrap, world.stack.objects, world.stack.given.topic_prefix)
    for account in ACCOUNTS:
        await world.sandbox("PUT", f"/vendors/{account}", {"pace": [0.2, 2]})
        if "tracking" in world.stack.urls:
            await _hear_of(world, account)


async def _hear_of(world: World, account: str) -> None:
    body = {"url": f"{world.stack.urls['tracking']}/webhooks/{account}", "types": ["package_shipped", "order_failed"]}
    headers = {"Authorization": f"Bearer token-{account}"}
    (await world.control.post(f"/vendors/{account}/webhooks", json=body, headers=headers)).raise_for_status()


def lines_of(data: Path, service: str) -> list[dict[str, Any]]:
    """The service's log so far, each line as JSON; what is none is `{"raw": …}`."""
    path = data / "logs" / f"{service}.log"
    found: list[dict[str, Any]] = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append({"raw": line})
    return found
