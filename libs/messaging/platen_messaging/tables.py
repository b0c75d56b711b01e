"""The tables of delivery, the same in every service's database. Called from a service's first Alembic migration."""

from __future__ import annotations

from typing import Any, Protocol

CREATE = (
    """create table inbox (
        id bytea primary key,
        seen_at timestamptz not null
    )""",
    "comment on table inbox is 'ids of the messages handled in the last 30 days; longer ids than 32 hex digits as their SHA-256'",
    "create index inbox_seen_at on inbox using brin (seen_at)",
    """create table outbox (
        id bigint generated always as identity primary key,
        message_id text not null,
        topic text not null,
        key bytea,
        type text,
        headers text not null,
        value bytea,
        created_at timestamptz not null,
        error text
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)""",
    "comment on table outbox is 'messages committed and not yet sent'",
    """comment on column outbox.headers is
        'JSON pairs, bytes as Latin-1: with a type those beside the CloudEvents core; without one (dead letters) all of them'""",
    "comment on column outbox.error is 'why it cannot be sent; parks every later row of its topic and key'",
    "create index outbox_parked on outbox (topic, key) where error is not null",
    """create table outbox_sent (
        id bigint not null,
        message_id text not null,
        topic text not null,
        key bytea,
        type text,
        headers text not null,
        value bytea,
        created_at timestamptz not null,
        sent_at timestamptz not null default now()
    )""",
    "comment on table outbox_sent is 'messages that Kafka acknowledged in the last 7 days'",
    "create index outbox_sent_at on outbox_sent using brin (sent_at)",
    # Compressing every value twice costs more than the seven days of disk it saves, and so does cutting it into pieces.
    "alter table outbox alter column value set storage external",
    "alter table outbox_sent alter column value set storage external",
    "alter table outbox set (toast_tuple_target = 8160)",
    "alter table outbox_sent set (toast_tuple_target = 8160)",
    """create table relay (
        one boolean primary key default true check (one),
        holder text not null,
        beat_at timestamptz not null
    )""",
    "comment on table relay is 'who sends the outbox now, stamped every second'",
    """create table lanes (
        name text primary key,
        paused_at timestamptz,
        reason text
    )""",
    "comment on table lanes is 'lanes that were paused because too much went wrong'",
)

TABLES = ("inbox", "outbox", "outbox_sent", "relay", "lanes")


class Operations(Protocol):
    """What is used of `alembic.op`."""

    def execute(self, sqltext: str, /) -> Any: ...


def create_delivery_tables(op: Operations) -> None:
    """Creates inbox, outbox, outbox_sent, relay and lanes."""
    for statement in CREATE:
        op.execute(statement)


def drop_delivery_tables(op: Operations) -> None:
    """Drops what `create_delivery_tables` made."""
    for table in TABLES:
        op.execute(f"drop table if exists {table}")
