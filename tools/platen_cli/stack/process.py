"""One service as a process of its own: logged line by line, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from platen_cli.errors import UserError
from platen_cli.local.daemon import guarded

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 30.0
"""A service that lived this long is healthy: the next death is its first."""
LONGEST_LINE = 1024 * 1024

OnLine = Callable[[str, str], None]


def pause_before_restart(deaths: int) -> float:
    """Seconds to wait after so many deaths in a row: doubling, up to half a minute."""
    return min(FIRST_PAUSE * 2 ** (deaths - 1), LONGEST_PAUSE)


class ServiceProcess:
    """Runs a command until told to stop.

    Args:
        name: as shown in front of its lines.
        command: the program and its arguments.
        environment: the whole environment.
        url: its HTTP address.
        ready_url: answers 200 when it serves.
        log: file that gets every line.
        on_line: called with (name, line) for every line, and for what the supervisor has to say.
        on_change: called when the process id or the number of restarts changed.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        url: str,
        ready_url: str,
        log: Path,
        on_line: OnLine,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.url = url
        self.ready_url = ready_url
        self.log = log
        self.restarts = 0
        self._command = list(command)
        self._environment = dict(environment)
        self._on_line = on_line
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._last: deque[str] = deque(maxlen=4)
        self._exit_code: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Starts supervising; returns at once (see `wait_ready`)."""
        if self._task is None or self._task.done():
            self._stopping.clear()
            self._task = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    async def wait_ready(self, seconds: float = 60, deaths: int = 3) -> float:
        """Waits until `ready_url` says 200; returns how many seconds that took.

        Raises:
            UserError: it kept dying, or was not ready in time; says why in its own words.
        """
        began, restarts = time.monotonic(), self.restarts
        reasons = "no answer"
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while time.monotonic() - began < seconds:
                if self.restarts - restarts >= deaths:
                    raise UserError(
                        f"{self.name} ended {deaths} times before it was ready: {self._last_words()} (see {self.log})"
                    )
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get(self.ready_url)
                    if answer.status_code == 200:
                        return time.monotonic() - began
                    reasons = " ".join(answer.text.split())[:200]
                await asyncio.sleep(0.1)
        raise UserError(f"{self.name} was not ready in {seconds:.0f} s: {reasons} (see {self.log})")

    def kill(self) -> None:
        """Ends it and its own children at once (SIGKILL); it is started again."""
        self._signal_group(signal.SIGKILL)

    def terminate(self) -> None:
        """Asks it to end in good order (SIGTERM); it is started again."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Freezes it and its children (SIGSTOP)."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on (SIGCONT)."""
        self._signal_group(signal.SIGCONT)

    async def stop(self, grace: float = 20) -> None:
        """Ends it in good order, by force after `grace` seconds, and starts it no more."""
        self._stopping.set()
        if self._task is None:
            return
        self._signal_group(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._task}, timeout=grace)
        if not done:
            self._say(f"did not end in {grace:.0f} s; ended by force")
            self.kill()
            await asyncio.wait({self._task}, timeout=5)
        self._task = None

    async def _supervise(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            await self._run_once()
            if self._stopping.is_set():
                return
            deaths = 1 if time.monotonic() - began > STEADY_SECONDS else deaths + 1
            self.restarts += 1
            pause = pause_before_restart(deaths)
            self._say(f"ended with exit code {self._exit_code}; starting it again in {pause:g} s")
            self._on_change()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _run_once(self) -> None:
        """Runs the program to its end, and then what it left of its own process group."""
        # A pipe of our own: asyncio's would keep wait() waiting for as long as an orphan of the program holds it open.
        lines, pipe, writing = await _pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *guarded(self._command, signal.SIGKILL),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        self._on_change()
        reading = asyncio.create_task(self._read(lines))
        try:
            self._exit_code = await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            # A child that left the group may hold the pipe open.
            await asyncio.wait({reading}, timeout=2)
            reading.cancel()
            pipe.close()

    async def _read(self, lines: asyncio.StreamReader) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8", errors="replace") as log:
            while True:
                try:
                    raw = await lines.readline()
                except ValueError:  # a line past the limit was dropped
                    continue
                if not raw:
                    return
                line = raw.decode(errors="replace").rstrip()
                log.write(line + "\n")
                log.flush()
                if line:
                    self._last.append(line)
                    self._on_line(self.name, line)

    def _say(self, line: str) -> None:
        self._on_line(self.name, f"platen: {line}")

    def _last_words(self) -> str:
        return self._last[-1][-300:] if self._last else f"exit code {self._exit_code}, without a word"

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _signal_group(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


async def _pipe() -> tuple[asyncio.StreamReader, asyncio.ReadTransport, int]:
    """A pipe: its reading end as a stream of lines and what closes it, its writing end as a descriptor."""
    reading, writing = os.pipe()
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(reading, "rb", buffering=0)
    )
    return lines, transport, writing
