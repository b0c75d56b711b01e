"""`platen setup`: the one-shot job of a deployment: topics, roles, databases, migrations."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Annotated

import typer
from platen_contracts.topics import SERVICES

from platen_cli.errors import UserError
from platen_cli.provision import ensure_database, migrate, provision_topics, role_name
from platen_cli.provision.databases import passwords_from_environment
from platen_cli.stack import Given
from platen_cli.stack.settings import package_of
from platen_cli.waiting import patiently

from .common import say
from .topics import tell


def setup(
    wait: Annotated[float, typer.Option(help="Seconds to wait for a broker and a database that do not answer yet.")] = 60,
) -> None:
    """Set up the broker of PLATEN_KAFKA and the cluster of PLATEN_POSTGRES_ADMIN; safe to run again at any time.

    Each installed service gets a role and a database named platen_<service>, and its migrations. The role's password is
    PLATEN_PASSWORD_<SERVICE> where that is set.
    """
    given = Given.from_environment()
    for name, value in (("PLATEN_KAFKA", given.kafka), ("PLATEN_POSTGRES_ADMIN", given.postgres_admin)):
        if not value:
            raise UserError(f"{name} is not set: say which one to set up (`platen up` brings its own)")
    asyncio.run(_setup(given, wait))


async def _setup(given: Given, wait: float) -> None:
    tell(await patiently(lambda: provision_topics(given.kafka, prefix=given.topic_prefix), wait))
    services = tuple(name for name in SERVICES if find_spec(package_of(name)) is not None)
    passwords = passwords_from_environment(services)
    for name in services:
        url = await patiently(
            lambda name=name: ensure_database(given.postgres_admin, role_name(name), role_name(name), passwords.get(name, "")),
            wait,
        )
        migrated = await migrate(url, package_of(name))
        secret = "a password" if name in passwords else f"no password (set PLATEN_PASSWORD_{name.upper()} to give one)"
        say(name, f"database and role {role_name(name)} with {secret}; " + ("migrated" if migrated else "no migrations"))
    absent = [name for name in SERVICES if name not in services]
    if absent:
        say("platen", f"not installed here, so not set up: {', '.join(absent)}")
