"""A real Kafka broker in a folder: KRaft, one node, broker and controller in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from tempfile import TemporaryDirectory

from platen_cli.errors import UserError

from .daemon import POLL_SECONDS, Daemon, ensure_folder, last_lines
from .kafka_files import KafkaFiles, kafka_files, only_one
from .ports import HOST, ensure_free, free_port

log = logging.getLogger("platen")

MESSAGE_BYTES = 2 * 1024 * 1024 + 64 * 1024
"""The largest record batch: a dead letter of 2 MiB with its headers."""

SESSION_S = 3.0
"""A restart after kill -9 waits out the old session (9 s by default). With 1 s a busy machine fences its own broker."""

UNHURRIED_SESSION_S = 30.0
"""For a broker that is never restarted: it is not fenced however late its heartbeats are on a busy machine."""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENTS",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "300",
    "group.initial.rebalance.delay.ms": "0",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "message.max.bytes": str(MESSAGE_BYTES),
    "log.segment.bytes": str(128 * 1024 * 1024),
    "log.index.size.max.bytes": str(1024 * 1024),
    # The default buffer of 128 MiB would be a quarter of the heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.cleaner.threads": "1",
    "log.cleaner.backoff.ms": "2000",
    "log.initial.task.delay.ms": "2000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
}

JVM = (
    *("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC"),
    *("-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "--sun-misc-unsafe-memory-access=allow"),
)

LOGGING = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
"""


class Kafka(Daemon):
    """One broker on 127.0.0.1.

    Args:
        folder: data, settings and log; data stays between runs.
        port: the client port; 0 picks a free one, kept by this object across restarts.
        fast: starts in half the time but never optimises its code to the full; say False for benchmarks.
        session_s: seconds without a heartbeat after which it leads no partition and takes no topic until the next one.
    """

    name = "kafka"

    def __init__(self, folder: Path, *, port: int = 0, fast: bool = True, session_s: float = SESSION_S) -> None:
        super().__init__(folder)
        self.port = port or free_port()
        self._fast = fast
        self._session_s = session_s

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{HOST}:{self.port}"

    @property
    def address(self) -> str:
        return self.bootstrap

    async def start(self) -> None:
        """Starts the broker and returns when it accepts clients (about 2 s; the first time of a user about 25 s)."""
        if self.running:
            return
        ensure_folder(self.folder)
        ensure_free(self.port, "Kafka")
        files = await kafka_files()
        if not self._fast:
            await self._launch(files, [])
            return
        if not files.archive.exists():
            await _make_archive(files)
        # An archive the JVM finds unfit (another flag, another machine) is passed over in silence: the start is only slower.
        await self._launch(files, [f"-XX:AOTCache={files.archive}", "-Xlog:disable"] if files.archive.exists() else [])

    async def _launch(self, files: KafkaFiles, flags: list[str]) -> None:
        java = [str(files.java), *self._flags()]
        settings = self._write_settings()
        if not (self.folder / "topics" / "meta.properties").exists():
            # An id that begins with a dash, as one in 64 would, is taken for an option.
            cluster = "k" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
            code = await self._run(
                [*java, "-cp", files.classpath, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
            )
            if code:
                raise UserError(f"Kafka could not prepare {self.folder}: {last_lines(self.log)}")
        await self._begin([*java, *flags, "-cp", files.classpath, "kafka.Kafka", str(settings)])

    def _flags(self) -> list[str]:
        config = self.folder / "log4j2.properties"
        config.write_text(LOGGING)
        return [*JVM, *(["-XX:TieredStopAtLevel=1"] if self._fast else []), f"-Dlog4j2.configurationFile={config}"]

    def _write_settings(self) -> Path:
        controller = free_port(besides=self.port)
        own = {
            "log.dirs": str(self.folder / "topics"),
            "listeners": f"CLIENTS://{HOST}:{self.port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"CLIENTS://{HOST}:{self.port}",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "broker.session.timeout.ms": str(int(self._session_s * 1000)),
        }
        path = self.folder / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in {**SETTINGS, **own}.items()))
        return path

    async def _serving(self) -> None:
        """Returns once the client port opens: a KRaft broker opens it only when it is registered and unfenced."""
        deadline = time.monotonic() + self.start_seconds
        while not accepts(self.port):
            if not self.running:
                raise UserError(f"Kafka ended while it started: {last_lines(self.log)} (see {self.log})")
            if time.monotonic() > deadline:
                raise UserError(f"Kafka did not open port {self.port} in {self.start_seconds:.0f} s (see {self.log})")
            await asyncio.sleep(POLL_SECONDS)


async def _make_archive(files: KafkaFiles) -> None:
    """Runs a broker once to learn which classes it loads, so that every later start reads them ready-made."""
    async with only_one(files.lock):
        if files.archive.exists():
            return
        log.info("preparing Kafka's class archive, once for this user (about 15 s)")
        partial = files.archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with TemporaryDirectory(prefix="platen-kafka-") as folder:
            trial = Kafka(Path(folder))
            with contextlib.suppress(UserError):
                await trial._launch(files, [f"-XX:AOTCacheOutput={partial}"])
                await trial.stop()
        if partial.exists():
            partial.replace(files.archive)


def accepts(port: int) -> bool:
    """Whether something listens on that port now."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
