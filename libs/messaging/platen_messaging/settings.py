"""Settings that every service reads from its environment, and how a wrong one is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from .databases import database_url, shown

PREFIX = "PLATEN_"


def _addresses(text: str) -> str:
    for address in text.split(","):
        _split(address)
    return text


def _split(address: str) -> tuple[str, int]:
    found = re.fullmatch(r"([^\s/:]+|\[[0-9A-Fa-f:.]+\]):(\d+)", address.strip())
    if not found or int(found[2]) > 65535:
        raise ValueError("it is not host:port")
    return found[1].strip("[]"), int(found[2])


def _address(text: str) -> str:
    _split(text)
    return text


def _database(text: str) -> str:
    database_url(text)
    return text


def _objects(text: str) -> str:
    if not re.match(r"(file:///|s3://[^/])", text):
        raise ValueError("it begins neither with file:/// nor with s3://")
    return text


class ServiceSettings(BaseSettings):
    """Read from PLATEN_… variables. A service adds its own fields in a subclass, each with a description."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    kafka: Annotated[str, AfterValidator(_addresses)] = Field(description="bootstrap brokers of Kafka, host:port[,host:port…]")
    database: Annotated[str, AfterValidator(_database)] = Field(
        repr=False,
        description="this service's own Postgres database, postgresql://user:password@host:5432/database "
        "or postgresql:///database?host=/socket/folder&user=role",
    )
    http: Annotated[str, AfterValidator(_address)] = Field(
        default="127.0.0.1:0", description="host:port to listen on; port 0 takes any free one, which is logged"
    )
    objects: Annotated[str, AfterValidator(_objects)] | None = Field(
        default=None, description="where files are kept, file:///folder or s3://bucket/prefix"
    )
    topic_prefix: str = Field(
        default="",
        max_length=100,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="put before every topic and consumer group, letters, digits, dot, dash and underscore",
    )
    instance: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="a name that this instance keeps across restarts, for static membership in its consumer groups",
    )
    log: Literal["json", "text"] = Field(default="json", description="how log lines look, json or text")

    @property
    def http_address(self) -> tuple[str, int]:
        """(host, port) to listen on."""
        return _split(self.http)

    def group(self, service: str, lane: str) -> str:
        """The consumer group of a lane."""
        return f"{self.topic_prefix}{service}.{lane}"


SettingsClass = TypeVar("SettingsClass", bound=BaseSettings)


def load(settings_class: type[SettingsClass], environment: Mapping[str, str] | None = None) -> SettingsClass:
    """The settings of this process, or of one in that `environment`.

    Anything wrong: one line per variable on standard error, exit code 2.
    """
    try:
        return settings_class() if environment is None else _read_from(environment, settings_class)()
    except ValidationError as wrong:
        lines = list(_lines(settings_class, wrong))
    except SettingsError as wrong:
        lines = [_unparsable(settings_class, wrong)]
    for line in lines:
        sys.stderr.write(line + "\n")
    sys.exit(2)


def _read_from(environment: Mapping[str, str], settings_class: type[SettingsClass]) -> type[SettingsClass]:
    class There(settings_class):
        @classmethod
        def settings_customise_sources(cls, *args: Any, env_settings: Any, **more: Any) -> tuple[PydanticBaseSettingsSource, ...]:
            env_settings.env_vars = {name.lower(): value for name, value in environment.items() if value}
            return (env_settings,)

    return cast("type[SettingsClass]", There)


def _lines(settings_class: type[BaseSettings], wrong: ValidationError) -> Iterator[str]:
    for error in wrong.errors(include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        field = settings_class.model_fields.get(name)
        allowed = "" if field is None or not field.description else f"; allowed: {field.description}"
        if error["type"] == "missing" and len(error["loc"]) == 1:
            yield f"{PREFIX}{name.upper()} is not set{allowed}"
            continue
        where = "".join(f".{step}" for step in error["loc"][1:])
        reason = error["msg"].removeprefix("Value error, ")
        yield f"{PREFIX}{name.upper()}{where}: {_seen(name, field, error['input'])}: {reason}{allowed}"


def _unparsable(settings_class: type[BaseSettings], wrong: SettingsError) -> str:
    """A variable that must hold JSON and does not."""
    found = re.search(r'field "(\w+)"', str(wrong))
    name = found[1] if found else "?"
    field = settings_class.model_fields.get(name)
    allowed = "" if field is None or not field.description else f"; allowed: {field.description}"
    return f"{PREFIX}{name.upper()}: (hidden): it is not JSON{allowed}"


def _seen(name: str, field: FieldInfo | None, value: Any) -> str:
    if name == "database" and isinstance(value, str):
        return repr(shown(value))
    if re.search("secret|token|password|key", name) or (field is not None and SecretStr.__name__ in repr(field.annotation)):
        return "(hidden)"
    return repr(value)
