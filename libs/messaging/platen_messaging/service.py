"""A service: lanes, relay, tasks and HTTP in one process, started patiently and stopped without losing anything in hand."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import uvloop
from platen_contracts.envelope import Meta
from platen_contracts.topics import CATALOGUE, Topic
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.routing import BaseRoute

from . import log as logs
from . import outbox
from .databases import open_engine, shown
from .desk import Desk, Store, utcnow
from .faults import is_transient, sqlstate, told
from .handlers import Handlers
from .health import Health
from .housekeeping import keep_tidy
from .lane import Lane
from .member import Member
from .migrate import ForeignDatabase, behind
from .outcome import Outgoing
from .records import Reader
from .relay import Relay
from .settings import ServiceSettings, load
from .waiting import AWAY_SECONDS, Backoff, Task, supervise, wait
from .web import PortBusy, Web, application, listen

S = TypeVar("S")
SettingsClass = TypeVar("SettingsClass", bound=ServiceSettings)
log = logs.logger("service")

_DRAIN_SECONDS = 28.0
_CANNOT_LOG_IN = ("28", "3D", "42501")
"""SQLSTATEs of a database or role that is not set up yet."""


class Service:
    """Wires one service. `lanes`, `routes` and `tasks` may be added to until it serves.

    Args:
        name: as in the catalogue; names consumer groups, dead letters and the source of messages.
        store: keeps the states of every lane that names no store of its own.
        routes: beside /health, /ready and /metrics.
        tasks: run beside the lanes once the database answers; started again when they fail.
        on_start: awaited once the database answers, before lanes and tasks; tried again when it fails.
        package: whose migrations the database must have; default `platen_<name>`.
    """

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        store: Store[Any] | None = None,
        lanes: Sequence[Lane[Any]] = (),
        routes: Sequence[BaseRoute] = (),
        tasks: Sequence[Task] = (),
        on_start: Callable[[], Awaitable[None]] | None = None,
        package: str | None = None,
        catalogue: Mapping[str, Topic] = CATALOGUE,
    ) -> None:
        self.name = name
        self.settings = settings
        self.lanes = list(lanes)
        self.routes = list(routes)
        self.tasks = list(tasks)
        self.health = Health()
        self.health.set("start", "starting", "wait a moment", quiet=True)
        self.engine = open_engine(settings.database)
        self._store = store
        self._on_start = on_start
        self._package = package or f"platen_{name}"
        self._catalogue = catalogue
        self._members: dict[str, Member[Any]] = {}
        self._relay = Relay(self.engine, settings.kafka, settings.topic_prefix, name, self.health)

    def desk(self, handlers: Handlers[S], store: Store[S] | None = None) -> Desk[S]:
        """A desk on this service's database, for a worker's local facts."""
        store = store or self._store
        if store is None:
            raise ValueError(f"service {self.name} has no store; give one to the service, the lane or the desk")
        return Desk(self.engine, store, handlers, self.name, on_commit=self._relay.wake, catalogue=self._catalogue)

    def in_place(self, lane: str) -> bool:
        """Whether a task may act on what this lane has left in the database.

        False until it is known to be no older than what the lane has read; until then work that was done may look undone.
        """
        return lane in self._members and self._members[lane].in_place

    async def post(self, messages: Sequence[Outgoing], cause: Meta | None = None, tx: AsyncConnection | None = None) -> None:
        """Sends messages that no decision made (an operator's command), in a transaction of their own or in `tx`."""
        extensions = outbox.extensions_of(cause)
        now = utcnow()
        rows = [outbox.row_of(message, extensions, now, self._catalogue) for message in messages]
        if tx is not None:
            await outbox.insert(tx, rows)
        else:
            async with self.engine.begin() as own:
                await outbox.insert(own, rows)
        self._relay.wake()

    async def serve(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set, then drains. Raises `PortBusy`, `ForeignDatabase`."""
        web = Web(application(self.health, self.routes), listen(self.settings.http_address))
        web.start()
        log.info("listening", url=web.url)
        stop_relay = asyncio.Event()
        try:
            if await self._database_answers(stop):
                relay = asyncio.ensure_future(supervise(Task("relay", self._relay.run), stop_relay, self.health))
                work = [asyncio.ensure_future(supervise(task, stop, self.health)) for task in self._work()]
                self.health.clear("start")
                await stop.wait()
                await self._drain(work, relay, stop_relay)
        finally:
            await web.stop()
            await self.engine.dispose()

    def _work(self) -> list[Task]:
        return [
            *(Task(f"lane {lane.name}", self._member_of(lane).run) for lane in self.lanes),
            *self.tasks,
            Task("housekeeping", lambda stop: keep_tidy(self.engine, stop)),
        ]

    def _member_of(self, lane: Lane[Any]) -> Member[Any]:
        self.health.set(f"lane {lane.name}", "joining its consumer group", "wait a moment", quiet=True)
        prefix = self.settings.topic_prefix
        reader = Reader(f"{self.name}.{lane.name}", self.name, prefix, lane.handlers.types, self._catalogue)
        desk = self.desk(lane.handlers, lane.store)
        self._members[lane.name] = Member(
            lane, self.name, self.settings, self.engine, desk, reader, self.health, lambda: self._relay.behind
        )
        return self._members[lane.name]

    async def _database_answers(self, stop: asyncio.Event) -> bool:
        """Waits until the database is there, migrated, and the service's own start is done; False if stopped before."""
        backoff = Backoff(0.5, AWAY_SECONDS)
        address = shown(self.settings.database)
        while not stop.is_set():
            try:
                async with self.engine.connect() as connection:
                    await connection.execute(text("select 1"))
                    missing = await connection.run_sync(behind, self._package)
                if missing is None:
                    if self._on_start is not None:
                        await self._on_start()
                    self.health.clear("database")
                    return True
                self.health.set("database", missing, f"run python -m platen_messaging.migrate {self._package}")
            except ForeignDatabase as foreign:
                raise ForeignDatabase(f"PLATEN_DATABASE: {address}: {foreign}") from None
            except Exception as failure:
                known = is_transient(failure) or (sqlstate(failure) or "").startswith(_CANNOT_LOG_IN)
                if not known:
                    log.error("start failed", error=told(failure), exc_info=failure)
                self.health.set("database", f"{address}: {told(failure)}", "see that it runs and is set up; it is tried again")
            await wait(stop, backoff.next())
        return False

    async def _drain(self, work: Sequence[asyncio.Future[None]], relay: asyncio.Future[None], stop_relay: asyncio.Event) -> None:
        """Batches in hand first, then what they left in the outbox."""
        log.info("stopping")
        _, late = await asyncio.wait(work, timeout=_DRAIN_SECONDS)
        for task in late:
            task.cancel()
        stop_relay.set()
        self._relay.wake()
        await asyncio.gather(*late, relay, return_exceptions=True)
        log.info("stopped")


def run(build: Callable[[SettingsClass], Service], settings_class: type[SettingsClass]) -> None:
    """The main of every service: settings, log, event loop, signals. Exits 0 after SIGTERM or SIGINT."""
    settings = load(settings_class)
    service = build(settings)
    logs.configure(settings.log, service.name)
    # What a batch and the states in memory keep alive is freed without it; looking through all that again and again costs a lot.
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)
    try:
        uvloop.run(_until_signal(service))
    except (PortBusy, ForeignDatabase) as problem:
        sys.exit(str(problem))


async def _until_signal(service: Service) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):  # a second one ends at once
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    await service.serve(stop)
