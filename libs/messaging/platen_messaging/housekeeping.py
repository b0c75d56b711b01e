"""What is forgotten: inbox ids after 30 days, sent messages after 7."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from . import inbox
from .log import logger
from .waiting import wait

log = logger("housekeeping")

SENT_KEPT = timedelta(days=7)
_EVERY = 3600.0
_CHUNK = 20_000

_FORGET = (("inbox", "seen_at", inbox.MEMORY), ("outbox_sent", "sent_at", SENT_KEPT))


async def tidy(engine: AsyncEngine) -> dict[str, int]:
    """Deletes what is past its time, in small transactions; returns the rows deleted by table."""
    deleted: dict[str, int] = {}
    for table, column, age in _FORGET:
        rows = f"select ctid from {table} where {column} < now() - $1::interval limit $2"
        statement = f"delete from {table} where ctid in ({rows})"
        deleted[table] = 0
        count = _CHUNK
        while count == _CHUNK:
            async with engine.begin() as tx:
                count = (await tx.exec_driver_sql(statement, (age, _CHUNK))).rowcount
            deleted[table] += count
    return deleted


async def keep_tidy(engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Tidies every hour until `stop` is set."""
    while not await wait(stop, _EVERY):
        log.info("forgotten", **await tidy(engine))
