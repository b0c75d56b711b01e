"""The small parts: packing, faults, migrations, housekeeping, chunks."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
from asyncpg.exceptions import InternalClientError
from platen_contracts.envelope import encode_headers
from platen_messaging import pauses, processor, records
from platen_messaging.databases import shown
from platen_messaging.faults import is_transient, told
from platen_messaging.handlers import Handlers, On
from platen_messaging.housekeeping import tidy
from platen_messaging.inbox import key_of
from platen_messaging.log import _Seldom
from platen_messaging.outbox import pack, unpack
from platen_messaging.waiting import Backoff
from sqlalchemy.exc import DBAPIError
from toy_counter.contract import CATALOGUE, Add
from toy_counter.decide import HANDLERS, add, keyed
from toy_counter.harness import Toy, meta_of

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_packed_headers_come_back_byte_for_byte() -> None:
    headers = [("a", bytes(range(256))), ("none", None), ("a", b""), ("日", "日".encode())]
    assert list(unpack(pack(headers))) == headers
    assert "\x00" not in pack(headers)


@pytest.mark.parametrize(
    ("failure", "passes"),
    [
        (asyncpg.ConnectionDoesNotExistError("gone"), True),
        (InternalClientError("cannot switch to state 12; another operation (2) is in progress"), True),
        (asyncpg.SerializationError("x"), True),
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.DiskFullError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.QueryCanceledError("x"), True),
        (asyncpg.ReadOnlySQLTransactionError("x"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.UniqueViolationError("x"), False),
        (asyncpg.CheckViolationError("x"), False),
        (asyncpg.UndefinedTableError("x"), False),
        (asyncpg.DataError("x"), False),
        (ValueError("x"), False),
        (KeyError("x"), False),
    ],
)
def test_passing_failures_are_told_from_lasting_ones(failure: Exception, passes: bool) -> None:
    assert is_transient(failure) is passes
    assert is_transient(DBAPIError("select 1", None, failure)) is passes


def test_a_failure_is_told_on_one_line_without_values() -> None:
    quoted = asyncpg.DataError("invalid input for query argument $3: 'Ada Lovelace' (an integer is required)\nmore")
    assert told(DBAPIError("select 1", None, quoted)) == "DBAPIError: invalid input for query argument $3"
    assert told(RuntimeError()) == "RuntimeError"


def test_ids_of_ours_and_of_others_never_share_an_inbox_key() -> None:
    ids = ["a" * 32, "A" * 32, "a" * 31, "a" * 33, "", "a" * 128, "a" * 32 + "\n"]
    assert len({key_of(message_id) for message_id in ids}) == len(ids)
    assert len(key_of("a" * 32)) == 16


def test_two_handlers_of_one_message_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two handlers"):
        Handlers(On(Add, keyed, add), On(Add, keyed, add))


def test_a_lane_pauses_only_when_more_than_half_of_the_last_200_and_50_are_bad() -> None:
    bad = pauses.Bad()
    offsets = count()

    def come(*verdicts: bool) -> None:
        records: list[Any] = [SimpleNamespace(topic="t", partition=0, offset=next(offsets)) for _ in verdicts]
        bad.count(records, [it for it, is_bad in zip(records, verdicts, strict=True) if is_bad])

    come(*[True] * 49)
    assert bad.verdict is None
    come(*[False] * 51, True)
    assert bad.verdict is None
    come(True, True)
    assert bad.verdict == "52 of the last 103 messages could not be honoured"
    come(*[False] * 200)
    assert bad.verdict is None


def test_what_paused_a_lane_is_not_judged_again_when_it_is_read_again() -> None:
    flood: list[Any] = [SimpleNamespace(topic="t", partition=place % 2, offset=place // 2) for place in range(60)]
    bad = pauses.Bad()
    bad.count(flood, flood)
    assert bad.verdict is not None
    bad.forgive()
    bad.count(flood, flood)
    assert bad.verdict is None
    more: list[Any] = [SimpleNamespace(topic="t", partition=0, offset=30 + place) for place in range(pauses.AT_LEAST)]
    bad.count(more, more)
    assert bad.verdict is not None


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3)
    assert [backoff.next() for _ in range(4)] == [0.5, 1.0, 2.0, 3]
    backoff.reset()
    assert backoff.next() == 0.5


@dataclass
class _Record:
    value: bytes | None


def test_a_batch_is_cut_where_its_values_pass_8_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "MAX_BYTES", 10)
    records: list[Any] = [_Record(b"x" * size) for size in (4, 6, 1, 20, 3)] + [_Record(None)]
    assert [[len(each.value or b"") for each in chunk] for chunk in processor._chunks(records)] == [[4, 6], [1], [20], [3, 0]]


async def test_old_ids_and_sent_messages_are_forgotten(still: Toy) -> None:
    for days in (0, 29, 31):
        await still.query("insert into inbox values ($1, now() - make_interval(days => $2))", bytes([days] * 16), days)
    for days in (0, 6, 8):
        await still.query(
            "insert into outbox_sent values (1, '', '', null, null, '[]', null, now(), now() - make_interval(days => $1))", days
        )
    assert await tidy(still.engine) == {"inbox": 1, "outbox_sent": 1}
    assert await still.value("select count(*) from inbox") == 2


def migrate(package: str, database: str | None) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(Path(__file__).parent), **({"PLATEN_DATABASE": database} if database else {})}
    return subprocess.run(
        [sys.executable, "-m", "platen_messaging.migrate", package], env=environment, capture_output=True, text=True, check=False
    )


async def test_migrations_run_from_the_command_line_again_and_again(database: Callable[[str], Awaitable[str]]) -> None:
    url = await database("toy_counter")
    assert migrate("toy_counter", url).returncode == 0


async def test_a_migration_leaves_another_services_database_alone(database: Callable[[str], Awaitable[str]]) -> None:
    url = await database("toy_counter")
    done = migrate("platen_orders", url)
    assert done.returncode == 1
    assert done.stderr == f"PLATEN_DATABASE: {shown(url)!r}: it is the database of toy_counter; give platen_orders its own\n"


@pytest.mark.parametrize(
    ("package", "address", "line"),
    [
        ("toy_counter", None, "PLATEN_DATABASE is not set; give it the database's address"),
        ("toy_counter", "mysql://u:hush@h/d", "PLATEN_DATABASE: 'mysql://u:***@h/d': it begins with mysql://"),
        ("toy_counter", "postgresql://u:hush@127.0.0.1:9/d", "PLATEN_DATABASE: postgresql://u:***@127.0.0.1:9/d: "),
        ("platen_nothing", "postgresql://h/d", "package 'platen_nothing' is not installed"),
    ],
)
def test_a_migration_that_cannot_run_says_why_on_one_line(package: str, address: str | None, line: str) -> None:
    done = migrate(package, address)
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_a_validator_that_trips_costs_one_record_not_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    def trips(value: bytes, message: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(records, "decode_value", trips)
    reader = records.Reader("toy.counts", "toy", "p.", HANDLERS.types, CATALOGUE)
    headers = encode_headers(meta_of(Add(by=1), "all"))
    letter = reader.read(cast(records.Record, SimpleNamespace(topic="p.toy.adds", key=b"all", value=b"{}", headers=headers)))
    assert isinstance(letter, records.DeadLetter)
    assert letter.reason == "RecursionError while reading"


def test_a_library_says_the_same_once_a_minute() -> None:
    seldom = _Seldom()

    def said(name: str, words: str, at: float) -> bool:
        record = logging.LogRecord(name, logging.ERROR, "", 0, words, None, None)
        record.created = at
        return seldom.filter(record)

    assert [said("aiokafka.x", "gone", at) for at in (1000, 1059, 1120)] == [True, False, True]
    assert not said("aiokafka.x", "Unable connect to h", 5000)
    assert [said("orders", "gone", at) for at in (1, 2)] == [True, True]
