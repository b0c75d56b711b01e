"""What the auditor judges by: plain data, gathered once, while nothing is under way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from platen_contracts import dead_letter
from platen_contracts.topics import CATALOGUE, Topic

from platen_cli.wire import json_object

Json = dict[str, Any]
Place = tuple[str, int, int]
"""Topic (the catalogue's name), partition, offset."""


@dataclass(frozen=True)
class Record:
    """A record as it stands on its topic. `timestamp` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def place(self) -> Place:
        return self.topic, self.partition, self.offset

    @cached_property
    def named(self) -> dict[str, str]:
        """Headers as text; of one that stands twice, the last."""
        return {name: (raw or b"").decode("utf-8", "replace") for name, raw in self.headers}

    @property
    def id(self) -> str:
        return self.named.get("ce_id", "")

    @property
    def type(self) -> str:
        """The message's name without owner and version, such as `OrderChanged`."""
        return self.named.get("ce_type", "").rpartition(".v")[0].rpartition(".")[2]

    @cached_property
    def body(self) -> Json:
        """The value as a JSON object; empty where it is none."""
        return json_object(self.value)

    @property
    def text_key(self) -> str:
        return (self.key or b"").decode("utf-8", "replace")

    @property
    def original(self) -> Place:
        """Of a dead letter: where the record stood."""
        named = self.named
        return named[dead_letter.TOPIC], int(named[dead_letter.PARTITION]), int(named[dead_letter.OFFSET])


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of outbox_sent."""

    id: int
    message_id: str
    topic: str
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Books:
    """What one service's database holds.

    Attributes:
        inbox: keys of the messages handled, as the table has them.
        waiting: rows of the outbox: (message id, topic, error).
        paused: paused lanes with the reason.
        tables: rows of the service's own tables by table, where the auditor reads some.
    """

    inbox: frozenset[bytes]
    sent: Sequence[Sent]
    waiting: Sequence[tuple[str, str, str | None]]
    paused: Mapping[str, str]
    tables: Mapping[str, Sequence[Json]] = field(default_factory=dict[str, Sequence[Json]])


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was found. What is missing is not judged.

    Attributes:
        prefix: what the deployment puts before topics and groups.
        topics: records by topic, in the order of partitions and offsets.
        ends: the offset after the last record, by topic and partition.
        books: by service.
        committed: by consumer group without prefix, then by topic and partition.
        vendors: the ledger of the sandbox.
        accepted: (shop id, shop order id) of the shop orders that the shops took and Platen must know.
        spoiled: places of records that were meant to end in dead letters; any other dead letter is a violation.
        forged: ids of messages that were put on a service's topic by somebody else, on purpose.
        passed_over: (service, message name) that the service's lanes have no use for.
        since: milliseconds since 1970. What is older is not judged by the books: services forget what they sent and read.
    """

    prefix: str
    topics: Mapping[str, Sequence[Record]]
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    books: Mapping[str, Books] = field(default_factory=dict[str, Books])
    committed: Mapping[str, Mapping[tuple[str, int], int]] = field(default_factory=dict[str, Mapping[tuple[str, int], int]])
    vendors: Json | None = None
    accepted: Collection[tuple[str, str]] = ()
    spoiled: Collection[Place] = ()
    forged: Collection[str] = ()
    passed_over: Collection[tuple[str, str]] = ()
    catalogue: Mapping[str, Topic] = field(default_factory=lambda: CATALOGUE)
    since: int = 0

    @property
    def buried(self) -> frozenset[Place]:
        """The places of all records that have ended in dead letters."""
        letters = [it for topic, records in self.topics.items() if topic.endswith(".dead-letter") for it in records]
        return frozenset(it.original for it in letters if all(name in it.named for name in dead_letter.HEADERS))

    def of(self, topic: str) -> Sequence[Record]:
        return self.topics.get(topic, ())


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken. `order` is an order's id where one is concerned."""

    promise: str
    what: str
    order: str = ""

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the auditor found, and how much it looked at."""

    violations: Sequence[Violation]
    counts: Mapping[str, int]
