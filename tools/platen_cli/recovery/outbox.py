"""What Kafka would not take: rows of a service's outbox that are parked with all behind them of their topic and key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from platen_messaging.relay import unpark

from .reach import Reach, engine_at

_PARKED = """
select topic, coalesce(convert_from(key, 'UTF8'), ''), message_id, created_at, error, (
    select count(*) from outbox behind where behind.topic = o.topic and behind.key is not distinct from o.key and behind.id > o.id
)
from outbox o where error is not null order by id limit 1000
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that was refused, why, and how many wait behind it."""

    service: str
    topic: str
    key: str
    message_id: str
    since: datetime
    error: str
    behind: int


async def parked(where: Reach) -> Sequence[Parked]:
    """Of every service whose database is known, at most a thousand each. Raises `Unreachable`."""
    found: list[Parked] = []
    for service, url in where.databases.items():
        async with engine_at(url) as engine, engine.connect() as connection:
            rows = (await connection.exec_driver_sql(_PARKED)).all()
        found += [Parked(service, *row) for row in rows]
    return found


async def retry(where: Reach, service: str, topic: str | None) -> int:
    """Lets what is parked be tried again, of one topic or all; returns how many. The relay does it within a second."""
    async with engine_at(where.database(service)) as engine:
        return await unpark(engine, topic)
