"""The compose file as a project of its own: unique name, free ports, everything gone afterwards."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from platen_cli.local.ports import free_port
from platen_contracts.topics import SERVICES

ROOT = Path(__file__).parents[2]
PUBLISHED = ("CONSOLE", "SYNC", "RENDER", "TRACKING", "SANDBOX")
OURS = (*SERVICES, "sandbox")
"""The containers that run our own code for as long as the system is up."""


class Wrong(Exception):
    """What is not as it should be, and whose logs tell more."""

    def __init__(self, what: str, services: Iterable[str] = ()) -> None:
        super().__init__(what)
        self.services = tuple(services)


class Deployment:
    """One `docker compose` project with the sandbox. As a context manager it takes itself down, whatever happened."""

    def __init__(self, *, keep: bool = False) -> None:
        self.project = f"platen-test-{secrets.token_hex(3)}"
        self._keep = keep
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PLATEN_", "COMPOSE_"))},
            "PLATEN_VERSION": "test",
            # Two images at once take no less time on two cores, and twice the memory.
            "COMPOSE_PARALLEL_LIMIT": "1",
            **{f"PLATEN_PORT_{name}": str(port) for name, port in zip(PUBLISHED, free_ports(len(PUBLISHED)), strict=True)},
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._keep:
            return
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20", check=False)

    def port(self, service: str) -> int:
        """Where a service is published on 127.0.0.1."""
        return int(self._environment[f"PLATEN_PORT_{service.upper()}"])

    def compose(self, *words: str, check: bool = True) -> str:
        """Runs `docker compose …` and returns what it printed. Raises `Wrong` where it fails, with what is unwell then."""
        done = subprocess.run(self._command(*words), cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-15:])
            raise Wrong(f"docker compose {words[0]} exited {done.returncode}:\n{tail}", self.unwell())
        return done.stdout

    def logs(self, service: str, lines: int | None = None) -> str:
        tail = () if lines is None else ("--tail", str(lines))
        return self.compose("logs", "--no-color", "--no-log-prefix", *tail, service, check=False).replace("\x1b[2K", "")

    def containers(self) -> dict[str, Any]:
        """What the engine says of each service's container, the ended ones too."""
        ids = self._docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}").split()
        described: list[Any] = json.loads(self._docker("inspect", *ids)) if ids else []
        return {it["Config"]["Labels"]["com.docker.compose.service"]: it for it in described}

    def unwell(self) -> tuple[str, ...]:
        """Services that are neither healthy nor ended well: those whose logs tell more."""
        states = {name: container["State"] for name, container in self.containers().items()}
        return tuple(name for name, state in states.items() if not _is_well(state))

    def left_behind(self) -> list[str]:
        """Containers, volumes and networks of the project."""
        label = f"label=com.docker.compose.project={self.project}"
        return [
            *self._docker("ps", "--all", "--format", "container {{.Names}}", "--filter", label).splitlines(),
            *self._docker("volume", "ls", "--format", "volume {{.Name}}", "--filter", label).splitlines(),
            *self._docker("network", "ls", "--format", "network {{.Name}}", "--filter", label).splitlines(),
        ]

    @contextmanager
    def playing(self, orders: int, report: str) -> Iterator[subprocess.Popen[str]]:
        """A demo run inside the network, its lines on stdout; ended with the context if it still runs."""
        words = ("demo", "--once", "--attach", "--small", "--orders", str(orders), "--json", f"/reports/{report}")
        run = subprocess.Popen(
            self._command("run", "--rm", "--no-TTY", "--no-deps", "demo", *words),
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield run
        finally:
            run.terminate()
            run.wait()
            assert run.stdout is not None
            run.stdout.close()

    def report(self, name: str) -> dict[str, Any]:
        printed = self.compose("run", "--rm", "--no-TTY", "--no-deps", "--entrypoint", "cat", "demo", f"/reports/{name}")
        return json.loads(printed)

    def _command(self, *words: str) -> list[str]:
        project = ("--project-name", self.project, "--env-file", "sandbox/compose.env", "--profile", "sandbox")
        return ["docker", "compose", *project, "--progress", "plain", "--ansi", "never", *words]

    def _docker(self, *words: str) -> str:
        return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def _is_well(state: Mapping[str, Any]) -> bool:
    if not state["Running"]:
        return state["Status"] == "exited" and state["ExitCode"] == 0
    return state.get("Health", {}).get("Status", "healthy") == "healthy"


def free_ports(count: int) -> set[int]:
    """Different ports that nobody holds now."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return ports


class Stopwatch:
    """Prints a line at the end of each step, with its seconds."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def lap(self, what: str) -> None:
        now = time.monotonic()
        tell(f"{now - self._last:6.1f} s  {what}")
        self._last = now

    def total(self) -> float:
        return time.monotonic() - self._began


def tell(line: str) -> None:
    os.write(1, (line + "\n").encode())
