"""Looks after files whose time has come: those in use stay, the others go from the object store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from secrets import token_hex

from platen_messaging.desk import Desk
from platen_messaging.faults import is_transient, told
from platen_messaging.health import Health
from platen_messaging.log import logger
from platen_messaging.waiting import wait
from platen_outside.objects import STORAGE_FAULTS
from prometheus_client import Counter

from platen_render.gateway import ObjectStore
from platen_render.model import FileDue, State, file_key
from platen_render.store.shelf import Shelf

log = logger("files")

COLLECTED = Counter("platen_render_files_collected", "Files deleted from the object store by this instance")

EVERY_S = 2.0
"""So soon the files of an erased order are gone."""

_BATCH = 100
_PART = "file collection"


@dataclass(frozen=True, slots=True)
class Collector:
    """Saved first that a file goes, and its links with it; then it is deleted; then it is forgotten. Any step may be repeated."""

    desk: Desk[State]
    shelf: Shelf
    objects: ObjectStore
    health: Health

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            try:
                more = await self.sweep()
            except Exception as failure:
                if not (is_transient(failure) or isinstance(failure, STORAGE_FAULTS)):
                    raise
                more = False
                self.health.set(
                    _PART, told(failure), "see that the database and the object store can be reached; it is tried again"
                )
            else:
                self.health.clear(_PART)
            if not more:
                await wait(stop, EVERY_S)

    async def sweep(self) -> bool:
        """One round; True if there was something to do. Raises `STORAGE_FAULTS`, and what the database raises."""
        due = await self.shelf.due(_BATCH)
        facts = [self.desk.fact(FileDue(sha256=sha256), token_hex(16), file_key(sha256)) for sha256 in due]
        if facts:
            await self.desk.apply(facts)
        doomed = await self.shelf.doomed(_BATCH)
        if doomed:
            await self.objects.delete(doomed)
            await self.shelf.forget(doomed)
            COLLECTED.inc(len(doomed))
            log.info("files collected", count=len(doomed))
        return bool(due or doomed)
