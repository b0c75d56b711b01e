"""How a message stands on the wire: JSON in the value, CloudEvents 1.0 binary mode in the headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from pydantic import ValidationError

from platen_contracts.message import Message

Headers = list[tuple[str, bytes]]


class Meta(NamedTuple):
    """The envelope of one message. Times are aware and UTC; ids are 32 hex digits where Platen made them."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    correlation_id: str | None = None
    """The id of the message that began the conversation."""
    causation_id: str | None = None
    """The id of the message that this one follows from."""
    replay_of: str | None = None
    traceparent: str | None = None


class Undecodable(ValueError):
    """A record that can never be understood: `reason` says which header or field, and what was expected."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")
_OTHERS = ("content-type", "traceparent")


@lru_cache(maxsize=1024)
def _often(name: str, value: str) -> tuple[str, bytes]:
    """A header that many messages in a row share."""
    return name, value.encode()


def encode_headers(meta: Meta) -> Headers:
    """CloudEvents headers of `meta`, in a fixed order."""
    headers = [
        _SPECVERSION,
        ("ce_id", meta.id.encode()),
        _often("ce_type", meta.type),
        _often("ce_source", meta.source),
        _often("ce_time", rfc3339(meta.time)),
        _CONTENT_TYPE,
    ]
    for name, value in (
        ("ce_subject", meta.subject or None),
        ("ce_correlationid", meta.correlation_id),
        ("ce_causationid", meta.causation_id),
        ("ce_replayof", meta.replay_of),
        ("traceparent", meta.traceparent),
    ):
        if value is not None:
            headers.append((name, value.encode()))
    return headers


def encode(message: Message | None) -> bytes | None:
    """The value of a record; `None` (a tombstone) stays `None`. Absent optional fields are left out."""
    return None if message is None else message.model_dump_json(exclude_none=True).encode()


def decode_headers(headers: Iterable[tuple[str, bytes | None]]) -> Meta:
    """Reads the envelope; raises `Undecodable` naming the header that is missing, doubled or unreadable."""
    found: dict[str, str] = {}
    for name, raw in headers:
        if not name.startswith("ce_") and name not in _OTHERS:
            continue
        if name in found:
            raise Undecodable(f"header {name} stands twice; send it once")
        try:
            text = found[name] = (raw or b"").decode()
        except UnicodeDecodeError:
            raise Undecodable(f"header {name} is not UTF-8") from None
        if not text.isprintable():
            raise Undecodable(f"header {name} holds a control character")
    for name in ("ce_id", "ce_type", "ce_source"):
        if not found.get(name):
            raise Undecodable(f"header {name} is missing; CloudEvents 1.0 binary mode is expected")
    if found.get("ce_specversion") != "1.0":
        raise Undecodable(f"header ce_specversion is {found.get('ce_specversion')!r}; 1.0 is expected")
    if len(found["ce_id"]) > 128:
        raise Undecodable("header ce_id is longer than 128 characters")
    return Meta(
        id=found["ce_id"],
        type=found["ce_type"],
        source=found["ce_source"],
        subject=found.get("ce_subject", ""),
        time=_time(found.get("ce_time")),
        correlation_id=found.get("ce_correlationid"),
        causation_id=found.get("ce_causationid"),
        replay_of=found.get("ce_replayof"),
        traceparent=found.get("traceparent"),
    )


def decode_value(value: bytes, message: type[Message]) -> Message:
    """Reads the value as `message`; raises `Undecodable` naming the first field that is wrong."""
    try:
        return message.model_validate_json(value)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the value"
        raise Undecodable(f"{message.TYPE}: {where}: {first['msg']}") from None


def decode(
    value: bytes | None, headers: Iterable[tuple[str, bytes | None]], known: Mapping[str, type[Message]]
) -> Message | None:
    """For subscribers: the message of a record, `None` for a tombstone. Raises `Undecodable` for a type not in `known`."""
    if value is None:
        return None
    meta = decode_headers(headers)
    if meta.type not in known:
        raise Undecodable(f"header ce_type is {meta.type!r}; known here: {', '.join(sorted(known))}")
    return decode_value(value, known[meta.type])


@lru_cache(maxsize=256)
def rfc3339(moment: datetime) -> str:
    """`2026-11-23T16:14:00.123456Z`: always as long, so that times compare as text too."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(text: str | None) -> datetime:
    if not text:
        raise Undecodable("header ce_time is missing")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Undecodable(f"header ce_time is {text!r}; an RFC 3339 time is expected") from None
    raise Undecodable(f"header ce_time is {text!r}, without a zone; end it in Z")
