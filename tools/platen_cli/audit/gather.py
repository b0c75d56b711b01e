"""Reads topics, databases, group offsets and the sandbox's ledger into `Evidence`. Changes nothing."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg
import httpx
import platen_messaging.kafka  # noqa: F401  makes aiokafka read header names that are no UTF-8
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from platen_contracts.topics import CATALOGUE, Topic
from platen_messaging.faults import told

from platen_cli.errors import Unreachable
from platen_cli.stack.lag import SECONDS, _committed, _quiet

from .evidence import Books, Evidence, Json, Place, Record, Sent

PASSED_OVER = frozenset(
    ("tracking", name)
    for name in ("DispatchStarted", "DispatchDelayed", "DispatchRefused", "DispatchInDoubt", "DispatchWithdrawn")
)
"""What stands on a topic that a service reads, and is of no use to it; tests/tools hold this to the services' tables."""

_TABLES: Mapping[str, Mapping[str, str]] = {
    "orders": {
        "orders": "select id, shop_order, status, version, snapshot::text as snapshot from orders",
        "history": "select order_id, version, event::text as event from history order by order_id, version",
        "lines": "select shop_order, line_id, order_id from lines",
    },
    "dispatch": {"ledger": "select order_id, due is not null as due, lease from ledger"},
}


async def gather(
    bootstrap: str,
    databases: Mapping[str, str],
    prefix: str = "",
    *,
    sandbox: str = "",
    accepted: Collection[tuple[str, str]] = (),
    spoiled: Collection[Place] = (),
    forged: Collection[str] = (),
    catalogue: Mapping[str, Topic] = CATALOGUE,
    passed_over: Collection[tuple[str, str]] = PASSED_OVER,
) -> Evidence:
    """Everything there is now. Call it while nothing is under way.

    Args:
        databases: URL by service; of a service that is left out, nothing is judged.
        sandbox: the sandbox's address, where there is one.
    """
    try:
        committed = await asyncio.to_thread(_groups, bootstrap, prefix, list(databases))
        (topics, ends), books, vendors = await asyncio.gather(
            read_topics(bootstrap, prefix, list(catalogue)), _books(databases), _ledger(sandbox)
        )
    except (KafkaException, KafkaError) as problem:
        raise Unreachable(f"Kafka at {bootstrap} does not answer ({told(problem)}); see that it runs") from None
    return Evidence(
        prefix, topics, ends, books, committed, vendors, accepted, spoiled, forged, passed_over, catalogue
    )  # fmt: skip


async def read_topics(
    bootstrap: str, prefix: str, names: Sequence[str]
) -> tuple[dict[str, list[Record]], dict[tuple[str, int], int]]:
    """Every record of those topics that exist, and where each partition ends."""
    known = await asyncio.to_thread(_partitions, bootstrap)
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=4 * 1024 * 1024
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(prefix + name, number) for name in names for number in range(known.get(prefix + name, 0))]
        found: dict[str, list[Record]] = {name: [] for name in names if prefix + name in known}
        if not partitions:
            return found, {}
        consumer.assign(partitions)
        ends: dict[Any, int] = await consumer.end_offsets(partitions)
        starts: dict[Any, int] = await consumer.beginning_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, starts[partition])
        unread = {partition for partition in partitions if starts[partition] < ends[partition]}
        while unread:
            for batch in (await consumer.getmany(*unread, timeout_ms=200)).values():
                for record in batch:
                    name = record.topic[len(prefix) :]
                    found[name].append(
                        Record(name, record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)
                    )
            unread = {partition for partition in unread if await consumer.position(partition) < ends[partition]}
    finally:
        await consumer.stop()
    for name, records in found.items():
        found[name] = sorted(records, key=lambda record: record.place)
    return found, {(partition.topic[len(prefix) :], partition.partition): end for partition, end in ends.items()}


def _partitions(bootstrap: str) -> dict[str, int]:
    """How many, by topic."""
    found = AdminClient({"bootstrap.servers": bootstrap}, logger=_quiet).list_topics(timeout=SECONDS)
    return {name: len(topic.partitions) for name, topic in found.topics.items()}


def _groups(bootstrap: str, prefix: str, services: Sequence[str]) -> dict[str, dict[tuple[str, int], int]]:
    admin = AdminClient({"bootstrap.servers": bootstrap, "socket.connection.setup.timeout.ms": 5000}, logger=_quiet)
    listing = admin.list_consumer_groups(request_timeout=SECONDS).result()
    starts = tuple(f"{prefix}{service}." for service in services)
    names = sorted(group.group_id for group in listing.valid if group.group_id.startswith(starts))
    return {
        name[len(prefix) :]: {(topic[len(prefix) :], number): at for (topic, number), at in _committed(admin, name).items()}
        for name in names
    }


async def _books(databases: Mapping[str, str]) -> dict[str, Books]:
    return {service: await _book(service, url) for service, url in databases.items()}


async def _book(service: str, url: str) -> Books:
    connection = await asyncpg.connect(url)
    try:
        inbox = await connection.fetch("select id from inbox")
        sent = await connection.fetch("select id, message_id, topic, key from outbox_sent order by id")
        waiting = await connection.fetch("select message_id, topic, error from outbox order by id")
        paused = await connection.fetch("select name, reason from lanes where paused_at is not null")
        tables: dict[str, list[Json]] = {}
        for table, statement in _TABLES.get(service, {}).items():
            tables[table] = [_plain(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
    return Books(
        frozenset(bytes(row[0]) for row in inbox),
        [Sent(row[0], row[1], row[2], row[3]) for row in sent],
        [(row[0], row[1], row[2]) for row in waiting],
        {row[0]: row[1] for row in paused},
        tables,
    )


def _plain(row: Any) -> Json:
    found = dict(row)
    for name in ("snapshot", "event"):
        if name in found:
            found[name] = json.loads(found[name])
    return found


async def _ledger(sandbox: str) -> Json | None:
    if not sandbox:
        return None
    try:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            answer = await client.get(f"{sandbox}/sandbox/ledger")
            answer.raise_for_status()
            return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
        raise Unreachable(f"the sandbox at {sandbox} does not show its ledger ({problem or type(problem).__name__})") from None
