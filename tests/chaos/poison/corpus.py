"""The corpus. Pure: the same topic and draw give the same records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import EllipsisType
from typing import Any

import platen_contracts
from platen_contracts.envelope import Headers, Meta, encode_headers
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE, FOREVER, Kind, Topic

EXAMPLES = Path(platen_contracts.__file__).parent / "examples"
NOBODY = "dead" * 8
"""An order that nobody made."""

RawHeaders = Sequence[tuple[str, bytes | None]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """A record, and a pattern that the dead letter's reason must hold."""

    name: str
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    because: str


def example_of(kind: type[Message]) -> Json:
    """The smallest committed example of the message."""
    files = sorted((EXAMPLES / kind.TYPE.removeprefix("platen.")).glob("*.json"), key=lambda path: path.stat().st_size)
    return json.loads(files[0].read_bytes())


def good_headers(kind: type[Message], message_id: str, **changed: Any) -> Headers:
    """The envelope of such a message."""
    about: Json = {"type": kind.TYPE, "source": "chaos", "subject": "chaos", "time": datetime.now(UTC), **changed}
    return encode_headers(Meta(id=message_id, **about))


def key_of(topic: Topic, kind: type[Message], body: Json) -> bytes:
    """The key that is right for such a message."""
    return (topic.key_of(kind.model_validate_json(json.dumps(body))) or "").encode()


def corpus(topic: Topic, draw: str = "", kind: type[Message] | None = None, body: Json | None = None) -> list[Bad]:
    """Every bad record for the topic, made from its first message or `kind`. `draw` makes ids of their own for each use.

    All but those whose key is what is wrong stand under the key of `body`, or of the kind's example.
    """
    kind = kind or topic.messages[0]
    body = body or example_of(kind)
    made = _Corpus(topic, kind, draw, body, key_of(topic, kind, body))
    return [*made.values(), *made.headers(), *made.envelopes(), *made.keys(), *made.meant_wrong()]


