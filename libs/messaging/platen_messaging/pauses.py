"""Lanes that were paused because too much went wrong; kept in the database, so that a restart stays paused."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from . import metrics
from .health import Health
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


class Pause:
    """The pause of one lane: it begins with this member's own verdict, or with what its database says for all of them."""

    def __init__(self, engine: AsyncEngine, lane: str, health: Health) -> None:
        self._engine = engine
        self._lane = lane
        self._health = health
        self._bad = Bad()
        self._verdict: str | None = None
        self.begun = asyncio.Event()
        """Set as soon as this member knows of the pause, until it is over."""

    def judge(self, records: Iterable[Record], buried: Iterable[Record]) -> None:
        """The pause begins at once if too many of the last messages became dead letters; `is_paused` writes it down."""
        self._bad.count(records, buried)
        if (verdict := self._bad.verdict) is not None:
            self._verdict = verdict
            self.begun.set()

    async def is_paused(self) -> bool:
        """Writes down the verdict, looks what the database says, and tells of it. Raises what the database raises."""
        if self._verdict is not None:
            await pause(self._engine, self._lane, self._verdict)
            self._verdict = None
        reason = (await paused(self._engine)).get(self._lane)
        metrics.PAUSED.labels(self._lane).set(reason is not None)
        if self._verdict is not None:  # it came while the database was asked, and is written down at the next look
            return True
        if reason is None:
            if self.begun.is_set():
                self.begun.clear()
                self._bad.forgive()
            return False
        self.begun.set()
        remedy = "see the dead letters, mend the cause, then resume the lane"
        self._health.set(f"lane {self._lane}", f"paused: {reason}", remedy)
        return True


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
