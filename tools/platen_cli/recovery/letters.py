"""Dead letters: what one says, which are wanted, and what may have become of each since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from platen_contracts.dead_letter import HEADERS, OFFSET, PARTITION, READER, REASON, TIME, TOPIC, letter_id
from platen_contracts.topics import CATALOGUE
from platen_messaging.records import Record

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Attributes:
        id: the same for the same record given up by the same reader.
        service: whose topic of dead letters it lies in.
        reader: the `service.lane` that gave up.
        topic: the catalogue's name of the topic that the record came from; with `partition` and `offset` its place.
        time: when the reader gave up.
        key, value, headers: the record as it came, byte for byte.
    """

    id: str
    service: str
    reader: str
    topic: str
    partition: int
    offset: int
    time: datetime
    reason: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    size: int

    @property
    def message_id(self) -> str:
        return header(self.headers, "ce_id")

    @property
    def type(self) -> str:
        return header(self.headers, "ce_type")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters; what is empty does not matter.

    Attributes:
        ids: whole ids or beginnings of them.
        topic: the catalogue's name of the topic that the record came from.
        reason: words that the reason holds.
        order: an order's id, number or shop order, as it stands in key or value.
    """

    ids: Sequence[str] = ()
    service: str = ""
    topic: str = ""
    reason: str = ""
    order: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        return self == Wanted()

    def has(self, letter: Letter) -> bool:
        return (
            (not self.ids or any(letter.id.startswith(one) for one in self.ids))
            and self.service in ("", letter.service)
            and self.topic in ("", letter.topic)
            and self.reason.casefold() in letter.reason.casefold()
            and (not self.order or self.order.encode() in (letter.key or b"") + b"\n" + (letter.value or b""))
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
        )


@dataclass(frozen=True, slots=True)
class Since:
    """What has happened to a letter's record since: where it was sent again, and whether its key has newer news."""

    redriven: Sequence[int]
    """Offsets on its own topic; in another partition where its key was corrected."""
    newer: int | None
    """The offset of a later record of its key, on a compacted topic: sending the older one again would bring back the past."""


def letter_of(record: Record, service: str) -> Letter | None:
    """None: it says not where it came from, so that no service of ours has written it."""
    place = {name: header(record.headers, name) for name in HEADERS}
    try:
        partition, offset, time = int(place[PARTITION]), int(place[OFFSET]), datetime.fromisoformat(place[TIME])
    except ValueError:
        return None
    if place[TOPIC] not in CATALOGUE:
        return None
    return Letter(
        id=letter_id(place[READER], place[TOPIC], partition, offset),
        service=service,
        reader=place[READER],
        topic=place[TOPIC],
        partition=partition,
        offset=offset,
        time=time,
        reason=place[REASON],
        key=record.key,
        value=record.value,
        headers=[(name, value) for name, value in record.headers if name not in HEADERS],
        size=len(record.value or b""),
    )


def header(headers: Headers, wanted: str) -> str:
    """The last of that name: a stranger's header of the same name would stand before ours."""
    found = [value or b"" for name, value in headers if name == wanted]
    return found[-1].decode("utf-8", "replace") if found else ""
