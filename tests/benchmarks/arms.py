"""The arms beside ours. All decide with the same pure functions and leave the same rows; they differ in how they get there.

naive: what one writes first. Per message: one SQLAlchemy ORM transaction, acknowledged publishes, one offset commit.
competent: asyncpg, a transaction per message, pipelined publishes, offsets every 100 messages.
ceiling: asyncpg, 500 messages per transaction, rows made beforehand; no Kafka, no pydantic, no decisions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from platen_contracts.envelope import Meta, decode_headers, decode_value, encode, encode_headers
from platen_contracts.topics import CATALOGUE
from platen_messaging.databases import database_url
from platen_messaging.inbox import key_of
from platen_messaging.outbox import extensions_of
from platen_messaging.outcome import Applied, Context, Outgoing, Unusable
from platen_orders.decide.change import HISTORY, published
from platen_orders.handlers import COMMANDS, FACTS
from platen_orders.model import Entry, Held, Order
from sqlalchemy import DateTime, Integer, LargeBinary, String, Text, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.orders import world as w

from .workload import Piece

FACT_TOPICS = ("orders.commands", "render.results", "dispatch.results", "tracking.updates")
_ORDER = msgspec.json.Decoder(Order)


@dataclass
class Rows:
    """What one message leaves behind."""

    held: Held | None = None
    history: list[Outgoing] = field(default_factory=list[Outgoing])
    sent: list[Outgoing] = field(default_factory=list[Outgoing])


def decide(held: Held | None, message: Any, meta: Meta) -> Rows:
    """The orders service's own decision on one message, as rows."""
    states: dict[str, Entry] = {"artwork:mug/1": w.MUG}
    if held is not None:
        states[held.order.id] = held
    handlers = COMMANDS if type(message) in _COMMAND_TYPES else FACTS
    now = datetime.now(UTC)
    outcome = handlers.decide(states, message, Context(now, meta))
    if isinstance(outcome, Unusable):
        return Rows()
    sent = list(outcome.messages)
    changed = dict(outcome.states) if isinstance(outcome, Applied) else {}
    sent += published(changed, now)
    after = next((it for it in changed.values() if isinstance(it, Held)), None)
    return Rows(after, [it for it in sent if it.topic == HISTORY], sent)


_COMMAND_TYPES = set(COMMANDS.types.values())


def record_of(outgoing: Outgoing, cause: Meta) -> tuple[bytes, bytes | None, list[tuple[str, bytes]]]:
    value = outgoing.value if outgoing.value is not None else encode(outgoing.message)
    kind = outgoing.type or ("" if outgoing.message is None else outgoing.message.TYPE)
    meta = Meta(outgoing.id, kind, "/platen/orders", outgoing.key, datetime.now(UTC), cause.correlation_id or cause.id, cause.id)
    return outgoing.key.encode(), value, encode_headers(meta)


def _sent_row(outgoing: Outgoing, cause: Meta) -> tuple[Any, ...]:
    key, value, _ = record_of(outgoing, cause)
    kind = outgoing.type or ("" if outgoing.message is None else outgoing.message.TYPE)
    return (outgoing.id, outgoing.topic, key, kind, extensions_of(cause), value, datetime.now(UTC))


# --- naive


class Base(DeclarativeBase):
    pass


class Inbox(Base):
    __tablename__ = "inbox"
    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ShopOrderRow(Base):
    __tablename__ = "shop_orders"
    key: Mapped[str] = mapped_column(String, primary_key=True)


class OrderRow(Base):
    __tablename__ = "bench_orders"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    shop_order: Mapped[str] = mapped_column(String)
    status: Mapped[str] = mapped_column(String)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    snapshot: Mapped[str] = mapped_column(Text)


