"""The shared servers from Docker images instead (PLATEN_TEST_CONTAINERS=1), through testcontainers."""

from __future__ import annotations

import asyncio
import logging
import time
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from platen_cli.errors import UserError
from platen_cli.local.kafka import SETTINGS, UNHURRIED_SESSION_S
from platen_cli.local.ports import HOST, free_port

KAFKA_IMAGE, POSTGRES_IMAGE = "apache/kafka:4.3.0", "postgres:17"
START_SECONDS = 90
_quiet = logging.getLogger("platen.kafka-client")
_quiet.setLevel(logging.CRITICAL)


class KafkaInContainer:
    """The broker of the image, with the settings of our own broker, published at a port of this machine."""

    def __init__(self) -> None:
        # Chosen here, since the broker must be told what to advertise before Docker would say which port it gave.
        self.port = free_port()
        settings = {
            **SETTINGS,
            "listeners": "CLIENTS://:9092,CONTROLLER://:9093",
            "advertised.listeners": f"CLIENTS://{HOST}:{self.port}",
            "controller.quorum.voters": "1@localhost:9093",
            "broker.session.timeout.ms": str(int(UNHURRIED_SESSION_S * 1000)),
        }
        self._container = DockerContainer(KAFKA_IMAGE)
        # Docker's client takes an address with the port; testcontainers' own types do not say so.
        self._container.ports = cast("Any", {"9092/tcp": (HOST, self.port)})
        for name, value in settings.items():
            self._container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(_start, self._container)
        deadline = time.monotonic() + START_SECONDS
        # Docker's own proxy opens the port at once, so only an answer tells.
        while not await asyncio.to_thread(_answers, self.address):
            if time.monotonic() > deadline:
                await asyncio.to_thread(self._container.stop)
                raise UserError(f"{KAFKA_IMAGE} did not serve in {START_SECONDS} s")
            await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self._container.stop)


class PostgresInContainer:
    """The cluster of the image; its roles need their passwords."""

    def __init__(self) -> None:
        self._container = PostgresContainer(POSTGRES_IMAGE, driver=None, dbname="postgres")
        self._container.with_command("postgres -c max_connections=400 -c fsync=off -c full_page_writes=off")

    @property
    def address(self) -> str:
        return self._container.get_connection_url()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(_start, self._container)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.to_thread(self._container.stop)


def _answers(bootstrap: str) -> bool:
    try:
        AdminClient({"bootstrap.servers": bootstrap}, logger=_quiet).list_topics(timeout=1)
    except KafkaException:
        return False
    return True


def _start(container: DockerContainer) -> None:
    try:
        # The keeper stops what it started; the reaper's image may be out of reach.
        testcontainers_config.ryuk_disabled = True
        container.start()
    except Exception as problem:  # noqa: BLE001 docker's, requests' and testcontainers' own errors come through
        reason = " ".join(str(problem).split())[:200]
        raise UserError(f"PLATEN_TEST_CONTAINERS=1: {container.image} did not start ({reason}); is a Docker engine up?") from None