@dataclass(frozen=True, slots=True)
class _Corpus:
    topic: Topic
    kind: type[Message]
    draw: str
    body: Json
    key: bytes

    @property
    def foreign(self) -> bytes:
        """A type that exists, and that the topic does not carry."""
        return b"platen.sync.SyncShop.v1" if self.topic.name == "sync.results" else b"platen.sync.TrackingPosted.v1"

    def values(self) -> Iterable[Bad]:
        """The value is not what its type says."""
        body = self.body
        text = json.dumps(body).encode()
        field = next(iter(body))
        deep = 100_000
        raw: Mapping[str, bytes] = {
            "an empty value": b"",
            "blanks": b" \t\r\n",
            "a question mark": b"?",
            "half of the JSON": text[: len(text) // 2],
            "all but the last brace": text[:-1],
            "the JSON twice": text * 2,
            "the JSON and more": text + b"x",
            "single quotes": text.replace(b'"', b"'"),
            "a trailing comma": text[:-1] + b",}",
            "a comment": b"/* hello */" + text,
            "a byte order mark": b"\xef\xbb\xbf" + text,
            "UTF-16": text.decode().encode("utf-16"),
            "Latin-1 where UTF-8 is due": text[:-1] + b', "more": "M\xfcller"}',
            "bytes that are no UTF-8": b"\xff\xfe\xfd",
            "a character cut in half": text[:-1] + b', "more": "\xe2\x82"}',
            "an overlong NUL": text[:-1] + b', "more": "\xc0\x80"}',
            "a surrogate in UTF-8": text[:-1] + b', "more": "\xed\xa0\x80"}',
            "a lone high surrogate": text[:-1] + b', "more": "\\ud800"}',
            "a lone low surrogate": text[:-1] + b', "more": "\\udc00x"}',
            "a raw control character": text[:-1] + b', "more": "a\x01b"}',
            "a raw NUL": text[:-1] + b', "more": "a\x00b"}',
            "NUL after the end": text + b"\x00",
            "null": b"null",
            "a number": b"42",
            "a string": b'"hello"',
            "a list": b"[" + text + b"]",
            "true": b"true",
            "an empty object": b"{}",
            "arrays in arrays": b"[" * deep + b"]" * deep,
            "objects in objects": b'{"a":' * deep + b"1" + b"}" * deep,
            "deep nesting in an unknown field": text[:-1] + b', "more": ' + b"[" * deep + b"]" * deep + b"}",
            "900 kB of nothing": b"x" * 900_000,
            "900 kB of blanks": b" " * 900_000,
            "900 kB of an unknown field": json.dumps({"more": "x" * 900_000}).encode(),
            "a compressed value": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
            "Avro with a schema id": b"\x00\x00\x00\x00\x07" + text,
            "XML": b"<?xml version='1.0'?><order/>",
            "a form": b"order_id=1&version=2",
        }
        for name, value in raw.items():
            yield self.bad(name, value, because=".")
        wrong: Mapping[str, Any] = {
            "null": None,
            "a list": [],
            "an object": {"a": {"b": 1}},
            "a number beyond every range": 10**400,
            "minus nothing": -0.5,
            "true": True,
        }
        for name, value in wrong.items():
            yield self.bad(f"{field} is {name}", json.dumps({**body, field: value}).encode(), because=field)
        yield self.bad(f"without {field}", json.dumps({k: v for k, v in body.items() if k != field}).encode(), because=field)
        yield self.bad(f"{field} is NaN", json.dumps({**body, field: float("nan")}).encode(), because=field)
        yield self.bad(f"NUL in {field}", json.dumps({**body, field: "a\x00b"}).encode(), because=f"{field}|\x00|NUL|UTF8")

    def headers(self) -> Iterable[Bad]:
        """Headers missing, twice, empty, or no text."""
        value = json.dumps(self.body).encode()
        names = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")
        for name in names:
            good = good_headers(self.kind, derived_id("poison", self.topic.name, name, self.draw))
            without = [pair for pair in good if pair[0] != name]
            yield Bad(f"without {name}", self.key, value, without, name)
            yield Bad(f"{name} twice", self.key, value, [*good, (name, b"x")], f"{name} stands twice")
            yield Bad(f"{name} is no UTF-8", self.key, value, [*without, (name, b"\xff\xfe")], f"{name} is not UTF-8")
            yield Bad(f"{name} is empty", self.key, value, [*without, (name, b"")], name)
            yield Bad(f"{name} is null", self.key, value, [*without, (name, None)], name)
            yield Bad(f"NUL in {name}", self.key, value, [*without, (name, b"a\x00b")], name)
        yield Bad("no headers", self.key, value, [], "ce_id is missing")
        yield Bad("headers of another trade", self.key, value, [("id", b"1"), ("type", b"x")], "ce_id is missing")

    def envelopes(self) -> Iterable[Bad]:
        """Headers that can be read, and say what cannot be."""
        value = json.dumps(self.body).encode()
        kind = self.kind.TYPE
        changes: Mapping[str, tuple[dict[str, bytes], str]] = {
            "CloudEvents 0.3": ({"ce_specversion": b"0.3"}, "ce_specversion is '0.3'"),
            "CloudEvents 2.0": ({"ce_specversion": b"2.0"}, "ce_specversion is '2.0'"),
            "an unknown type": ({"ce_type": b"platen.chaos.Unheard.v1"}, "does not carry"),
            "another version of the type": ({"ce_type": kind[:-1].encode() + b"9"}, "does not carry"),
            "the type without a version": ({"ce_type": kind[:-3].encode()}, "does not carry"),
            "the type in capitals": ({"ce_type": kind.upper().encode()}, "does not carry"),
            "a type of another topic": ({"ce_type": self.foreign}, "."),
            "yesterday": ({"ce_time": b"yesterday"}, "ce_time"),
            "a time without a zone": ({"ce_time": b"2026-11-23T10:00:00"}, "without a zone"),
            "a time in seconds": ({"ce_time": b"1795000000"}, "ce_time"),
            "the year 0": ({"ce_time": b"0000-00-00T00:00:00Z"}, "ce_time"),
            "a time past the end of time": ({"ce_time": b"9999-12-31T23:59:59-23:59"}, "ce_time"),
            "a time before the beginning": ({"ce_time": b"0001-01-01T00:00:00+23:59"}, "ce_time"),
            "an id of a kilobyte": ({"ce_id": b"i" * 1024}, "ce_id is longer"),
            "a line break in the id": ({"ce_id": b"a\nb"}, "control character"),
            "a right-to-left override in the id": ({"ce_id": "a\u202eb".encode()}, "control character"),
        }
        for name, (changed, because) in changes.items():
            headers = dict(good_headers(self.kind, derived_id("poison", self.topic.name, name, self.draw)))
            yield Bad(name, self.key, value, list({**headers, **changed}.items()), because)
        structured = {"specversion": "1.0", "id": "1", "type": kind, "source": "x", "data": self.body}
        content = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        yield Bad("structured CloudEvents", self.key, json.dumps(structured).encode(), content, "binary mode is expected")

    def keys(self) -> Iterable[Bad]:
        """A good message that stands under the wrong key, or under none (which no compacted topic takes)."""
        value = json.dumps(self.body).encode()
        yield self.bad("a key that is no UTF-8", value, because="the key is not UTF-8", key=b"\xc3\x28")
        wrong = {"another's key": NOBODY.encode(), "its key and more": self.key + b"/", "an empty key": b""}
        for name, key in wrong.items():
            yield self.bad(name, value, because=f"the key is '{key.decode()}', and that of this message is", key=key)
        if not self.topic.compacted:
            yield self.bad("no key", value, because="the key is '', and that of this message is", key=None)

    def meant_wrong(self) -> Iterable[Bad]:
        """Readable, and yet nothing that could ever be honoured."""
        value = json.dumps(self.body).encode()
        if not self.topic.compacted:
            yield self.bad("a tombstone where nothing is compacted", None, because="tombstones mean nothing")
        if not self.topic.compacted and self.topic.retention_ms != FOREVER and self.topic.kind is not Kind.COMMAND:
            long_ago = datetime.now(UTC) - timedelta(days=31)
            headers = good_headers(self.kind, derived_id("poison", self.topic.name, "old", self.draw), time=long_ago)
            yield Bad("31 days old", self.key, value, headers, "older than 30 days")

    def bad(self, name: str, value: bytes | None, *, because: str, key: bytes | EllipsisType | None = ...) -> Bad:
        """`key` left out: the right one."""
        headers = good_headers(self.kind, derived_id("poison", self.topic.name, name, self.draw))
        pattern = because if because == "." else re.sub("\x00", r"\\x00", because)
        return Bad(name, self.key if isinstance(key, EllipsisType) else key, value, headers, pattern)


def of_nobody(topic: Topic, draw: str = "") -> Iterable[Bad]:
    """For orders: a fact of each kind on an order that nobody made."""
    for message in topic.messages:
        files = sorted((EXAMPLES / message.TYPE.removeprefix("platen.")).glob("*.json"))
        body = json.loads(files[0].read_bytes())
        if "order_id" in body:
            headers = good_headers(message, derived_id("poison", message.TYPE, draw))
            value = json.dumps({**body, "order_id": NOBODY}).encode()
            yield Bad(f"{message.__name__} of nobody's order", NOBODY.encode(), value, headers, "was never made")


def consumed_by(service: str) -> list[Topic]:
    return [topic for topic in CATALOGUE.values() if service in topic.readers]
