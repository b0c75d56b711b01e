"""What the commands of recovery work on: the broker, and the services' own databases."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from platen_contracts.topics import SERVICES
from platen_messaging.databases import open_engine, shown
from platen_messaging.faults import told
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from platen_cli.errors import Unreachable, UserError
from platen_cli.stack import Given
from platen_cli.stack.run import read_run
from platen_cli.stack.settings import data_folder

VARIABLE = "PLATEN_DATABASE_"


@dataclass(frozen=True, slots=True)
class Reach:
    """Bootstrap `host:port`, what stands before every topic, the database URL of each service that is known, and the address
    of the sandbox where there is one.
    """

    kafka: str
    prefix: str
    databases: Mapping[str, str]
    sandbox: str = ""

    def database(self, service: str) -> str:
        """Raises `UserError` naming what to set."""
        if service not in SERVICES:
            raise UserError(f"{service}: no such service; known: {', '.join(SERVICES)}")
        if service not in self.databases:
            raise UserError(
                f"{VARIABLE}{service.upper()} is not set: give it the address that {service} has in its PLATEN_DATABASE"
            )
        return self.databases[service]


def reach(data: Path | None) -> Reach:
    """What PLATEN_KAFKA, PLATEN_DATABASE_<SERVICE>, PLATEN_SANDBOX name, else the run in the data folder. Raises `UserError`."""
    given = Given.from_environment()
    named = {name: os.environ.get(f"{VARIABLE}{name.upper()}", "") for name in SERVICES}
    databases = {name: url for name, url in named.items() if url}
    if given.kafka:
        return Reach(given.kafka, given.topic_prefix, databases, os.environ.get("PLATEN_SANDBOX", ""))
    run = read_run(data_folder(data))
    sandbox = run["services"]["sandbox"]["url"] if "sandbox" in run["services"] else ""
    return Reach(run["kafka"], run["topic_prefix"], {**run["databases"], **databases}, sandbox)


@asynccontextmanager
async def engine_at(url: str) -> AsyncGenerator[AsyncEngine]:
    """An engine on a service's database for a command. What the database raises meanwhile becomes `Unreachable`, in one line."""
    engine = open_engine(url, pooled=False)
    try:
        yield engine
    except (OSError, SQLAlchemyError) as failure:
        raise Unreachable(f"{shown(url)}: {told(failure)}; see that it runs, or correct {VARIABLE}<SERVICE>") from None
    finally:
        await engine.dispose()
