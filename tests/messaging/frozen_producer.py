"""Freezes itself with records handed over and none of them sent. Run as `frozen_producer.py BOOTSTRAP NAME TOPIC`."""

import asyncio
import os
import signal
import sys

from platen_messaging.kafka import Sendable, open_producer


async def main() -> None:
    bootstrap, name, topic = sys.argv[1:]
    producer = await open_producer(bootstrap, name)
    await (await producer.send_all([Sendable(topic, b"1", b"a", [])]))[0]
    futures = await producer.send_all([Sendable(topic, b"2", b"a", []) for _ in range(3)])
    os.kill(os.getpid(), signal.SIGSTOP)
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    sys.stdout.write(" ".join({type(outcome).__name__ for outcome in outcomes}))
    await producer.close(0)


asyncio.run(main())
