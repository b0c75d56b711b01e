"""A relay that freezes itself once, with a round handed over and none of it sent. PLATEN_KAFKA, _DATABASE, _TOPIC_PREFIX."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

from platen_messaging.databases import open_engine
from platen_messaging.health import Health
from platen_messaging.kafka import Producer, Sendable
from platen_messaging.relay import Relay
from platen_messaging.settings import ServiceSettings, load

send_all = Producer.send_all


async def send_all_and_freeze(self: Producer, records: Sequence[Sendable]) -> Any:
    futures = await send_all(self, records)
    if any(record.value == b"freeze" for record in records):
        os.kill(os.getpid(), signal.SIGSTOP)
    return futures


async def main() -> None:
    Producer.send_all = send_all_and_freeze  # type: ignore[method-assign]
    settings = load(ServiceSettings)
    relay = Relay(open_engine(settings.database), settings.kafka, settings.topic_prefix, "toy", Health())
    await relay.run(asyncio.Event())


asyncio.run(main())
