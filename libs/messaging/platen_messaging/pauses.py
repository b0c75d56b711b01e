"""Lanes that were paused because too much went wrong; kept in the database, so that a restart stays paused."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from .records import Record

WINDOW = 200
AT_LEAST = 50


class Bad:
    """How many of the last 200 messages could not be honoured.

    Each is judged once: the batch that paused the lane may be read again when it goes on, if its offsets were lost.
    """

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._judged: dict[tuple[str, int], int] = {}
        """(topic, partition) to the next offset to be judged."""

    def count(self, records: Iterable[Record], buried: Iterable[Record]) -> None:
        bad = {(it.topic, it.partition, it.offset) for it in buried}
        for it in records:
            if it.offset >= self._judged.get((it.topic, it.partition), 0):
                self._judged[it.topic, it.partition] = it.offset + 1
                self._last.append((it.topic, it.partition, it.offset) in bad)

    def forgive(self) -> None:
        """The lane goes on, with a clean slate."""
        self._last.clear()

    @property
    def verdict(self) -> str | None:
        """Why the lane has to pause: more than half of them were bad, and at least 50."""
        bad = sum(self._last)
        if bad < AT_LEAST or bad * 2 <= len(self._last):
            return None
        return f"{bad} of the last {len(self._last)} messages could not be honoured"


async def pause(engine: AsyncEngine, lane: str, reason: str) -> None:
    """Every instance of the service stops reading this lane within seconds. A lane paused already keeps its reason."""
    async with engine.begin() as tx:
        await tx.exec_driver_sql(
            "insert into lanes (name, paused_at, reason) values ($1, now(), $2) "
            "on conflict (name) do update set paused_at = now(), reason = excluded.reason where lanes.paused_at is null",
            (lane, reason),
        )


async def resume(engine: AsyncEngine, lane: str) -> bool:
    """Lets a paused lane go on where it stopped; False if it was not paused."""
    async with engine.begin() as tx:
        done = await tx.exec_driver_sql(
            "update lanes set paused_at = null, reason = null where name = $1 and paused_at is not null", (lane,)
        )
        return done.rowcount == 1


async def paused(engine: AsyncEngine) -> Mapping[str, str]:
    """Every paused lane with the reason."""
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql("select name, reason from lanes where paused_at is not null")
        return {str(row[0]): str(row.reason) for row in rows}