class HistoryRow(Base):
    __tablename__ = "bench_history"
    order_id: Mapped[str] = mapped_column(String, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    event: Mapped[str] = mapped_column(Text)


class SentRow(Base):
    __tablename__ = "bench_sent"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    message_id: Mapped[str] = mapped_column(Text)
    topic: Mapped[str] = mapped_column(Text)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    type: Mapped[str] = mapped_column(Text)
    headers: Mapped[str] = mapped_column(Text)
    value: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


PREPARE = (
    # The same rows with text in place of json, which an ORM would otherwise parse: that favours the naive arm.
    """create table bench_orders as
        select id, shop_order, status, version, state::text as state, snapshot::text as snapshot from orders""",
    "alter table bench_orders add primary key (id)",
    "alter table bench_orders alter column state set storage external, alter column snapshot set storage external",
    "create table bench_history (order_id text, version int, event text storage external, primary key (order_id, version))",
    """create table bench_sent (
        id bigint generated always as identity primary key, message_id text, topic text, key bytea, type text,
        headers text, value bytea storage external, created_at timestamptz
    )""",
)


async def naive(bootstrap: str, prefix: str, database: str, expected: int) -> float:
    """Seconds for `expected` records."""
    engine = create_async_engine(database_url(database))
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    consumer: Any = AIOKafkaConsumer(
        *(prefix + topic for topic in FACT_TOPICS),
        bootstrap_servers=bootstrap,
        group_id=prefix + "naive",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    began = 0.0
    for place in range(expected):
        record = await consumer.getone()
        began = began or time.perf_counter()
        meta = decode_headers(record.headers)
        message = decode_value(record.value, CATALOGUE[record.topic.removeprefix(prefix)].types[meta.type])
        async with sessions() as session, session.begin():
            sent = await _naive_apply(session, message, meta)
        for outgoing in sent:
            key, value, headers = record_of(outgoing, meta)
            await producer.send_and_wait(prefix + outgoing.topic, value, key=key, headers=headers)
        await consumer.commit()
        del place
    seconds = time.perf_counter() - began
    await consumer.stop()
    await producer.stop()
    await engine.dispose()
    return seconds


async def _naive_apply(session: AsyncSession, message: Any, meta: Meta) -> Sequence[Outgoing]:
    if await session.get(Inbox, key_of(meta.id)) is not None:
        return ()
    session.add(Inbox(id=key_of(meta.id), seen_at=datetime.now(UTC)))
    row = await session.get(OrderRow, message.order_id)
    held = None
    if row is not None:
        await session.execute(select(ShopOrderRow.key).where(ShopOrderRow.key == row.shop_order).with_for_update())
        held = Held(_ORDER.decode(row.state), msgspec.json.decode(row.snapshot))
    rows = decide(held, message, meta)
    if rows.held is not None and row is not None:
        row.status, row.version = rows.held.order.status.value, rows.held.order.version
        row.state = msgspec.json.encode(rows.held.order).decode()
        row.snapshot = msgspec.json.encode(rows.held.public).decode()
    for event in rows.history:
        session.add(HistoryRow(order_id=event.key, version=event.version, event=(event.value or b"").decode()))
    for outgoing in rows.sent:
        names = ("message_id", "topic", "key", "type", "headers", "value", "created_at")
        session.add(SentRow(**dict(zip(names, _sent_row(outgoing, meta), strict=True))))
    return rows.sent


# --- competent


async def competent(bootstrap: str, prefix: str, database: str, expected: int) -> float:
    """Seconds for `expected` records."""
    connection = await asyncpg.connect(database)
    consumer: Any = AIOKafkaConsumer(
        *(prefix + topic for topic in FACT_TOPICS),
        bootstrap_servers=bootstrap,
        group_id=prefix + "competent",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    began, open_sends = 0.0, list[Any]()
    for place in range(expected):
        record = await consumer.getone()
        began = began or time.perf_counter()
        meta = decode_headers(record.headers)
        message: Any = decode_value(record.value, CATALOGUE[record.topic.removeprefix(prefix)].types[meta.type])
        async with connection.transaction():
            sent = await _competent_apply(connection, message, meta)
        for outgoing in sent:
            key, value, headers = record_of(outgoing, meta)
            open_sends.append(await producer.send(prefix + outgoing.topic, value, key=key, headers=headers))
        if place % 100 == 99:
            await asyncio.gather(*open_sends)
            open_sends.clear()
            await consumer.commit()
    await asyncio.gather(*open_sends)
    await consumer.commit()
    seconds = time.perf_counter() - began
    await consumer.stop()
    await producer.stop()
    await connection.close()
    return seconds


async def _competent_apply(connection: Any, message: Any, meta: Meta) -> Sequence[Outgoing]:
    seen = "insert into inbox (id, seen_at) values ($1, now()) on conflict do nothing returning id"
    if await connection.fetchval(seen, key_of(meta.id)) is None:
        return ()
    row = await connection.fetchrow(
        "select o.state, o.snapshot from bench_orders o join shop_orders s on s.key = o.shop_order "
        "where o.id = $1 for update of s",
        message.order_id,
    )
    held = None if row is None else Held(_ORDER.decode(row[0]), msgspec.json.decode(row[1]))
    rows = decide(held, message, meta)
    if rows.held is not None:
        await connection.execute(
            "update bench_orders set status = $2, version = $3, state = $4, snapshot = $5 where id = $1",
            *_order_row(rows.held),
        )
    if rows.history:
        events = [(event.key, event.version, (event.value or b"").decode()) for event in rows.history]
        await connection.executemany("insert into bench_history values ($1, $2, $3)", events)
    if rows.sent:
        await connection.executemany(_INSERT_SENT, [_sent_row(outgoing, meta) for outgoing in rows.sent])
    return rows.sent


_INSERT_SENT = (
    "insert into bench_sent (message_id, topic, key, type, headers, value, created_at) values ($1, $2, $3, $4, $5, $6, $7)"
)


def _order_row(held: Held) -> tuple[Any, ...]:
    state, snapshot = msgspec.json.encode(held.order).decode(), msgspec.json.encode(held.public).decode()
    return (held.order.id, held.order.status.value, held.order.version, state, snapshot)


# --- ceiling


@dataclass
class Prepared:
    """One batch of 500 as columns, ready to write."""

    ids: list[bytes]
    orders: list[tuple[Any, ...]]
    history: list[tuple[Any, ...]]
    sent: list[tuple[Any, ...]]


def prepare(pieces: Sequence[Piece], states: dict[str, Held], size: int = 500) -> list[Prepared]:
    """Decides everything beforehand, batch by batch; one snapshot per order and batch, as ours."""
    batches: list[Prepared] = []
    seen: set[str] = set()
    for start in range(0, len(pieces), size):
        batch = Prepared([], [], [], [])
        changed: dict[str, Entry] = {}
        for piece in pieces[start : start + size]:
            batch.ids.append(key_of(piece.meta.id))
            if piece.meta.id in seen:
                continue
            seen.add(piece.meta.id)
            message: Any = piece.message
            rows = decide(states.get(message.order_id), message, piece.meta)
            if rows.held is not None:
                states[message.order_id] = rows.held
                changed[message.order_id] = rows.held
            batch.history += [(it.key, it.version, (it.value or b"").decode()) for it in rows.history]
            once = {"orders.status", "orders.private"}
            batch.sent += [_sent_row(it, piece.meta) for it in rows.sent if it.topic not in once]
        held = [it for it in changed.values() if isinstance(it, Held)]
        batch.orders = [_order_row(it) for it in held]
        batch.sent += [_sent_row(it, pieces[start].meta) for it in published(changed, datetime.now(UTC))]
        batches.append(batch)
    return batches


async def write(connection: Any, batch: Prepared) -> None:
    """One transaction: inbox, lock and read, state, history, outbox; then the outbox is moved on, as a relay does."""
    async with connection.transaction():
        await connection.execute(
            "insert into inbox select id, now() from unnest($1::bytea[]) as id on conflict do nothing", sorted(set(batch.ids))
        )
        columns = list(zip(*batch.orders, strict=True)) or [[], [], [], [], []]
        await connection.fetch(
            "select key from shop_orders where key in (select shop_order from bench_orders where id = any($1::text[])) "
            "order by key for update",
            columns[0],
        )
        await connection.fetch("select state, snapshot from bench_orders where id = any($1::text[])", columns[0])
        await connection.execute(
            "update bench_orders o set status = r.status, version = r.version, state = r.state, snapshot = r.snapshot "
            "from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[]) as r (id, status, version, state, snapshot) "
            "where o.id = r.id",
            *columns,
        )
        await connection.copy_records_to_table("bench_history", records=batch.history)
        names = ("message_id", "topic", "key", "type", "headers", "value", "created_at")
        await connection.copy_records_to_table("outbox", records=batch.sent, columns=names)
    await connection.execute(
        "with gone as (delete from outbox returning *) "
        "insert into bench_sent (message_id, topic, key, type, headers, value, created_at) "
        "select message_id, topic, key, type, headers, value, created_at from gone"
    )


async def ceiling(database: str, batches: Iterable[Prepared]) -> float:
    """Seconds for all batches."""
    connection = await asyncpg.connect(database)
    began = time.perf_counter()
    for batch in batches:
        await write(connection, batch)
    seconds = time.perf_counter() - began
    await connection.close()
    return seconds
