"""Dead letters found on their topics, and what became of each on the topic that it came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TypeVar

from platen_contracts.dead_letter import REDRIVE
from platen_contracts.topics import CATALOGUE, SERVICES

from platen_cli.errors import UserError

from .letters import Wanted, header, letter_of
from .pile import Pile
from .reach import Reach
from .reading import read

R = TypeVar("R")

TOLD_EVERY = 10_000
"""Records between two words on how far it is."""


async def find(
    where: Reach, wanted: Wanted, pile: Pile, *, values: bool = True, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Puts the dead letters that are wanted on the pile, and what has happened to each since. Without `values` those are left.

    `tell` hears how far it is where there is much to read. Raises `UserError` for a service or topic that does not exist, and
    for ids that name none or more than one.
    """
    _check(wanted)
    services = [wanted.service] if wanted.service else list(SERVICES)
    topics = {f"{where.prefix}{service}.dead-letter": service for service in services}
    letters = read(where.kafka, list(topics), since=wanted.since)
    async for record in _counted(letters, lambda seen: tell(f"{seen:,} dead letters read, {len(pile):,} of them wanted")):
        letter = letter_of(record, topics[record.topic])
        if letter is not None and wanted.has(letter):
            pile.add(letter if values else replace(letter, value=None))
    for one in wanted.ids:
        if (named := pile.count(one)) != 1:
            what = "no dead letter has this id" if not named else f"it begins the ids of {named} dead letters; give more of it"
            raise UserError(f"{one}: {what}; `platen dead-letters list` shows them")
    await _look_for_them(where, pile, tell)


async def _look_for_them(where: Reach, pile: Pile, tell: Callable[[str], None]) -> None:
    """On the topics that they came from, behind their own places.

    In the other partitions, since the first was given up: a corrected key may lead there.
    """
    starts = {(where.prefix + topic, partition): offset for (topic, partition), offset in pile.starts().items()}
    if not starts:
        return
    topics = {topic: topic[len(where.prefix) :] for topic, _ in starts}
    records = read(where.kafka, sorted(topics), since=pile.given_up(), starts=starts)
    async for record in _counted(records, lambda seen: tell(f"{seen:,} records looked through for what became of them")):
        name = topics[record.topic]
        redriven = header(record.headers, REDRIVE)
        if not (redriven and pile.redriven(redriven, record.offset)) and CATALOGUE[name].compacted:
            pile.overtaken(name, record.partition, record.key, record.offset)


async def _counted(records: AsyncIterator[R], tell: Callable[[int], None]) -> AsyncIterator[R]:
    seen = 0
    async for record in records:
        yield record
        seen += 1
        if seen % TOLD_EVERY == 0:
            tell(seen)


def _check(wanted: Wanted) -> None:
    if wanted.service and wanted.service not in SERVICES:
        raise UserError(f"--service {wanted.service}: no such service; known: {', '.join(SERVICES)}")
    if wanted.topic and wanted.topic not in CATALOGUE:
        raise UserError(f"--topic {wanted.topic}: not in the catalogue; `platen topics describe` lists those there are")
