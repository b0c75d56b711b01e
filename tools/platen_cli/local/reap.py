"""Ends what a killed run left behind, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import psutil

from .daemon import MARK


def reap(folder: Path, seconds: float = 10) -> list[str]:
    """Ends every process that belongs to a run in `folder`, gently and then by force; returns what it ended, one line each.

    A process is ours only if its own environment says that it was started by a run in that folder, or, for Postgres (which
    overwrites its environment), if it is the postmaster of a cluster in that folder. Call it holding the folder's lock.
    """
    folder = folder.resolve()
    ours = [process for process in psutil.process_iter() if process.pid != os.getpid() and _belongs(process, folder)]
    told = [_told(process) for process in ours]
    for process in ours:
        with contextlib.suppress(psutil.Error):
            # Told to terminate, Postgres would wait for its clients.
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
            process.resume()
    _, stubborn = psutil.wait_procs(ours, seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, 5)
    return told


def _belongs(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        mark = process.environ().get(MARK)
        if mark is not None:
            return Path(mark).is_relative_to(folder)
        command = process.cmdline()
        if "-D" in command[:-1] and Path(command[0]).name == "postgres":
            return Path(command[command.index("-D") + 1]).is_relative_to(folder)
    return False


def _told(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        name = next((word for word in reversed(words) if word.startswith(("platen_", "kafka."))), process.name())
        return f"{name} (pid {process.pid})"
    return f"pid {process.pid}"
