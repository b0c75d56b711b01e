"""The processes of one pool, and how much memory each may hold."""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any
from weakref import WeakSet


class Family(SpawnContext):
    """Starts processes, each with a fresh interpreter, and knows those it started from those of other pools."""

    def __init__(self, memory_mb: int) -> None:
        super().__init__()
        self.memory_mb = memory_mb
        self._started = WeakSet[SpawnProcess]()
        self._overgrown = set[int]()

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # noqa: N802  # pyright: ignore[reportIncompatibleVariableOverride]  a class there
        process = SpawnProcess(*args, **kwargs)
        self._started.add(process)
        return process

    def watch_memory(self) -> None:
        """Kills whoever holds more than `memory_mb` megabytes."""
        for process in multiprocessing.active_children():
            pid = process.pid
            if process in self._started and pid is not None and _memory_of(pid) > self.memory_mb * 1024 * 1024:
                self._overgrown.add(pid)
                process.kill()

    def was_overgrown(self, pid: int | None) -> bool:
        """Whether a process that ended was killed for its memory. Told once: another may get the same number."""
        if pid not in self._overgrown:
            return False
        self._overgrown.discard(pid)
        return True


def _memory_of(pid: int) -> int:
    """Bytes in memory of a process; 0 where that cannot be told (it has ended, or this is no Linux)."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()
