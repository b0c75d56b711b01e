"""Does to a world what a schedule says, and takes everything back at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from platen_cli.audit.gather import read_topics
from platen_cli.errors import UserError
from platen_cli.local import Kafka, Postgres
from platen_cli.local.daemon import guarded

from .poison.corpus import consumed_by, corpus
from .schedule import SERVICES, Step
from .world import World

IN_THE_WAY = (
    httpx.HTTPError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError, KafkaException,
)  # fmt: skip
"""A fault that cannot be done because another one is under way."""
LONGEST_S = 60.0
"""For one fault: what waits for a server that another fault took away gives up."""


async def _started(server: Kafka | Postgres) -> None:
    """A busy machine may be too slow for the first start."""
    for _ in range(3):
        try:
            return await server.start()
        except UserError:
            await server.kill()
    return await server.start()


class Guest:
    """A second process of a service, which comes and goes."""

    def __init__(self, world: World, service: str) -> None:
        environment = {**world.stack.environment(service), "PLATEN_HTTP": "127.0.0.1:0"}
        environment.pop("PLATEN_INSTANCE", None)
        self._environment = environment
        self._command = guarded([sys.executable, "-m", f"platen_{service}"], signal.SIGKILL)
        self._process: asyncio.subprocess.Process | None = None

    async def come(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def go(self, how: Literal["terminate", "kill"] = "terminate") -> None:
        """Ends in good order, or at once; after half a minute at once in any case."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self.signal(signal.SIGCONT)
        if how == "terminate":
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 35)
        self.signal(signal.SIGKILL)
        await process.wait()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Injector:
    """`await injector.run(steps)`, then `await injector.heal()`. `done` counts what was done by kind."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: list[asyncio.Task[None]] = []
        self._guests: list[Guest] = []
        self._turns = {"kafka": asyncio.Lock(), "postgres": asyncio.Lock()}
        self.done: dict[str, int] = {}
        self.failed: list[str] = []

    async def run(self, steps: Sequence[Step]) -> None:
        """Starts each step at its time; those that last go on beside the next ones."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for step in steps:
            await asyncio.sleep(max(0.0, began + step.at - loop.time()))
            self._tasks.append(asyncio.create_task(self._do(step)))

    async def heal(self) -> None:
        """Everything that was stopped runs, everything that was frozen goes on, nothing goes wrong any more."""
        await asyncio.gather(*self._tasks)
        for server in (self._world.stack.kafka, self._world.stack.postgres):
            assert server is not None
            await _started(server)
        await asyncio.gather(*(guest.go() for guest in self._guests))
        self._guests.clear()
        await self._world.ready()
        await self._world.sandbox("DELETE", "/faults")
        await self._world.forget_habits()

    async def _do(self, step: Step) -> None:
        effect = self._effect(step)
        try:
            async with asyncio.timeout(None if step.target in self._turns else LONGEST_S):
                await effect(step)
        except IN_THE_WAY as problem:
            self.failed.append(f"{step}: {problem!r}")  # another fault was in its way
        else:
            name = f"{step.kind} {step.target}" if step.target in self._turns else step.kind
            self.done[name] = self.done.get(name, 0) + 1

    def _effect(self, step: Step) -> Callable[[Step], Awaitable[None]]:
        if step.target in self._turns:
            return self._server
        return {
            "kill": self._kill,
            "restart": self._restart,
            "freeze": self._freeze,
            "guest": self._guest,
            "cut": self._cut,
            "outside": self._outside,
            "again": self._again,
            "poison": self._poison,
        }[step.kind]

    async def _kill(self, step: Step) -> None:
        self._world.stack.process(step.target).kill()

    async def _restart(self, step: Step) -> None:
        self._world.stack.process(step.target).terminate()

    async def _freeze(self, step: Step) -> None:
        process = self._world.stack.process(step.target)
        process.pause()
        await asyncio.sleep(step.given["seconds"])
        process.resume()

    async def _guest(self, step: Step) -> None:
        guest = Guest(self._world, step.target)
        self._guests.append(guest)
        await guest.come()
        await asyncio.sleep(step.given["seconds"])
        if step.given["ends"] == "freeze":
            guest.signal(signal.SIGSTOP)
            await asyncio.sleep(12)
            guest.signal(signal.SIGCONT)
            await asyncio.sleep(2)
        await guest.go("kill" if step.given["ends"] == "kill" else "terminate")

    async def _server(self, step: Step) -> None:
        """One at a time: a server that is down cannot be killed again."""
        server = self._world.stack.kafka if step.target == "kafka" else self._world.stack.postgres
        assert server is not None
        async with self._turns[step.target]:
            if step.kind == "freeze":
                server.pause()
                await asyncio.sleep(step.given["seconds"])
                server.resume()
            else:
                await server.kill()
                await asyncio.sleep(step.given["seconds"])
                await _started(server)

    async def _cut(self, step: Step) -> None:
        """Ends every session of the service's database, in the middle of whatever it does."""
        connection = await asyncpg.connect(self._world.stack.postgres_admin, timeout=5)
        try:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
                f"platen_{step.target}{self._world.stack.given.database_suffix}",
            )
        finally:
            await connection.close()

    async def _outside(self, step: Step) -> None:
        await self._world.sandbox("POST", "/faults", {"target": step.target, **step.given})

    async def _again(self, step: Step) -> None:
        """The latest records of a topic come once more, under their own ids."""
        stack = self._world.stack
        found, _ = await read_topics(stack.bootstrap, stack.given.topic_prefix, [step.target])
        latest = sorted(found[step.target], key=lambda record: record.timestamp)[-step.given["records"] :]
        await self._send(
            [(step.target, it.key, it.value, it.headers) for it in latest if it.place not in self._world.spoiled], spoil=False
        )

    async def _poison(self, step: Step) -> None:
        rng = random.Random(step.given["draw"])
        bad: list[tuple[str, bytes | None, bytes | None, Any]] = []
        for _ in range(step.given["records"]):
            topic = rng.choice(consumed_by(rng.choice(SERVICES)))
            chosen = rng.choice(corpus(topic, str(step.given["draw"])))
            bad.append((topic.name, chosen.key, chosen.value, chosen.headers))
        await self._send(bad, spoil=True)

    async def _send(self, records: Sequence[tuple[str, bytes | None, bytes | None, Any]], *, spoil: bool) -> None:
        stack = self._world.stack
        producer: Any = AIOKafkaProducer(bootstrap_servers=stack.bootstrap, acks="all", max_request_size=2_000_000)
        try:
            await producer.start()
            for topic, key, value, headers in records:
                placed = await producer.send_and_wait(stack.given.topic_prefix + topic, value, key=key, headers=list(headers))
                if spoil:
                    self._world.spoiled.add((topic, placed.partition, placed.offset))
        finally:
            await producer.stop()
