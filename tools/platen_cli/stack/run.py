"""One run in a data folder: the lock that makes it the only one, and the file that tells others about it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from platen_cli.errors import UserError
from platen_cli.local.daemon import ensure_folder


class ServiceRun(TypedDict):
    pid: int | None
    url: str
    ready_url: str
    restarts: int


class Run(TypedDict):
    """What `.platen/run.json` holds; the passwords in it are why only this user may read it."""

    pid: int
    started: str
    kafka: str
    postgres_admin: str
    objects: str
    topic_prefix: str
    own: list[str]
    databases: dict[str, str]
    services: dict[str, ServiceRun]


@contextmanager
def only_run(data: Path) -> Iterator[None]:
    """Holds the data folder for this process.

    Raises:
        UserError: another process holds it, or the folder cannot be written.
    """
    ensure_folder(data)
    path = data / "lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise UserError(
                f"{data} is in use by another platen (pid {holder}); stop that one, or name another folder with --data"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_running(data: Path) -> bool:
    """Whether some process holds the data folder."""
    path = data / "lock"
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write_run(data: Path, run: Run) -> None:
    """Writes the run file, whole or not at all."""
    partial = data / "run.partial"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(run, indent=2))
    partial.replace(data / "run.json")


def forget_run(data: Path) -> None:
    (data / "run.json").unlink(missing_ok=True)


def read_run(data: Path) -> Run:
    """The run that is up in the folder.

    Raises:
        UserError: none is.
    """
    path = data / "run.json"
    if not is_running(data) or not path.exists():
        raise UserError(f"nothing runs in {data}; start it with `platen up`, or name its folder with --data")
    return json.loads(path.read_text())
