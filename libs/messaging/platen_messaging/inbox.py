"""The inbox: a message id that stands here was handled, and is not handled again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

MEMORY = timedelta(days=30)
"""How long ids are remembered. Older messages cannot be told from new ones by their id."""

_OUR_IDS = re.compile(r"[0-9a-f]{32}")

_INSERT = """
insert into inbox (id, seen_at) select id, $2 from unnest($1::bytea[]) as id
on conflict do nothing returning id
"""


def key_of(message_id: str) -> bytes:
    """The inbox's key: 16 bytes for ids of ours, else 32 (a hash), so that they never meet."""
    if _OUR_IDS.fullmatch(message_id):
        return bytes.fromhex(message_id)
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).digest()


async def remember(tx: AsyncConnection, ids: Iterable[str], now: datetime) -> set[str]:
    """Writes the ids down; returns those not seen before. Waits for a transaction that is writing one of them."""
    keys = {key_of(message_id): message_id for message_id in ids}
    if not keys:
        return set()
    # Sorted, so that two members that were given the same batch wait for each other in one direction.
    found = await tx.exec_driver_sql(_INSERT, (sorted(keys), now))
    return {keys[bytes(row[0])] for row in found}


async def forget(tx: AsyncConnection, ids: Sequence[str]) -> None:
    """For messages that became dead letters: they may come again under their own ids."""
    if ids:
        await tx.exec_driver_sql("delete from inbox where id = any($1::bytea[])", ([key_of(message_id) for message_id in ids],))
