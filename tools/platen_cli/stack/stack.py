"""The system as one object: `async with Stack(data, ports="auto") as stack: stack.urls["orders"]`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from platen_cli.errors import UserError
from platen_cli.local import Kafka, Postgres, reap
from platen_cli.local.daemon import marked
from platen_cli.local.ports import HOST, ensure_free, free_port
from platen_cli.provision import ensure_database, migrate, provision_topics, role_name
from platen_cli.provision.databases import passwords_from_environment
from platen_cli.waiting import patiently

from .process import ServiceProcess, pause_before_restart
from .run import forget_run, only_run, write_run
from .settings import HELPERS, PORTS, Given, check_settings, chosen_services, package_of

PATIENCE = 60.0
"""Seconds in which a broker or a cluster that is given, and not up yet, has to answer."""

NO_DATABASE_YET = "postgresql:///postgres"
"""Stands in while the other settings are checked: where the databases are is known when their server runs."""

Ports = Literal["fixed", "auto"]

SECRETS: Mapping[str, tuple[str, ...]] = {
    "PLATEN_POSTGRES_ADMIN": (),
    "PLATEN_SHOP_SECRETS": ("sync",),
    "PLATEN_VENDOR_SECRETS": ("dispatch", "tracking"),
    "PLATEN_CONSOLE_TOKEN": ("console",),
    "PLATEN_CONSOLE_ADMIN_TOKEN": ("console",),
    "PLATEN_RENDER_TICKET_KEY": ("render",),
}
"""Who may see what, of the environment that `platen up` was given."""
Say = Callable[[str, str], None]


def _silent(name: str, line: str) -> None:
    del name, line


class Stack:
    """Brings what is not given, makes it ready, and runs every service; stops it all when left.

    Args:
        data: folder that keeps data between runs; one stack at a time.
        ports: `fixed` ones (see `PORTS`), or `auto` for any that are free.
        services: which; all that are installed by default. `sandbox` may be among them.
        extra_env: added to the environment of every service.
        env_of: added to the environment of one service.
        given: what exists already; read from the environment by default.
        on_line: gets (service, line) of every log line; lines always go to `data/logs/` too.
        on_progress: gets (part, what happened) while starting and stopping.

    Attributes:
        urls: HTTP address by service.
        bootstrap: the broker's `host:port`; `kafka` is the broker itself when this stack brought it.
        postgres_admin: the cluster's admin URL; `postgres` is the cluster itself when this stack brought it.
        databases: database URL by service.
        objects: the object store's URL.
    """

    def __init__(
        self,
        data: Path,
        *,
        ports: Ports = "fixed",
        services: Sequence[str] | None = None,
        extra_env: Mapping[str, str] | None = None,
        env_of: Mapping[str, Mapping[str, str]] | None = None,
        given: Given | None = None,
        on_line: Say = _silent,
        on_progress: Say = _silent,
    ) -> None:
        self.data = data.resolve()
        self.given = given or Given.from_environment()
        self.given.check()
        self.services, self.missing = chosen_services(list(services) if services else None)
        self.ports = _pick_ports(ports, self.services)
        self.urls = {name: f"http://{HOST}:{self.ports[name]}" for name in self.services}
        self.kafka = None if self.given.kafka else Kafka(self.data / "kafka", port=self.ports["kafka"])
        self.postgres = None if self.given.postgres_admin else Postgres(self.data / "postgres")
        self.bootstrap = self.kafka.bootstrap if self.kafka else self.given.kafka
        self.postgres_admin = self.postgres.admin_url if self.postgres else self.given.postgres_admin
        self.objects = self.given.objects or (self.data / "objects").as_uri()
        self.databases: dict[str, str] = {}
        self._extra_env = dict(extra_env or {})
        self._env_of = {name: dict(env) for name, env in (env_of or {}).items()}
        self._on_line = on_line
        self._on_progress = on_progress
        self._processes: dict[str, ServiceProcess] = {}
        self._cleanup = AsyncExitStack()
        self._started = ""

    def process(self, service: str) -> ServiceProcess:
        """The supervised process of one service."""
        return self._processes[service]

    def database(self, service: str) -> str:
        """The database URL of one service."""
        return self.databases[service]

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._cleanup.aclose()

    async def _start(self) -> None:
        self._cleanup.enter_context(only_run(self.data))
        for ended in await asyncio.to_thread(reap, self.data):
            self._on_progress("leftovers", f"ended {ended} of a killed run")
        for name in self.missing:
            self._on_progress(name, f"skipped: package {package_of(name)} is not installed")
        for name in self.services:
            check_settings(name, {**self.environment(name), "PLATEN_DATABASE": NO_DATABASE_YET})
        for name in (*self.services, *(["kafka"] if self.kafka else [])):
            ensure_free(self.ports[name], name)
        # The last one pushed stops first: the broker, then the database.
        for name, server in (("postgres", self.postgres), ("kafka", self.kafka)):
            if server is not None:
                self._cleanup.push_async_callback(self._end, name, server)
        await together(self._prepare_databases(), self._prepare_topics())
        for name, server in (("postgres", self.postgres), ("kafka", self.kafka)):
            if server is not None:
                minding = asyncio.ensure_future(self._mind(name, server))
                self._cleanup.callback(minding.cancel)
        if not self.given.objects:
            (self.data / "objects").mkdir(exist_ok=True)
        await self._run_services()

    async def _bring(self, name: str, server: Kafka | Postgres) -> None:
        began = time.monotonic()
        await server.start()
        self._on_progress(name, f"ready at {server.address} after {time.monotonic() - began:.1f} s")

    async def _mind(self, name: str, server: Kafka | Postgres) -> None:
        """A server that dies is started again, as a service is."""
        deaths = 0
        while True:
            await asyncio.sleep(1)
            if not server.died:
                continue
            deaths += 1
            pause = pause_before_restart(deaths)
            self._on_progress(name, f"ended by itself (see {server.log}); started again in {pause:g} s")
            await asyncio.sleep(pause)
            try:
                await self._bring(name, server)
            except UserError as problem:
                self._on_progress(name, str(problem))

    async def _end(self, name: str, server: Kafka | Postgres) -> None:
        await server.stop()
        self._on_progress(name, "stopped")

    async def _prepare_topics(self) -> None:
        if self.kafka is not None:
            await self._bring("kafka", self.kafka)
        reports = await patiently(
            lambda: provision_topics(self.bootstrap, prefix=self.given.topic_prefix),
            PATIENCE,
            lambda reason: self._on_progress("kafka", reason),
        )
        changed = [report for report in reports if report.state != "unchanged"]
        self._on_progress("topics", f"{len(reports)} as the catalogue says, {len(changed)} of them made or corrected now")

    async def _prepare_databases(self) -> None:
        if self.postgres is not None:
            await self._bring("postgres", self.postgres)
        passwords = passwords_from_environment(tuple(self.services))
        for name in self.services:
            if name in HELPERS:
                continue
            database = role_name(name) + self.given.database_suffix
            role, password = role_name(name), passwords.get(name, "")
            self.databases[name] = await patiently(
                lambda: ensure_database(self.postgres_admin, database, role, password),  # noqa: B023  called before the next turn
                PATIENCE,
                lambda reason: self._on_progress("postgres", reason),
            )
            migrated = await migrate(self.databases[name], package_of(name))
            self._on_progress(name, f"database {database} " + ("at its newest migration" if migrated else "has no migrations"))

    async def _run_services(self) -> None:
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._cleanup.callback(forget_run, self.data)
        self._cleanup.push_async_callback(self._stop_services)
        for name in self.services:
            self._processes[name] = ServiceProcess(
                name,
                [sys.executable, "-m", package_of(name)],
                self.environment(name),
                self.urls[name],
                self.urls[name] + HELPERS.get(name, "/ready"),
                self.data / "logs" / f"{name}.log",
                self._on_line,
                self._tell_run,
            )
        self._tell_run()
        for process in self._processes.values():
            await process.start()
        await together(*(self._wait_ready(process) for process in self._processes.values()))

    async def _wait_ready(self, process: ServiceProcess) -> None:
        seconds = await process.wait_ready()
        self._on_progress(process.name, f"ready at {process.url} after {seconds:.1f} s")

    async def _stop_services(self) -> None:
        await asyncio.gather(*(process.stop() for process in self._processes.values()))
        self._on_progress("services", "stopped")

    def environment(self, service: str) -> dict[str, str]:
        """The whole environment of one service."""
        own = {
            "PLATEN_KAFKA": self.bootstrap,
            "PLATEN_HTTP": f"{HOST}:{self.ports[service]}",
            "PLATEN_OBJECTS": self.objects,
            "PLATEN_TOPIC_PREFIX": self.given.topic_prefix,
            # One process of each: a killed one takes its partitions back at once instead of after the session timeout.
            "PLATEN_INSTANCE": "up",
            "PLATEN_LOG": os.environ.get("PLATEN_LOG", "text"),
            "PYTHONUNBUFFERED": "1",
        }
        if service in self.databases:
            own["PLATEN_DATABASE"] = self.databases[service]
        if "render" in self.urls:
            own["PLATEN_FILES_URL"] = os.environ.get("PLATEN_FILES_URL", self.urls["render"])
        environment = marked(self.data, **{**own, **self._extra_env, **self._env_of.get(service, {})})
        for secret, services in SECRETS.items():
            if service not in services:
                environment.pop(secret, None)
        return environment

    def _tell_run(self) -> None:
        write_run(
            self.data,
            {
                "pid": os.getpid(),
                "started": self._started,
                "kafka": self.bootstrap,
                "postgres_admin": self.postgres_admin,
                "objects": self.objects,
                "topic_prefix": self.given.topic_prefix,
                "own": [name for name, server in (("kafka", self.kafka), ("postgres", self.postgres)) if server],
                "databases": self.databases,
                "services": {
                    name: {"pid": process.pid, "url": process.url, "ready_url": process.ready_url, "restarts": process.restarts}
                    for name, process in self._processes.items()
                },
            },
        )


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Runs all at once; the first failure cancels the rest and is raised as itself, not as one of a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _pick_ports(ports: Ports, services: Sequence[str]) -> dict[str, int]:
    names = [*services, "kafka"]
    return {name: free_port() if ports == "auto" or name not in PORTS else PORTS[name] for name in names}
