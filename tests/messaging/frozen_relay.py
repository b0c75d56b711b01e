"""A relay that freezes itself once, with a round handed over and none of it sent. PLATEN_KAFKA, _DATABASE, _TOPIC_PREFIX."""

import asyncio
import os
import signal
from typing import Any

from platen_messaging.databases import open_engine
from platen_messaging.health import Health
from platen_messaging.relay import Relay
from platen_messaging.sending import Sender
from platen_messaging.settings import ServiceSettings, load

hand_over = Sender._hand_over


async def hand_over_and_freeze(self: Sender, producer: Any, row: Any) -> Any:
    future = await hand_over(self, producer, row)
    if row.value == b"freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    return future


async def main() -> None:
    Sender._hand_over = hand_over_and_freeze  # type: ignore[method-assign]
    settings = load(ServiceSettings)
    relay = Relay(open_engine(settings.database), settings.kafka, settings.topic_prefix, "toy", Health())
    await relay.run(asyncio.Event())


asyncio.run(main())
