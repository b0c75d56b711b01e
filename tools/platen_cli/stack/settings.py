"""What `platen up` is given by the environment, and what it brings itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from platen_contracts.topics import SERVICES
from platen_messaging.settings import load

from platen_cli.errors import UserError
from platen_cli.provision.databases import hide_password

PORTS: Mapping[str, int] = {
    "console": 8100,
    "sync": 8101,
    "orders": 8102,
    "render": 8103,
    "dispatch": 8104,
    "tracking": 8105,
    "sandbox": 8190,
    "kafka": 8192,
}
"""Where each part listens on 127.0.0.1 unless ports are picked freely."""

HELPERS: Mapping[str, str] = {"sandbox": "/health"}
"""Run like services, but with no database and no part in the catalogue; each with the path that tells that it serves."""

_BOOTSTRAP = re.compile(r"[^\s,:/]+:\d{1,5}(,[^\s,:/]+:\d{1,5})*")
_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,60}")


@dataclass(frozen=True, slots=True)
class Given:
    """What exists already; what is empty is brought.

    Attributes:
        kafka: bootstrap `host:port` of a broker.
        postgres_admin: URL of a role that may make roles and databases.
        objects: `file:///folder` or `s3://bucket/prefix`.
        topic_prefix: put before every topic and group.
        database_suffix: put after every database's name, so that several stacks can share a cluster.
    """

    kafka: str = ""
    postgres_admin: str = ""
    objects: str = ""
    topic_prefix: str = ""
    database_suffix: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Given:
        """Reads and checks PLATEN_KAFKA, PLATEN_POSTGRES_ADMIN, PLATEN_OBJECTS, PLATEN_TOPIC_PREFIX.

        Raises:
            UserError: one of them has an impossible value.
        """
        seen = os.environ if environment is None else environment
        given = cls(
            kafka=seen.get("PLATEN_KAFKA", ""),
            postgres_admin=seen.get("PLATEN_POSTGRES_ADMIN", ""),
            objects=seen.get("PLATEN_OBJECTS", ""),
            topic_prefix=seen.get("PLATEN_TOPIC_PREFIX", ""),
        )
        given.check()
        return given

    def check(self) -> None:
        """Raises UserError at the first impossible value."""
        if self.kafka and not _BOOTSTRAP.fullmatch(self.kafka):
            raise UserError(f"PLATEN_KAFKA={self.kafka}: must be host:port, or several joined by commas")
        if self.postgres_admin and not self.postgres_admin.startswith(("postgresql://", "postgres://")):
            shown = hide_password(self.postgres_admin)
            raise UserError(f"PLATEN_POSTGRES_ADMIN={shown}: must look like postgresql://user:password@host:5432/postgres")
        if self.objects and not self.objects.startswith(("file:///", "s3://")):
            raise UserError(f"PLATEN_OBJECTS={self.objects}: must be file:///folder or s3://bucket/prefix")
        if not _PREFIX.fullmatch(self.topic_prefix):
            raise UserError(f"PLATEN_TOPIC_PREFIX={self.topic_prefix}: only letters, digits, '.', '_' and '-', at most 60")


def data_folder(option: Path | None = None) -> Path:
    """Where a run keeps its data: --data, else PLATEN_DATA, else `.platen` here."""
    return (option or Path(os.environ.get("PLATEN_DATA") or ".platen")).expanduser().resolve()


def package_of(service: str) -> str:
    return f"platen_{service}"


def is_runnable(service: str) -> bool:
    """Whether `python -m platen_<service>` would find something to run."""
    spec = find_spec(package_of(service))
    return spec is not None and spec.origin is not None and Path(spec.origin).with_name("__main__.py").exists()


def check_settings(service: str, environment: Mapping[str, str]) -> None:
    """Raises `UserError` with what the service would end with in this environment, so that nothing need be started to hear it."""
    name = f"{package_of(service)}.settings"
    if find_spec(name) is None:
        return
    said = StringIO()
    try:
        with redirect_stderr(said):
            load(import_module(name).Settings, environment)
    except SystemExit:
        raise UserError(f"{service}: {said.getvalue().strip()}") from None


def chosen_services(names: list[str] | None) -> tuple[list[str], list[str]]:
    """The services to run, and those of the default list that are not installed.

    Raises:
        UserError: a service named by the user is not installed.
    """
    if names:
        for name in names:
            if not is_runnable(name):
                raise UserError(f"service {name}: package {package_of(name)} is not installed; known: {', '.join(SERVICES)}")
        return list(names), []
    found = [name for name in SERVICES if is_runnable(name)]
    return found, [name for name in SERVICES if name not in found]
