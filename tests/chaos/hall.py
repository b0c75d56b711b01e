"""Services in this process on the run's real broker and databases, fed by hand and judged by the auditor."""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from platen_cli.audit import Evidence, Verdict, audit, gather, told
from platen_cli.audit.evidence import Place
from platen_cli.audit.gather import read_topics
from platen_contracts.envelope import Meta, encode, encode_headers
from platen_contracts.message import Message
from platen_messaging.service import Service

from tests.running import Running
from tests.support import until

Raw = tuple[str, bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Topic, key, value, headers."""


@dataclass
class Hall:
    """The world of one test: topics under a prefix, a database for each service that was started."""

    bootstrap: str
    prefix: str
    database: Callable[[str], Awaitable[str]]
    folder: Path
    sandbox: str = ""
    databases: dict[str, str] = field(default_factory=dict[str, str])
    running: list[Running] = field(default_factory=list[Running])
    spoiled: set[Place] = field(default_factory=set[Place])
    forged: set[str] = field(default_factory=set[str])
    _producer: Any = None

    async def settings(self, name: str, **changed: Any) -> dict[str, Any]:
        if name not in self.databases:
            self.databases[name] = await self.database(f"platen_{name}")
        extra: dict[str, dict[str, Any]] = {
            "render": {"files_url": "http://127.0.0.1:1", "render_workers": 1},
            "dispatch": {"vendor_secrets": {"prints": {"token": "token-prints"}}},
            "tracking": {"vendor_secrets": {"prints": {"token": "token-prints"}}},
        }
        common = {"kafka": self.bootstrap, "database": self.databases[name], "topic_prefix": self.prefix}
        return {**common, "objects": self.folder.as_uri(), **extra.get(name, {}), **changed}

    async def start(self, name: str, *, wait: bool = True, **changed: Any) -> Running:
        """A service as its own main builds it."""
        rooms = importlib.import_module(f"platen_{name}.main"), importlib.import_module(f"platen_{name}.settings")
        kind: Any = getattr(rooms[1], "Settings", None) or importlib.import_module("platen_messaging.settings").ServiceSettings
        service: Service = rooms[0].build(kind(**await self.settings(name, **changed)))
        stop = asyncio.Event()
        running = Running(service, stop, asyncio.ensure_future(service.serve(stop)))
        self.running.append(running)
        if wait:
            await running.ready()
        return running

    async def send(self, topic: str, key: str, message: Message, message_id: str = "", **meta: Any) -> str:
        """As any system would; returns its id."""
        about = Meta(
            message_id or secrets.token_hex(16), message.TYPE, "test", key, meta.pop("time", None) or datetime.now(UTC), **meta
        )
        await self.produce([(topic, key.encode(), encode(message), encode_headers(about))])
        return about.id

    async def produce(self, records: Sequence[Raw], *, spoil: bool = False) -> list[Place]:
        """Hands all over at once and waits for them; with `spoil` they are meant to end in dead letters."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self.bootstrap, acks="all", enable_idempotence=True, max_request_size=4_000_000
            )
            await self._producer.start()
        futures = [
            await self._producer.send(self.prefix + topic, value, key=key, headers=list(headers))
            for topic, key, value, headers in records
        ]
        placed = [await future for future in futures]
        places = [(topic, it.partition, it.offset) for (topic, *_), it in zip(records, placed, strict=True)]
        if spoil:
            self.spoiled.update(places)
        return places

    async def bodies(self, topic: str, kind: str = "") -> list[dict[str, Any]]:
        """What stands on the topic now, in order; of one message only when it is named."""
        found, _ = await read_topics(self.bootstrap, self.prefix, [topic])
        return [json.loads(it.value) for it in found[topic] if it.value is not None and kind in ("", it.type)]

    async def evidence(self) -> Evidence:
        return await gather(
            self.bootstrap,
            self.databases,
            self.prefix,
            sandbox=self.sandbox,
            spoiled=frozenset(self.spoiled),
            forged=frozenset(self.forged),
        )

    async def verdict(self) -> Verdict:
        return audit(await self.evidence())

    async def clean(self, seconds: float = 60) -> Verdict:
        """The verdict once nothing is wrong any more; fails with what still is, and the traces."""
        evidence = await self.evidence()

        async def nothing() -> Verdict | None:
            nonlocal evidence
            evidence = await self.evidence()
            verdict = audit(evidence)
            return None if verdict.violations else verdict

        async def seen() -> str:
            return "\n".join(told(audit(evidence), evidence))

        return await until(nothing, seconds, seen)

    async def broken(self, promise: str, words: str, seconds: float = 30) -> str:
        """The violation of that promise that says those words, once the auditor finds it."""
        verdict = await self.verdict()

        async def found() -> str:
            nonlocal verdict
            verdict = await self.verdict()
            return next((str(it) for it in verdict.violations if it.promise == promise and words in it.what), "")

        async def seen() -> list[str]:
            return [str(violation) for violation in verdict.violations]

        return await until(found, seconds, seen)

    async def reconnect(self) -> None:
        """What is sent next is sent by a new producer, of which Kafka expects nothing."""
        if self._producer is not None:
            await self._producer.stop()
        self._producer = None

    async def close(self) -> None:
        for running in self.running:
            if not running.serving.done():
                await running.end()
        await self.reconnect()
