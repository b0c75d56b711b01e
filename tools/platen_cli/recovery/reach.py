"""What the commands of recovery work on: the broker, and the services' own databases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platen_contracts.topics import SERVICES

from platen_cli.errors import UserError
from platen_cli.stack import Given
from platen_cli.stack.run import read_run
from platen_cli.stack.settings import data_folder

VARIABLE = "PLATEN_DATABASE_"


@dataclass(frozen=True, slots=True)
class Reach:
    """Bootstrap `host:port`, what stands before every topic, and the database URL of each service that is known."""

    kafka: str
    prefix: str
    databases: Mapping[str, str]

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
    """What PLATEN_KAFKA and PLATEN_DATABASE_<SERVICE> name, else the run in the data folder. Raises `UserError`."""
    given = Given.from_environment()
    named = {name: os.environ.get(f"{VARIABLE}{name.upper()}", "") for name in SERVICES}
    databases = {name: url for name, url in named.items() if url}
    if given.kafka:
        return Reach(given.kafka, given.topic_prefix, databases)
    run = read_run(data_folder(data))
    return Reach(run["kafka"], run["topic_prefix"], {**run["databases"], **databases})
