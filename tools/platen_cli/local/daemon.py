"""A server process of this machine that never outlives the run that started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from platen_cli.errors import UserError

MARK = "PLATEN_RUN"
"""Every process of a run carries this variable: the absolute data folder it belongs to."""

POLL_SECONDS = 0.03


def guarded(command: Sequence[str], signal_on_death: int, user: tuple[int, int] = (-1, -1)) -> list[str]:
    """The command, run so that it gets `signal_on_death` when this process (its starting thread) ends.

    Start it from the main thread: the kernel watches the thread that forked, not the process.
    """
    child = str(Path(__file__).with_name("child.py"))
    words = [str(os.getpid()), str(int(signal_on_death)), str(user[0]), str(user[1])]
    return [sys.executable, "-I", "-S", child, *words, "--", *command]


def marked(folder: Path, **extra: str) -> dict[str, str]:
    """The environment of a child of the run that lives in `folder`."""
    return {**os.environ, MARK: str(folder.resolve()), **extra}


def ensure_folder(folder: Path) -> Path:
    """The folder, made if it was missing, and proven writable.

    Raises:
        UserError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise UserError(
            f"folder {folder}: cannot be written ({problem.strerror}); name one you may write with --data or PLATEN_DATA"
        ) from None
    return folder


def last_lines(log: Path, count: int = 3) -> str:
    """The end of a log on one line, for an error message."""
    with contextlib.suppress(OSError):
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines[-count:])[-400:]
    return ""


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Daemon(ABC):
    """Start, stop, and for tests of failure: kill, pause, resume. Use as `async with`.

    Attributes:
        folder: holds the data and the log; data stays when the daemon stops.
        log: what the program printed.
    """

    name: str
    death_signal: int = signal.SIGKILL
    stop_signal: int = signal.SIGTERM
    start_seconds: float = 60
    stop_seconds: float = 20

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._told_to_end = False

    @abstractmethod
    async def start(self) -> None:
        """Starts it and returns when it serves; the address is the same after a stop or kill of this object.

        Raises:
            UserError: it cannot start, in one line with the remedy.
        """

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client is given to reach it."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def died(self) -> bool:
        """It was started, and ended without being stopped or killed by this object."""
        return self._process is not None and not self.running and not self._told_to_end

    async def stop(self) -> None:
        """Ends it in good order; by force when it takes longer than `stop_seconds`."""
        process, self._told_to_end = self._process, True
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            process.send_signal(signal.SIGCONT)
            if not await self._ended(self.stop_seconds):
                await self.kill()
        self._process = None

    async def kill(self) -> None:
        """Ends it and its own children at once, as a crash would (SIGKILL)."""
        process, self._told_to_end = self._process, True
        if process is None or process.poll() is not None:
            return
        try:
            family = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        process.kill()
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        await self._ended(10)
        # Whoever adopts the orphans may be slow to bury them; a zombie holds nothing any more.
        while any(_alive(member) for member in family):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    def pause(self) -> None:
        """Freezes it (SIGSTOP): connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused daemon go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def _signal(self, number: int) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def _spawn(self, command: Sequence[str], user: tuple[int, int] = (-1, -1), **environment: str) -> None:
        with self.log.open("ab") as log:
            self._process = self._popen(command, log, user, environment)
        self._told_to_end = False

    def _popen(
        self, command: Sequence[str], log: IO[bytes], user: tuple[int, int], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            guarded(command, self.death_signal, user),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=marked(self.folder, **environment),
            start_new_session=True,
        )

    @abstractmethod
    async def _serving(self) -> None:
        """Returns once clients are served. Raises `UserError` where it ended before, or takes too long."""

    async def _begin(self, command: Sequence[str], user: tuple[int, int] = (-1, -1)) -> None:
        """Starts it and returns when it serves. What came to nothing has died: nobody wanted it ended, it may be tried again."""
        self._spawn(command, user)
        try:
            await self._serving()
        except BaseException:
            await self.kill()
            self._told_to_end = False
            raise

    async def _run(self, command: Sequence[str], user: tuple[int, int] = (-1, -1)) -> int:
        """Runs a helper program of the daemon to its end, printing into the log; returns its exit code."""
        with self.log.open("ab") as log:
            process = self._popen(command, log, user, {})
        try:
            while process.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return process.returncode

    async def _ended(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True
