"""A database per test, copied from a template that one process of the run has migrated."""

from __future__ import annotations

import asyncio
import fcntl
import secrets
from pathlib import Path

from platen_cli.provision import ensure_database, migrate
from platen_cli.provision.databases import connect_admin, database_url


async def fresh_database(admin_url: str, package: str, folder: Path) -> str:
    """A new database with the package's tables, as the URL of its own role.

    Args:
        admin_url: the cluster's superuser.
        package: such as `platen_orders`; its role bears the same name, and migrations run as that role.
        folder: shared by the processes of the run; the first of them makes the template.
    """
    await _ensure_template(admin_url, package, folder)
    name = f"{package}_{secrets.token_hex(5)}"
    connection = await connect_admin(admin_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{package}_template" OWNER "{package}"')
    finally:
        await connection.close()
    return database_url(admin_url, name, package, _password(package))


async def drop_database(admin_url: str, url: str) -> None:
    """Drops a database made here, with whatever is still connected to it."""
    name = url.partition("?")[0].rpartition("/")[2]
    connection = await connect_admin(admin_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def _password(package: str) -> str:
    """Tests know it; a cluster in a container asks for one where a socket would trust."""
    return f"test-{package}"


async def _ensure_template(admin_url: str, package: str, folder: Path) -> None:
    done = folder / f"{package}.template"
    if done.exists():
        return
    with (folder / f"{package}.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not done.exists():
            url = await ensure_database(admin_url, f"{package}_template", package, _password(package))
            await migrate(url, package)
            done.touch()
