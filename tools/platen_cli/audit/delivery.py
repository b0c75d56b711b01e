"""Delivery, the same for every service: what was read is accounted for, what was committed is sent (I1, I4, I5, I7, I8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from platen_contracts import dead_letter
from platen_contracts.envelope import Undecodable, decode_headers
from platen_contracts.ids import derived_id

from .evidence import Books, Evidence, Place, Record, Sent, Violation

_OUR_IDS = re.compile(r"[0-9a-f]{32}")


def accounted_for(evidence: Evidence) -> Iterable[Violation]:
    """I7: whatever a service has read is in its inbox or in its dead letters. I5: it has read everything."""
    for service, books in evidence.books.items():
        letters = {letter.original: letter for letter in evidence.of(f"{service}.dead-letter") if _is_letter(letter)}
        for topic in evidence.catalogue.values():
            if service in topic.readers:
                yield from _read_through(evidence, service, topic.name)
                for record in evidence.of(topic.name):
                    yield from _handled(evidence, service, books, record, letters)
        yield from _letters(evidence, service, letters)


def sent_as_committed(evidence: Evidence) -> Iterable[Violation]:
    """I8: only what was committed is sent. I1: what was committed is sent. I4: in its order. I5: nothing is left over."""
    for service, books in evidence.books.items():
        yield from _left_over(service, books)
        for topic in evidence.catalogue.values():
            if service in topic.writers:
                yield from _topic_as_committed(evidence, service, books, topic.name)


def _read_through(evidence: Evidence, service: str, topic: str) -> Iterable[Violation]:
    groups = [places for group, places in evidence.committed.items() if group.startswith(f"{service}.")]
    for (name, partition), end in evidence.ends.items():
        if name != topic or end == 0:
            continue
        reached = max((places.get((topic, partition), 0) for places in groups), default=0)
        if reached < end and any(it.partition == partition and it.offset >= reached for it in evidence.of(topic)):
            yield Violation("I5", f"{service} stands at {reached} of {end} on {topic}/{partition}")


def _handled(evidence: Evidence, service: str, books: Books, record: Record, letters: dict[Place, Record]) -> Iterable[Violation]:
    if record.timestamp < evidence.since or record.place in letters or (service, record.type) in evidence.passed_over:
        return
    if not (_inbox_keys(evidence.prefix, record) & books.inbox):
        what = (
            f"{record.type or 'a record'} at {_shown(record.place)} is neither in the inbox nor in the dead letters of {service}"
        )
        yield Violation("I7", what, record.text_key)


def _inbox_keys(prefix: str, record: Record) -> set[bytes]:
    """How the inbox would name the record: by its id; a tombstone of some other tool by its place."""
    try:
        message_id = decode_headers(record.headers).id
    except Undecodable:
        if record.value is not None:
            return set()
        message_id = derived_id("tombstone", prefix + record.topic, record.partition, record.offset)
    if _OUR_IDS.fullmatch(message_id):
        return {bytes.fromhex(message_id)}
    return {hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).digest()}


def _letters(evidence: Evidence, service: str, letters: dict[Place, Record]) -> Iterable[Violation]:
    for letter in evidence.of(f"{service}.dead-letter"):
        if not _is_letter(letter):
            yield Violation("I7", f"a dead letter of {service} at offset {letter.offset} does not say where it stood, and why")
    originals = {it.place: it for topic in {place[0] for place in letters} for it in evidence.of(topic)}
    for place, letter in letters.items():
        reason = letter.named[dead_letter.REASON]
        if place not in evidence.spoiled:
            what = f"{service} buried {_shown(place)}, which nothing was wrong with: {reason}"
            yield Violation("I7", what, letter.text_key)
        if place in originals and not _same(originals[place], letter):
            yield Violation("I7", f"the dead letter of {_shown(place)} does not hold its bytes")


def _is_letter(record: Record) -> bool:
    return all(name in record.named for name in dead_letter.HEADERS)


def _same(record: Record, letter: Record) -> bool:
    kept = [(name, value) for name, value in record.headers if name not in dead_letter.HEADERS]
    held = [(name, value) for name, value in letter.headers if name not in dead_letter.HEADERS]
    # A record without key and value cannot be sent by our client; an empty key says the same.
    same_key = record.key == letter.key or (record.value is None and not record.key and not letter.key)
    return same_key and record.value == letter.value and kept == held


def _left_over(service: str, books: Books) -> Iterable[Violation]:
    for message_id, topic, error in books.waiting[:5]:
        why = f" ({error})" if error else ""
        yield Violation("I5", f"{message_id} for {topic} stays in the outbox of {service}{why}")
    for lane, reason in books.paused.items():
        yield Violation("I5", f"lane {lane} of {service} is paused: {reason}")


def _topic_as_committed(evidence: Evidence, service: str, books: Books, topic: str) -> Iterable[Violation]:
    rows = {row.message_id: row for row in books.sent if row.topic == topic}
    waiting = {message_id for message_id, name, _ in books.waiting if name == topic}
    seen: dict[str, Record] = {}
    for record in evidence.of(topic):
        message_id = _letter_id(record) if topic.endswith(".dead-letter") else record.id
        if not topic.endswith(".dead-letter") and record.named.get("ce_source") != service:
            continue
        known = message_id in rows or message_id in waiting or message_id in evidence.forged
        if not known and record.timestamp >= evidence.since:
            what = f"{record.type or 'a record'} at {_shown(record.place)} was sent by {service} and never committed"
            yield Violation("I8", what, record.text_key)
        seen.setdefault(message_id, record)
    yield from _missing(evidence, service, topic, rows, seen)
    if not topic.endswith(".dead-letter"):  # two lanes may write of one key, and those without a key are in any partition
        yield from _out_of_order(topic, rows, seen)


def _letter_id(letter: Record) -> str:
    if not _is_letter(letter):
        return ""
    topic, partition, offset = letter.original
    return derived_id("dead letter", letter.named[dead_letter.READER], topic, partition, offset)


def _missing(evidence: Evidence, service: str, topic: str, rows: dict[str, Sent], seen: dict[str, Record]) -> Iterable[Violation]:
    wanted = list(rows.values())
    if evidence.catalogue[topic].compacted:
        wanted = list({row.key: row for row in wanted}.values())
    for row in wanted:
        if row.message_id not in seen:
            key = (row.key or b"").decode("utf-8", "replace")
            yield Violation("I1", f"{service} holds {row.message_id} for sent, and it is not on {topic} (key {key})", key)


def _out_of_order(topic: str, rows: dict[str, Sent], seen: dict[str, Record]) -> Iterable[Violation]:
    """Per key, in the order of the outbox. What is sent again after a crash comes behind; its first time counts."""
    last: dict[bytes | None, int] = {}
    for message_id, record in seen.items():
        row = rows.get(message_id)
        if row is None:
            continue
        if row.id < last.get(record.key, 0):
            yield Violation("I4", f"{message_id} at {_shown(record.place)} came behind a later one of its key", record.text_key)
        last[record.key] = max(row.id, last.get(record.key, 0))


def _shown(place: Place) -> str:
    return "{}/{}@{}".format(*place)
