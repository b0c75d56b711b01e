"""What every message is: an immutable pydantic model with a CloudEvents type, owned by one service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema


class Personal:
    """Marks a field that may hold personal data: `name: Annotated[str, Personal()]`.

    No such field may travel on a topic that is kept forever, in a key or in a header; a house test holds the catalogue to it.
    """


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


class Part(BaseModel):
    """A piece of a message. Immutable; unknown fields are ignored, so that adding an optional field breaks no reader."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Message(Part):
    """A message: `class Send(OrderCommand, owner="orders")` has the CloudEvents type `platen.orders.Send.v1`."""

    TYPE: ClassVar[str] = ""
    OWNER: ClassVar[str] = ""

    def __init_subclass__(cls, owner: str = "", v: int = 1, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if owner:
            cls.OWNER = owner
            cls.TYPE = f"platen.{owner}.{cls.__name__}.v{v}"


def personal_fields(model: type[BaseModel]) -> Iterable[str]:
    """Dotted paths of every field of `model`, however deep, that is marked `Personal`."""
    for name, field in model.model_fields.items():
        if any(isinstance(mark, Personal) for mark in field.metadata):
            yield name
            continue
        for inner in _models_in(field.annotation):
            yield from (f"{name}.{path}" for path in personal_fields(inner))


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None:
        for argument in get_args(annotation):
            yield from _models_in(argument)
