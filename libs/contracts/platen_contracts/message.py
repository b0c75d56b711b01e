"""What every message is: an immutable pydantic model with a CloudEvents type, owned by one service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema


class Personal:
    """Marks a field that may hold personal data: `name: Annotated[str, Personal()]`.

    No such field may travel on a topic that is kept forever, in a key or in a header; a house test holds the catalogue to it.
    JSON Schemas say `"x-personal": true` of it.
    """

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "x-personal": True}


@dataclass(frozen=True)
class OpenTo:
    """Marks a string that *usually* holds a value of `known`. An unknown word is kept as it came and treated as "other"."""

    known: type[StrEnum]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        described["examples"] = [str(word) for word in self.known]
        return described


Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""32 lower-case hex digits."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time in UTC between the years 1 and 9999 is expected") from None


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A moment, RFC 3339 in UTC on the wire. One without a zone is an error: nobody knows which moment it is."""


class Part(BaseModel):
    """A piece of a message. Immutable; unknown fields are ignored, so that adding an optional field breaks no reader.

    Errors never quote the value seen: it may be personal, and errors end up in logs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)


class Message(Part):
    """A message: `class Send(OrderCommand, owner="orders")` has the CloudEvents type `platen.orders.Send.v1`."""

    TYPE: ClassVar[str] = ""
    OWNER: ClassVar[str] = ""

    def __init_subclass__(cls, owner: str = "", v: int = 1, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if owner:
            cls.OWNER = owner
            cls.TYPE = f"platen.{owner}.{cls.__name__}.v{v}"


def personal_fields(model: type[BaseModel]) -> Iterator[str]:
    """Dotted paths of every field of `model`, however deep, that is marked `Personal`, or has a marked part."""
    return _personal_fields(model, ())


def _personal_fields(model: type[BaseModel], above: tuple[type[BaseModel], ...]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        parts = list(_parts_of(field.annotation))
        if any(isinstance(mark, Personal) for mark in (*field.metadata, *parts)):
            yield name
            continue
        models = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
        for inner in dict.fromkeys(models):
            if inner not in (*above, model):
                yield from (f"{name}.{path}" for path in _personal_fields(inner, (*above, model)))


def _parts_of(annotation: Any) -> Iterator[Any]:
    """Every class and every mark inside an annotation, at any depth of `dict[str, Annotated[X, Personal()] | None]`."""
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _parts_of(argument)
