"""A database, a role and the migrations for each service."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

from platen_cli.errors import Unreachable, UserError

Passwords = Mapping[str, str]
"""Passwords by service; one that is absent has none, which suits a socket that trusts."""

ANOTHER_WAS_FASTER = (asyncpg.DuplicateObjectError, asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError)
ADMIN = "PLATEN_POSTGRES_ADMIN"
WRONG_PASSWORD = "28P01"
_LOCK = 0x706C6174656E44  # "platenD": one change of a database's privileges at a time; Postgres fails two at once


def role_name(service: str) -> str:
    """The role and the database of a service bear its package's name."""
    return f"platen_{service}"


def password_variable(service: str) -> str:
    return f"PLATEN_PASSWORD_{service.upper()}"


def passwords_from_environment(services: tuple[str, ...]) -> Passwords:
    """`PLATEN_PASSWORD_<SERVICE>` of each service that has one."""
    found = {service: os.environ.get(password_variable(service), "") for service in services}
    return {service: password for service, password in found.items() if password}


def database_url(admin_url: str, database: str, role: str, password: str = "") -> str:
    """The admin URL turned to another database and role; host, port and options stay."""
    parts = urlsplit(admin_url)
    options = {name: value for name, value in parse_qsl(parts.query) if name not in ("user", "password")}
    place = parts.netloc.rpartition("@")[2]
    if place:
        secret = f":{quote(password, safe='')}" if password else ""
        netloc = f"{quote(role, safe='')}{secret}@{place}"
    else:
        netloc = ""
        options |= {"user": role} | ({"password": password} if password else {})
    return _joined("postgresql", netloc, f"/{database}", urlencode(options, safe="/"))


def _joined(scheme: str, netloc: str, path: str, query: str) -> str:
    """Not urlunsplit, which drops the two slashes of an empty place."""
    return f"{scheme}://{netloc}{path}" + (f"?{query}" if query else "")


async def connect_admin(admin_url: str) -> asyncpg.Connection:
    """A connection for set-up work.

    Raises:
        UserError: the URL is wrong, or nothing answers there.
    """
    shown = hide_password(admin_url)
    if urlsplit(admin_url).scheme not in ("postgresql", "postgres"):
        raise UserError(f"{ADMIN}={shown}: must look like postgresql://user:password@host:5432/postgres")
    try:
        return await asyncpg.connect(admin_url, timeout=10)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError) as problem:
        reason = str(problem) or type(problem).__name__
        raise Unreachable(f"{ADMIN}={shown}: nothing answers there ({reason}); start Postgres, or correct the URL") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as problem:
        raise UserError(f"{ADMIN}={shown}: cannot connect ({problem}); correct the user, password or database") from None


def hide_password(url: str) -> str:
    """The URL without its password, for messages."""
    parts = urlsplit(url)
    options = [(name, "***" if name == "password" else value) for name, value in parse_qsl(parts.query)]
    netloc = parts.netloc
    if parts.password is not None:
        netloc = netloc.replace(f":{parts.password}@", ":***@")
    return _joined(parts.scheme, netloc, parts.path, urlencode(options, safe="/*"))


async def ensure_database(admin_url: str, database: str, role: str, password: str = "") -> str:
    """Makes the role and a database it owns where they are missing, closed to other roles; returns the role's URL.

    Raises:
        UserError: the admin may not do that.
    """
    connection = await connect_admin(admin_url)
    try:
        await _ensure_role(connection, role, password)
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            with contextlib.suppress(*ANOTHER_WAS_FASTER):
                await connection.execute(f'CREATE DATABASE "{database}" OWNER "{role}"')
        await _close_to_others(connection, database)
    except asyncpg.InsufficientPrivilegeError as problem:
        raise UserError(f"{ADMIN}={hide_password(admin_url)}: may not make roles and databases ({problem})") from None
    finally:
        await connection.close()
    return database_url(admin_url, database, role, password)


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        with contextlib.suppress(*ANOTHER_WAS_FASTER):
            await connection.execute(f'CREATE ROLE "{role}" LOGIN')
    if password:
        literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(f'ALTER ROLE "{role}" PASSWORD {literal}')
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await connection.execute(f'GRANT "{role}" TO CURRENT_USER')


async def _close_to_others(connection: asyncpg.Connection, database: str) -> None:
    """Looks every time: a set-up may have been killed before it came to this, and a database made beforehand is open."""
    is_open = "SELECT has_database_privilege('public', $1::text, 'CONNECT')"
    if not await connection.fetchval(is_open, database):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f'REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC')
    # Postgres only warns an admin that has no say over the database, so what counts is what came of it.
    if await connection.fetchval(is_open, database):
        owner = await connection.fetchval("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", database)
        raise UserError(
            f"{ADMIN}: may not close database {database} to other roles, for {owner} owns it; "
            f'as {owner}: REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC'
        )


def has_migrations(package: str) -> bool:
    """Whether an installed service brings migrations (a service without a table of its own does not)."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None and (Path(spec.origin).parent / "migrations").is_dir()


async def migrate(url: str, package: str) -> bool:
    """Brings one service's database to its newest migration; says whether the service has any.

    Raises:
        UserError: the role cannot log in without a password, or the database is another service's.
    """
    if not has_migrations(package):
        return False
    from platen_messaging.faults import sqlstate
    from platen_messaging.migrate import ForeignDatabase, upgrade

    try:
        await upgrade(url, package)
    except ForeignDatabase as foreign:
        raise UserError(f"{hide_password(url)}: {foreign}") from None
    except Exception as failure:
        if sqlstate(failure) != WRONG_PASSWORD:
            raise
        raise UserError(
            f"{password_variable(package.removeprefix('platen_'))}: Postgres lets role {package} in only with its password; "
            "set this to one of your choice, and the role gets it"
        ) from None
    return True
