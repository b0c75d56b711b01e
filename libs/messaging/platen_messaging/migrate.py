"""Alembic migrations of a service's own database: `python -m platen_messaging.migrate platen_orders`.

A package's `migrations/env.py` is two lines: `from platen_messaging.migrate import run_env` and `run_env()`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.resources import files

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from .databases import open_engine, shown

_LOCK = 0x706C6174656E4D  # "platenM": one migration at a time in a database


class ForeignDatabase(ValueError):
    """A database that another service has migrated. Each service has its own."""


async def upgrade(url: str, package: str) -> None:
    """Brings the database at `url` to the newest revision of `package`, in one transaction. Raises `ForeignDatabase`."""
    config = _config(package)
    engine = open_engine(url, pooled=False)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, config, package)
    finally:
        await engine.dispose()


def run_env() -> None:
    """The body of every env.py."""
    context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
    context.run_migrations()


def behind(connection: Connection, package: str) -> str | None:
    """What is missing in this database for `package` to run, or None. A database newer than the package is fine.

    Raises `ForeignDatabase`.
    """
    script = _script(package)
    if script is None:
        return None
    _check_owner(connection, package)
    head = script.get_current_head()
    held = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if held == head or (held is not None and held not in known):
        return None
    return f"the database is at revision {held or 'none'}, {package} needs {head}"


def _upgrade(connection: Connection, config: Config, package: str) -> None:
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    _check_owner(connection, package)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    # Revisions are numbers, the same in every service: whose they are is said beside them.
    connection.execute(text(f"comment on table alembic_version is '{package}'"))


def _check_owner(connection: Connection, package: str) -> None:
    owner = connection.scalar(text("select obj_description(to_regclass('alembic_version'), 'pg_class')"))
    if owner not in (None, package):
        raise ForeignDatabase(f"it is the database of {owner}; give {package} its own")


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(package) / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _script(package: str) -> ScriptDirectory | None:
    if not (files(package) / "migrations").is_dir():
        return None
    return ScriptDirectory.from_config(_config(package))


def main() -> None:
    """Upgrades the database that PLATEN_DATABASE names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m platen_messaging.migrate PACKAGE (for example platen_orders)")
    url = os.environ.get("PLATEN_DATABASE", "")
    if not url:
        sys.exit("PLATEN_DATABASE is not set; give it the database's address, postgresql://user:password@host:5432/database")
    try:
        asyncio.run(upgrade(url, sys.argv[1]))
    except ModuleNotFoundError:
        sys.exit(f"package {sys.argv[1]!r} is not installed; name a service's package, such as platen_orders")
    except ValueError as wrong:
        sys.exit(f"PLATEN_DATABASE: {shown(url)!r}: {wrong}")
    except (OSError, SQLAlchemyError) as problem:
        first = str(getattr(problem, "orig", None) or problem).splitlines()[0]
        sys.exit(f"PLATEN_DATABASE: {shown(url)}: {first}; see that the server runs and the role may create tables")


if __name__ == "__main__":
    main()
