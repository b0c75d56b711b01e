"""Messages on their way into the outbox table, in the transaction that decided them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from platen_contracts.envelope import Meta, encode
from platen_contracts.topics import Topic
from sqlalchemy.ext.asyncio import AsyncConnection

from .databases import begun
from .outcome import Outgoing

MAX_BYTES = 1024 * 1024
"""Of a record on a topic that the catalogue does not name."""

_RECORD_OVERHEAD = 256
"""Record batch header, lengths and the CloudEvents core headers' names, generously."""


_MANY = 200
"""Rows from which on a copy is cheaper than a statement, though it takes a round trip more."""

_INSERT = """
insert into outbox (message_id, topic, key, type, headers, value, created_at)
select message_id, topic, key, type, headers, value, created_at
from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[])
    with ordinality as row (message_id, topic, key, type, headers, value, created_at, place)
order by place
"""


class TooLarge(ValueError):
    """A message larger than its topic takes."""


class Row(NamedTuple):
    """One row of the outbox, in the order of its columns. `type` None: `headers` are complete and sent as they stand."""

    message_id: str
    topic: str
    key: bytes | None
    type: str | None
    headers: str
    value: bytes | None
    created_at: datetime


async def insert(tx: AsyncConnection, rows: Sequence[Row]) -> None:
    """Adds the rows in their order, in the transaction of `tx`."""
    if not rows:
        return
    driver = await begun(tx)
    if len(rows) < _MANY:
        await driver.execute(_INSERT, *zip(*rows, strict=True))
    else:
        await driver.copy_records_to_table("outbox", records=rows, columns=Row._fields)


def row_of(outgoing: Outgoing, extensions: str, now: datetime, catalogue: Mapping[str, Topic]) -> Row:
    """The row that sends `outgoing`; `extensions` from `extensions_of`. Raises `TooLarge` naming topic, key, size and limit."""
    value = outgoing.value if outgoing.value is not None else encode(outgoing.message)
    kind = outgoing.type or ("" if outgoing.message is None else outgoing.message.TYPE)
    row = Row(outgoing.id, outgoing.topic, outgoing.key.encode(), kind, extensions, value, now)
    topic = catalogue.get(outgoing.topic)
    limit = MAX_BYTES if topic is None else topic.max_bytes
    size = len(value or b"") + len(extensions) + 2 * len(outgoing.key) + _RECORD_OVERHEAD
    if size > limit:
        raise TooLarge(f"{kind} for {outgoing.topic} key {outgoing.key} is {size} bytes; the topic takes {limit}")
    return row


def extensions_of(cause: Meta | None) -> str:
    """The packed headers beside the CloudEvents core, for every message that follows from `cause`."""
    if cause is None:
        return "[]"
    pairs = [("ce_correlationid", cause.correlation_id or cause.id), ("ce_causationid", cause.id)]
    if cause.replay_of is not None:
        pairs.append(("ce_replayof", cause.replay_of))
    if cause.traceparent is not None:
        pairs.append(("traceparent", cause.traceparent))
    return pack([(name, value.encode()) for name, value in pairs])


def pack(headers: Sequence[tuple[str, bytes | None]]) -> str:
    """Headers as JSON text; every byte survives, UTF-8 or not."""
    return json.dumps([(name, None if value is None else value.decode("latin-1")) for name, value in headers])


@lru_cache(maxsize=1024)
def unpack(text: str) -> Sequence[tuple[str, bytes | None]]:
    """What `pack` was given. The messages of one cause stand together and share theirs."""
    return [(name, None if value is None else value.encode("latin-1")) for name, value in json.loads(text)]
