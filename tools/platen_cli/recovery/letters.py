"""Dead letters: found, told apart, and what has become of each since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from platen_contracts.dead_letter import HEADERS, OFFSET, PARTITION, READER, REASON, REDRIVE, TIME, TOPIC, letter_id
from platen_contracts.topics import CATALOGUE, SERVICES
from platen_messaging.records import Record

from platen_cli.errors import UserError

from .reach import Reach
from .reading import read

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
        return _text(self.headers, "ce_id")

    @property
    def type(self) -> str:
        return _text(self.headers, "ce_type")


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


@dataclass(slots=True)
class Since:
    """What has happened to a letter's record since: where it was sent again, and whether its key has newer news."""

    redriven: list[int] = field(default_factory=list[int])
    """Offsets on its own topic; in another partition where its key was corrected."""
    newer: int | None = None
    """The offset of a later record of its key, on a compacted topic: sending the older one again would bring back the past."""


async def letters(where: Reach, wanted: Wanted, *, values: bool = True) -> list[Letter]:
    """The dead letters that are wanted, each once, by the place they came from. Without `values` those are left behind.

    Raises `UserError` for a service or topic that does not exist, and for ids that name none or more than one.
    """
    _check(wanted)
    services = [wanted.service] if wanted.service else list(SERVICES)
    topics = {f"{where.prefix}{service}.dead-letter": service for service in services}
    found: dict[str, Letter] = {}
    async for record in read(where.kafka, list(topics), since=wanted.since):
        letter = _letter(record, topics[record.topic])
        if letter is not None and wanted.has(letter):
            found.setdefault(letter.id, letter if values else replace(letter, value=None))
    for one in wanted.ids:
        named = [letter for letter in found if letter.startswith(one)]
        if len(named) != 1:
            what = (
                "no dead letter has this id" if not named else f"it begins the ids of {len(named)} dead letters; give more of it"
            )
            raise UserError(f"{one}: {what}; `platen dead-letters list` shows them")
    return sorted(found.values(), key=lambda letter: (letter.topic, letter.partition, letter.offset, letter.reader))


async def since_then(where: Reach, letters: Collection[Letter]) -> Mapping[str, Since]:
    """What became of each letter, by its id: looked for on the topics that they came from, behind their own places.

    In the other partitions, since the first was given up: a corrected key may lead there.
    """
    fates: dict[str, Since] = {letter.id: Since() for letter in letters}
    starts: dict[tuple[str, int], int] = {}
    by_key: dict[tuple[str, int, bytes | None], list[Letter]] = defaultdict(list)
    for letter in letters:
        place = (where.prefix + letter.topic, letter.partition)
        starts[place] = min(starts.get(place, letter.offset), letter.offset)
        if CATALOGUE[letter.topic].compacted:
            by_key[(*place, letter.key)].append(letter)
    if not starts:
        return fates
    given_up = min(letter.time for letter in letters)
    async for record in read(where.kafka, sorted({topic for topic, _ in starts}), since=given_up, starts=starts):
        redriven = _text(record.headers, REDRIVE)
        if redriven in fates:
            fates[redriven].redriven.append(record.offset)
            continue
        for letter in by_key.get((record.topic, record.partition, record.key), ()):
            if record.offset > letter.offset:
                fates[letter.id].newer = record.offset
    return fates


def _check(wanted: Wanted) -> None:
    if wanted.service and wanted.service not in SERVICES:
        raise UserError(f"--service {wanted.service}: no such service; known: {', '.join(SERVICES)}")
    if wanted.topic and wanted.topic not in CATALOGUE:
        raise UserError(f"--topic {wanted.topic}: not in the catalogue; `platen topics describe` lists those there are")


def _letter(record: Record, service: str) -> Letter | None:
    """None: it says not where it came from, so that no service of ours has written it."""
    place = {name: _text(record.headers, name) for name in HEADERS}
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


def _text(headers: Headers, wanted: str) -> str:
    """The last of that name: a stranger's header of the same name would stand before ours."""
    found = [value or b"" for name, value in headers if name == wanted]
    return found[-1].decode("utf-8", "replace") if found else ""
