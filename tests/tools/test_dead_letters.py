"""However many dead letters there are, a chunk of them is in memory, and an interrupted redrive is run again."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from platen_cli.commands.dead_letters import _redrive, app
from platen_cli.recovery import finding, pile
from platen_cli.recovery.finding import find
from platen_cli.recovery.letters import Letter, Wanted
from platen_cli.recovery.pile import Found, Pile
from platen_cli.recovery.reach import Reach
from platen_cli.recovery.reading import read
from platen_cli.recovery.redrive import redrive
from platen_contracts.dead_letter import OFFSET, PARTITION, READER, REASON, REDRIVE, TIME, TOPIC, letter_id
from typer.testing import CliRunner

from tests.conftest import Topics

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FROM, LETTERS = "sync.orders", "orders.dead-letter"


def a_letter(offset: int, size: int = 1) -> Letter:
    return Letter(
        id=letter_id("orders.facts", FROM, 0, offset),
        service="orders",
        reader="orders.facts",
        topic=FROM,
        partition=0,
        offset=offset,
        time=NOON + timedelta(seconds=offset),
        reason="?",
        key=b"k",
        value=b"x" * size,
        headers=[("ce_id", f"{offset}".encode())],
        size=size,
    )


def letters_alive() -> int:
    return sum(isinstance(each, Letter) for each in gc.get_objects())


def test_a_pile_gives_each_letter_once_by_its_place_and_never_holds_more_than_two_chunks() -> None:
    count = 4 * pile.CHUNK + 7
    with Pile() as held:
        for offset in [*range(count - 1, -1, -1), 3, 4]:
            held.add(a_letter(offset))
        assert len(held) == count
        seen, most = [], 0
        for chunk in held.chunks():
            assert len(chunk) <= pile.CHUNK
            most = max(most, letters_alive())
            seen += [found.letter.offset for found in chunk]
    assert seen == list(range(count))
    assert most <= 2 * pile.CHUNK


def test_a_chunk_of_large_letters_holds_fewer() -> None:
    with Pile() as held:
        for offset in range(9):
            held.add(a_letter(offset, pile.CHUNK_BYTES // 4))
        held.add(a_letter(9, pile.CHUNK_BYTES + 1))
        sizes = [len(chunk) for chunk in held.chunks()]
    assert sizes == [4, 4, 1, 1]


def test_what_became_of_a_letter_is_told_with_it() -> None:
    with Pile() as held:
        for offset in (1, 5):
            held.add(a_letter(offset))
        assert held.starts() == {(FROM, 0): 1}
        assert held.given_up() == NOON + timedelta(seconds=1)
        assert held.redriven(a_letter(1).id, 7)
        assert held.redriven(a_letter(1).id, 8)
        assert not held.redriven("nobody's", 9)
        held.overtaken(FROM, 0, b"k", 5)
        held.overtaken(FROM, 0, b"another", 9)
        (chunk,) = held.chunks()
    assert [(list(found.since.redriven), found.since.newer) for found in chunk] == [([7, 8], 5), ([], None)]


@pytest.fixture
async def where(kafka_bootstrap: str, topic_prefix: str, topics: Topics, monkeypatch: pytest.MonkeyPatch) -> Reach:
    await topics()
    monkeypatch.setenv("PLATEN_KAFKA", kafka_bootstrap)
    monkeypatch.setenv("PLATEN_TOPIC_PREFIX", topic_prefix)
    return Reach(kafka_bootstrap, topic_prefix, {})


async def bury(where: Reach, offsets: Iterable[int]) -> None:
    """Dead letters of orders as the service writes them, in three partitions of their topic."""
    async with AIOKafkaProducer(bootstrap_servers=where.kafka) as producer:
        for offset in offsets:
            place = ((REASON, "?"), (READER, "orders.facts"), (TOPIC, FROM), (PARTITION, "0"), (OFFSET, str(offset)))
            headers = [*place, (TIME, NOON.isoformat()), ("ce_id", f"id {offset}")]
            await producer.send(
                where.prefix + LETTERS,
                str(offset).encode(),
                partition=offset % 3,
                headers=[(name, value.encode()) for name, value in headers],
            )


async def sent(where: Reach) -> list[tuple[bytes | None, dict[str, bytes | None]]]:
    return [(record.value, dict(record.headers)) async for record in read(where.kafka, [where.prefix + FROM])]


async def test_letters_are_sent_a_chunk_at_a_time_in_their_order_and_a_second_run_ends_what_was_interrupted(
    where: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pile, "CHUNK", 4)
    await bury(where, range(10))

    async def run(chunks: int) -> list[int]:
        """The offsets that were sent, by a run that is broken off after so many chunks."""
        done: list[int] = []
        asked = 0

        def one_by_one(held: Pile) -> Iterator[list[Found]]:
            nonlocal asked
            for chunk in held.chunks():
                asked += 1
                yield chunk

        with Pile() as held:
            await find(where, Wanted(service="orders"), held)
            async with aclosing(redrive(where, one_by_one(held))) as redriving:
                given = 0
                async for chunk in redriving:
                    given += 1
                    assert asked == given, "a chunk was asked for before the last one was told"
                    done += [each.letter.offset for each in chunk if each.offset is not None]
                    if given == chunks:
                        break
        return done

    assert await run(2) == list(range(8))
    assert await run(3) == [8, 9]
    records = await sent(where)
    assert [value for value, _ in records] == [str(offset).encode() for offset in range(10)]
    assert [headers["ce_id"] for _, headers in records] == [f"id {offset}".encode() for offset in range(10)]
    assert [headers[REDRIVE] for _, headers in records] == [
        letter_id("orders.facts", FROM, 0, offset).encode() for offset in range(10)
    ]


async def test_a_listing_and_a_redrive_read_more_letters_than_they_hold_and_tell_how_far_they_are(
    where: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pile, "CHUNK", 5)
    monkeypatch.setattr(finding, "TOLD_EVERY", 10)
    await bury(where, range(42))
    most = 0

    async def watched(*given: Any, **named: Any) -> AsyncIterator[Any]:
        nonlocal most
        async for record in read(*given, **named):
            most = max(most, letters_alive())
            yield record

    monkeypatch.setattr(finding, "read", watched)
    listed = await asyncio.to_thread(CliRunner().invoke, app, ["list", "--json", "--service", "orders"])
    assert listed.exit_code == 0, listed.output
    assert len(listed.stdout.splitlines()) == 42
    assert "40 dead letters read, 40 of them wanted" in listed.stderr

    redriven = await asyncio.to_thread(CliRunner().invoke, app, ["redrive", "--service", "orders"])
    assert redriven.exit_code == 0, redriven.output
    assert "40 of 42 dead letters" in redriven.stderr
    assert "of 42 dead letters, 42 redriven, 0 left" in redriven.stdout
    assert [value for value, _ in await sent(where)] == [str(offset).encode() for offset in range(42)]
    assert most <= 2 * pile.CHUNK


async def test_an_interrupted_command_says_so_and_run_again_sends_each_of_the_rest_once(
    where: Reach, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await bury(where, range(12))
    chunks_of_all = Pile.chunks

    def interrupted(held: Pile) -> Iterator[list[Found]]:
        for number, chunk in enumerate(chunks_of_all(held)):
            if number == 1:
                command.cancel()  # as Ctrl-C does
            yield chunk

    with monkeypatch.context() as patched:
        patched.setattr(pile, "CHUNK", 4)
        patched.setattr(Pile, "chunks", interrupted)
        command = asyncio.create_task(_redrive(where, Wanted(service="orders"), None, None, False, False))
        with pytest.raises(asyncio.CancelledError):
            await command
    assert "run it again" in capsys.readouterr().out
    assert 4 <= len(await sent(where)) < 12

    assert await _redrive(where, Wanted(service="orders"), None, None, False, False) in (4, 5), "what was sent is left"
    assert [value for value, _ in await sent(where)] == [str(offset).encode() for offset in range(12)]
