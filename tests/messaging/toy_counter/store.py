"""Totals in Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from platen_messaging.outcome import Outgoing
from sqlalchemy.ext.asyncio import AsyncConnection


class Counters:
    """`gate`: tests close it to stop a transaction half way; `reached` is set when one stands there."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()
        self.backend = 0
        self.loads: list[Sequence[str]] = []

    async def load(self, tx: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
        self.loads.append(keys)
        await tx.exec_driver_sql("insert into counters (name) select unnest($1::text[]) on conflict do nothing", (list(keys),))
        rows = await tx.exec_driver_sql(
            "select name, total from counters where name = any($1::text[]) order by name for update", (list(keys),)
        )
        return {row.name: row.total for row in rows if row.total}

    async def save(self, tx: AsyncConnection, changed: Mapping[str, int], messages: Sequence[Outgoing]) -> None:
        await tx.exec_driver_sql(
            "update counters set total = row.total from unnest($1::text[], $2::bigint[]) as row (name, total) "
            "where counters.name = row.name",
            (list(changed), list(changed.values())),
        )
        if not self.gate.is_set():
            self.backend = (await tx.exec_driver_sql("select pg_backend_pid()")).scalar_one()
            self.reached.set()
            await self.gate.wait()
