"""Servers shared by the processes of one run, such as the workers of a test run: started by whoever needs one first.

`share("kafka", folder, run)` returns the address; a keeper process of its own holds the server and ends with the process `run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

import psutil

from platen_cli.errors import UserError
from platen_cli.local import Kafka, Postgres, reap
from platen_cli.local.daemon import ensure_folder, last_lines, marked
from platen_cli.local.kafka import UNHURRIED_SESSION_S

Server = Literal["kafka", "postgres"]
START_SECONDS = 120


class Shared(Protocol):
    """A server that can be kept."""

    @property
    def address(self) -> str: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def share(server: Server, folder: Path, run: int) -> str:
    """The address of the run's server (bootstrap, or admin URL), starting it if nobody has.

    Args:
        server: which.
        folder: shared by the processes of the run.
        run: the process id with which everything ends.
    """
    ensure_folder(folder)
    address = folder / f"{server}.address"
    with (folder / f"{server}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            _start(server, folder, run, address)
    return address.read_text()


def end(folder: Path) -> None:
    """Stops every server shared in the folder and removes the folder."""
    keepers: list[psutil.Process] = []
    for path in folder.glob("*.keeper"):
        with contextlib.suppress(psutil.NoSuchProcess):
            keepers.append(_keeper(path))
            keepers[-1].terminate()
    psutil.wait_procs(keepers, 30)
    reap(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _keeper(path: Path) -> psutil.Process:
    pid, created = path.read_text().split()
    process = psutil.Process(int(pid))
    if process.create_time() != float(created):
        raise psutil.NoSuchProcess(int(pid))
    return process


def _start(server: Server, folder: Path, run: int, address: Path) -> None:
    log = folder / f"{server}-keeper.log"
    with log.open("wb") as out:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "platen_cli.testing", server, str(folder), str(run)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=marked(folder),
            start_new_session=True,
        )
    (folder / f"{server}.keeper").write_text(f"{keeper.pid} {psutil.Process(keeper.pid).create_time()}")
    deadline = time.monotonic() + START_SECONDS
    while not address.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"the shared {server} did not start: {last_lines(log)}")
        time.sleep(0.02)


def _server(name: Server, folder: Path) -> Shared:
    if os.environ.get("PLATEN_TEST_CONTAINERS") == "1":
        # Imported here: testcontainers is a tool of development, absent where only the command is installed.
        from .containers import KafkaInContainer, PostgresInContainer

        return KafkaInContainer() if name == "kafka" else PostgresInContainer()
    if name == "kafka":
        return Kafka(folder / "kafka", session_s=UNHURRIED_SESSION_S)
    return Postgres(folder / "postgres", fsync=False, connections=400)


async def _keep(name: Server, folder: Path, run: int) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    server = _server(name, folder)
    async with server:
        partial = folder / f"{name}.partial"
        partial.write_text(server.address)
        partial.replace(folder / f"{name}.address")
        while not told.is_set() and psutil.pid_exists(run):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), 0.5)
    if not psutil.pid_exists(run):
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    name, folder, run = sys.argv[1:4]
    assert name in ("kafka", "postgres")
    os.chdir("/")
    try:
        asyncio.run(_keep(name, Path(folder), int(run)))
    except UserError as problem:
        sys.exit(str(problem))
