"""A Kafka record as this library sees it, and what it becomes: something to decide, something to skip, or a dead letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from platen_contracts.dead_letter import HEADERS, OFFSET, PARTITION, READER, REASON, TIME, TOPIC, letter_id
from platen_contracts.envelope import Meta, Undecodable, decode_headers, decode_value, rfc3339
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.topics import Topic

from .outbox import Row, pack

_MAX_KEY = 80
_MAX_REASON = 1000


class Record(Protocol):
    """The part of aiokafka's ConsumerRecord that is used. `timestamp` is in milliseconds since 1970."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to decide. `message` None: a tombstone. `topic` is the catalogue's name, empty for a local fact.

    `doubted`: it may have been handled before, without a trace in this database.
    """

    meta: Meta
    message: Message | None
    key: str
    topic: str
    record: Record | None = None
    doubted: bool = False


def local_fact(
    message: Message, fact_id: str, key: str, *, now: datetime, source: str = "", cause: Meta | None = None
) -> Incoming:
    """A fact that the service itself found out, such as the outcome of an effect. `cause`: what made it do so.

    It passes the desk like any message: give the same fact the same `fact_id` (`derived_id`), and it counts once.
    """
    meta = Meta(
        id=fact_id,
        type=message.TYPE,
        source=source,
        subject=key,
        time=now,
        correlation_id=None if cause is None else cause.correlation_id or cause.id,
        causation_id=None if cause is None else cause.id,
        replay_of=None if cause is None else cause.replay_of,
        traceparent=None if cause is None else cause.traceparent,
    )
    return Incoming(meta, message, key, "")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be honoured, and why."""

    record: Record
    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Turns records into what they mean, for one lane.

    Attributes:
        name: `service.lane`, named in dead letters.
        prefix: what a deployment puts before topic names.
        types: the messages that the lane decides, by CloudEvents type.
        doubts: (topic, partition) to the offset below which messages are doubted.
    """

    name: str
    service: str
    prefix: str
    types: Mapping[str, type[Message]]
    catalogue: Mapping[str, Topic]
    doubts: Mapping[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    def read(self, record: Record) -> Incoming | DeadLetter | None:
        """None: a message that others handle and this lane has no use for."""
        name = self.name_of(record)
        try:
            return self._understand(record, name)
        except Undecodable as problem:
            return DeadLetter(record, name, problem.reason)
        except Exception as failure:  # noqa: BLE001  a validator that trips over its input must not stop the lane for good
            return DeadLetter(record, name, f"{type(failure).__name__} while reading")

    def name_of(self, record: Record) -> str:
        """The catalogue's name of the record's topic."""
        return record.topic[len(self.prefix) :]

    def _understand(self, record: Record, name: str) -> Incoming | None:
        topic = self.catalogue.get(name)
        try:
            key = "" if record.key is None else record.key.decode()
        except UnicodeDecodeError:
            raise Undecodable("the key is not UTF-8") from None
        if record.value is None:
            if topic is None or not topic.compacted:
                raise Undecodable(f"the value is absent; {name} is not compacted, so tombstones mean nothing on it")
            return Incoming(_tombstone_meta(record, key), None, key, name, record)
        meta = decode_headers(record.headers)
        if topic is not None and not self._carries(topic, meta.type):
            raise Undecodable(f"header ce_type is {meta.type!r}, which {name} does not carry")
        kind = self.types.get(meta.type)
        if kind is None:
            return None
        message = decode_value(record.value, kind)
        if topic is not None and (due := topic.key_of(message)) is not None and due != key:
            # Records of one key keep their order, and compaction keeps the last of it: a wrong one loses both.
            raise Undecodable(f"the key is {key[:_MAX_KEY]!r}, and that of this message is {due!r}")
        doubted = bool(self.doubts) and record.offset < self.doubts.get((record.topic, record.partition), 0)
        return Incoming(meta, message, key, name, record, doubted)

    @staticmethod
    def _carries(topic: Topic, kind: str) -> bool:
        return any(kind == message.TYPE for message in topic.messages)

    def row(self, letter: DeadLetter, now: datetime) -> Row:
        """The outbox row of a dead letter: key, value and headers byte for byte, then reason and place."""
        record = letter.record
        place = (
            (REASON, letter.reason[:_MAX_REASON]),
            (READER, self.name),
            (TOPIC, letter.topic),
            (PARTITION, str(record.partition)),
            (OFFSET, str(record.offset)),
            (TIME, rfc3339(now)),
        )
        headers = [(name, value) for name, value in record.headers if name not in HEADERS]
        return Row(
            message_id=letter_id(self.name, letter.topic, record.partition, record.offset),
            topic=f"{self.service}.dead-letter",
            key=record.key,
            type=None,
            headers=pack([*headers, *((name, value.encode("utf-8", "replace")) for name, value in place)]),
            value=record.value,
            created_at=now,
        )


def _tombstone_meta(record: Record, key: str) -> Meta:
    """A tombstone may come from any tool, without our headers: then its place names it."""
    try:
        return decode_headers(record.headers)
    except Undecodable:
        moment = datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
        return Meta(derived_id("tombstone", record.topic, record.partition, record.offset), "", "", key, moment)
