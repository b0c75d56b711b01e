"""Topics as the catalogue wants them: created when missing, settings corrected, partitions never touched."""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin documents these names without listing them in __all__.
from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from platen_contracts.topics import CATALOGUE, DAY_MS, FOREVER, Topic

from platen_cli.errors import Unreachable, UserError

SEGMENT_MS = DAY_MS
REQUEST_SECONDS = 30
_quiet = logging.getLogger("platen.kafka-client")
_quiet.setLevel(logging.CRITICAL)


class TopicState(StrEnum):
    CREATED = "created"
    UNCHANGED = "unchanged"
    CORRECTED = "corrected"
    """Settings differed and were set right."""
    MISSING = "missing"
    """Not there (only told, never left so by provisioning)."""
    DIFFERS = "differs"
    """Something differs that is left as it is: partitions are for life, since another count moves keys."""


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What was found, and done, about one topic; `detail` names settings as `name old -> new`."""

    name: str
    state: TopicState
    partitions: int
    settings: Mapping[str, str]
    detail: str = ""


def wanted_settings(topic: Topic) -> dict[str, str]:
    """The broker's settings for one topic.

    A record outlives `retention.ms` by up to a segment, so where the catalogue promises an end to personal data a segment's
    length is taken off; a tombstone erases within `max.compaction.lag.ms`.
    """
    size = {"max.message.bytes": str(topic.max_bytes)}
    if topic.retention_ms is None:
        return {**size, "cleanup.policy": "compact", "max.compaction.lag.ms": str(DAY_MS), "min.cleanable.dirty.ratio": "0.2"}
    if topic.retention_ms == FOREVER:
        return {**size, "cleanup.policy": "delete", "retention.ms": "-1"}
    margin = SEGMENT_MS if topic.personal and topic.retention_ms > SEGMENT_MS else 0
    return {
        **size,
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms - margin),
        "segment.ms": str(SEGMENT_MS),
    }


async def provision_topics(bootstrap: str, topics: Iterable[Topic] | None = None, prefix: str = "") -> list[TopicReport]:
    """Brings the broker's topics to what the catalogue says; safe to run again at any time.

    Args:
        bootstrap: `host:port` of the broker.
        topics: which; the whole catalogue by default.
        prefix: put before every name.

    Raises:
        UserError: no broker answers, or it refuses.
    """
    return await asyncio.to_thread(_provision, bootstrap, _chosen(topics), prefix)


async def describe_topics(bootstrap: str, topics: Iterable[Topic] | None = None, prefix: str = "") -> list[TopicReport]:
    """What provisioning would find, without changing anything: CREATED never, CORRECTED never; MISSING and DIFFERS instead."""
    return await asyncio.to_thread(_describe, bootstrap, _chosen(topics), prefix)


async def delete_topics(bootstrap: str, names: Iterable[str]) -> None:
    """Deletes topics by their full names; those that are not there are passed over."""

    def delete() -> None:
        admin = _admin(bootstrap)
        for future in admin.delete_topics(list(names), operation_timeout=REQUEST_SECONDS).values():
            try:
                future.result(REQUEST_SECONDS)
            except KafkaException as problem:
                if problem.args[0].name() != "UNKNOWN_TOPIC_OR_PART":
                    raise

    await asyncio.to_thread(delete)


def _chosen(topics: Iterable[Topic] | None) -> list[Topic]:
    return list(CATALOGUE.values() if topics is None else topics)


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "socket.connection.setup.timeout.ms": 5000}, logger=_quiet)


def _existing(admin: AdminClient, bootstrap: str) -> dict[str, int]:
    """Partitions of every topic of the broker."""
    try:
        listing = admin.list_topics(timeout=5)
    except KafkaException:
        raise Unreachable(f"PLATEN_KAFKA={bootstrap}: no broker answers there; start it, or correct the address") from None
    return {name: len(found.partitions) for name, found in listing.topics.items()}


def _settings(admin: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    return {
        resource.name: {entry.name: str(entry.value) for entry in future.result(REQUEST_SECONDS).values()}
        for resource, future in asked.items()
    }


def _describe(bootstrap: str, topics: list[Topic], prefix: str) -> list[TopicReport]:
    admin = _admin(bootstrap)
    existing = _existing(admin, bootstrap)
    settings = _settings(admin, [prefix + topic.name for topic in topics if prefix + topic.name in existing])
    return [_compared(topic, prefix + topic.name, existing, settings) for topic in topics]


def _compared(topic: Topic, name: str, existing: Mapping[str, int], settings: Mapping[str, dict[str, str]]) -> TopicReport:
    if name not in existing:
        return TopicReport(name, TopicState.MISSING, 0, {})
    wanted = wanted_settings(topic)
    seen = {key: settings[name].get(key, "") for key in wanted}
    wrong = [f"{key} {seen[key]} -> {value}" for key, value in wanted.items() if seen[key] != value]
    if existing[name] != topic.partitions:
        wrong.append(f"{existing[name]} partitions where the catalogue says {topic.partitions}: left, they are for life")
    state = TopicState.DIFFERS if wrong else TopicState.UNCHANGED
    return TopicReport(name, state, existing[name], seen, "; ".join(wrong))


def _provision(bootstrap: str, topics: list[Topic], prefix: str) -> list[TopicReport]:
    admin = _admin(bootstrap)
    reports: list[TopicReport] = []
    by_name = {prefix + topic.name: topic for topic in topics}
    for before in _describe(bootstrap, topics, prefix):
        topic = by_name[before.name]
        if before.state is TopicState.MISSING:
            reports.append(TopicReport(before.name, TopicState.CREATED, topic.partitions, wanted_settings(topic)))
        elif before.state is TopicState.DIFFERS and dict(before.settings) != wanted_settings(topic):
            state = TopicState.CORRECTED if before.partitions == topic.partitions else TopicState.DIFFERS
            reports.append(TopicReport(before.name, state, before.partitions, wanted_settings(topic), before.detail))
        else:
            reports.append(before)
    try:
        created = [report for report in reports if report.state is TopicState.CREATED]
        overtaken = _create(admin, created)
        _wait_visible(admin, [report.name for report in created])
        _correct(admin, [r for r in reports if r.state in (TopicState.CORRECTED, TopicState.DIFFERS)])
    except KafkaException as problem:
        raise UserError(f"PLATEN_KAFKA={bootstrap}: the broker refused to set up topics ({problem.args[0].str()})") from None
    if overtaken:
        again = _provision(bootstrap, [by_name[name] for name in overtaken], prefix)
        reports = [*(report for report in reports if report.name not in overtaken), *again]
    return reports


def _create(admin: AdminClient, reports: list[TopicReport]) -> set[str]:
    """Creates those topics; returns the names that another set-up job had created meanwhile."""
    if not reports:
        return set()
    overtaken: set[str] = set()
    left = {report.name: NewTopic(report.name, report.partitions, config=dict(report.settings)) for report in reports}
    deadline = time.monotonic() + REQUEST_SECONDS
    while left:
        for name, future in admin.create_topics(list(left.values()), operation_timeout=REQUEST_SECONDS).items():
            try:
                future.result(REQUEST_SECONDS)
            except KafkaException as problem:
                if _is_fenced(problem) and time.monotonic() < deadline:
                    continue
                if problem.args[0].name() != "TOPIC_ALREADY_EXISTS":
                    raise
                overtaken.add(name)
            del left[name]
        time.sleep(0.2 if left else 0)
    return overtaken


def _is_fenced(problem: KafkaException) -> bool:
    """The broker missed its own heartbeats, as on a busy machine: it takes topics again with its next one."""
    return problem.args[0].name() == "INVALID_REPLICATION_FACTOR" and "fenced" in problem.args[0].str()


def _wait_visible(admin: AdminClient, names: list[str]) -> None:
    """A broker may acknowledge a new topic moments before its own metadata shows it and its leaders."""
    deadline = time.monotonic() + REQUEST_SECONDS
    while names:
        topics = admin.list_topics(timeout=REQUEST_SECONDS).topics
        names = [name for name in names if name not in topics or any(p.leader < 0 for p in topics[name].partitions.values())]
        if names and time.monotonic() > deadline:
            raise Unreachable(f"topic {names[0]} was created but has no leader after {REQUEST_SECONDS} s; is a broker down?")
        time.sleep(0.02 if names else 0)


def _correct(admin: AdminClient, reports: list[TopicReport]) -> None:
    if not reports:
        return
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            report.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in report.settings.items()
            ],
        )
        for report in reports
    ]
    for future in admin.incremental_alter_configs(resources).values():
        future.result(REQUEST_SECONDS)
