"""A relay that was frozen and replaced: what it still holds is never sent, or the past would be the last word of a key."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from platen_messaging import relay as relay_module
from platen_messaging.kafka import Sendable, open_producer
from toy_counter.harness import Toy

from tests.support import until

from .test_relay import Sending, arrived, put

HERE = Path(__file__).parent


@asynccontextmanager
async def child(script: str, *words: str, **environment: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / script),
        *words,
        env={**os.environ, "PYTHONPATH": str(HERE), **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def frozen(process: asyncio.subprocess.Process) -> None:
    await until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)


async def test_what_a_frozen_producer_holds_is_refused_once_another_of_its_name_has_written(toy: Toy) -> None:
    topic, name = f"{toy.prefix}toy.totals", f"{toy.prefix}toy.relay"
    async with child("frozen_producer.py", toy.settings.kafka, name, topic) as first:
        await frozen(first)
        second = await open_producer(toy.settings.kafka, name)
        for value in (b"2", b"3"):
            await (await second.send_all([Sendable(topic, value, b"a", [])]))[0]
        first.send_signal(signal.SIGCONT)
        said, _ = await asyncio.wait_for(first.communicate(), 60)
        assert said.decode().split() == ["ProducerFenced"]
        await (await second.send_all([Sendable(topic, b"4", b"a", [])]))[0]
        await second.close()
    assert [record.value for record in await toy.read("toy.totals")] == [b"1", b"2", b"3", b"4"]


async def test_a_relay_that_wakes_after_it_was_replaced_sends_nothing_of_what_it_held(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "SILENT", 1.0)
    monkeypatch.setattr(relay_module, "_STANDBY", 0.2)
    await put(toy, "a", "old")
    await put(toy, "a", "freeze")
    about = {"PLATEN_KAFKA": toy.settings.kafka, "PLATEN_DATABASE": toy.settings.database, "PLATEN_TOPIC_PREFIX": toy.prefix}
    async with child("frozen_relay.py", **about) as first:
        await frozen(first)
        await put(toy, "a", "new")
        second = Sending(toy)
        assert await arrived(toy, 3) == [b"old", b"freeze", b"new"]
        first.send_signal(signal.SIGCONT)
        # It holds the lock again only after it has found that it had lost it.
        await second.end()
        await put(toy, "a", "last")
        assert (await arrived(toy, 4)) == [b"old", b"freeze", b"new", b"last"]
