"""Dead letters on disk, however many: memory holds a chunk of them at a time."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import NamedTuple, Self

from .letters import Letter, Since

CHUNK = 500
CHUNK_BYTES = 16 * 1024 * 1024
"""Of values in one chunk, unless a single one is larger."""

_CREATE = """
pragma journal_mode = off;
create table letters (
    id text primary key, topic text, partition integer, offset integer, reader text, key blob, time real,
    newer integer, pickled blob
);
create index by_place on letters (topic, partition, offset, reader);
create index by_key on letters (topic, partition, key, offset);
create table redriven (id text, offset integer);
create index redriven_by_id on redriven (id);
"""
_IN_ORDER = """
select pickled, newer, (select json_group_array(offset) from redriven where redriven.id = letters.id)
from letters order by topic, partition, offset, reader
"""


class Found(NamedTuple):
    """A letter and what has happened to its record since."""

    letter: Letter
    since: Since


class Pile:
    """Letters, each once, and what became of them; gone when closed, as it is when the process is killed."""

    def __init__(self) -> None:
        # Without a name it is a file that SQLite unlinks at once, in SQLITE_TMPDIR, TMPDIR or /var/tmp.
        self._held = sqlite3.connect("")
        self._held.executescript(_CREATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._held.close()

    def __len__(self) -> int:
        return self.count("")

    def add(self, letter: Letter) -> None:
        """A letter that is held already stays as it is."""
        place = (letter.topic, letter.partition, letter.offset, letter.reader)
        row = (letter.id, *place, letter.key, letter.time.timestamp(), pickle.dumps(letter))
        self._held.execute("insert or ignore into letters values (?, ?, ?, ?, ?, ?, ?, null, ?)", row)

    def count(self, beginning: str) -> int:
        """How many ids begin so."""
        found = self._held.execute("select count(*) from letters where substr(id, 1, ?) = ?", (len(beginning), beginning))
        return found.fetchone()[0]

    def starts(self) -> Mapping[tuple[str, int], int]:
        """(topic, partition) to the first offset that a letter came from."""
        found = self._held.execute("select topic, partition, min(offset) from letters group by topic, partition")
        return {(topic, partition): offset for topic, partition, offset in found}

    def given_up(self) -> datetime:
        """When the first of them was. There must be one."""
        (first,) = self._held.execute("select min(time) from letters").fetchone()
        return datetime.fromtimestamp(first, UTC)

    def redriven(self, letter_id: str, offset: int) -> bool:
        """Notes that the letter was sent again; False: it is none of these."""
        statement = "insert into redriven select id, ? from letters where id = ?"
        return self._held.execute(statement, (offset, letter_id)).rowcount == 1

    def overtaken(self, topic: str, partition: int, key: bytes | None, offset: int) -> None:
        """Notes that a record of that key stands there, for the letters that came from before it."""
        statement = "update letters set newer = ?4 where topic = ?1 and partition = ?2 and key is ?3 and offset < ?4"
        self._held.execute(statement, (topic, partition, key, offset))

    def chunks(self) -> Iterator[list[Found]]:
        """All of them by the place they came from, at most `CHUNK` and `CHUNK_BYTES` at a time."""
        chunk: list[Found] = []
        size = 0
        for pickled, newer, redriven in self._held.execute(_IN_ORDER):
            letter: Letter = pickle.loads(pickled)
            size += len(letter.value or b"")
            if chunk and (len(chunk) == CHUNK or size > CHUNK_BYTES):
                yield chunk
                chunk, size = [], len(letter.value or b"")
            chunk.append(Found(letter, Since(json.loads(redriven), newer)))
        if chunk:
            yield chunk
