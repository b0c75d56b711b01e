"""Writes the JSON Schema of every message version: `python -m platen_contracts.generate [--check]`.

The schemas describe what travels (the models' serialization schemas), so that a reader in any language may hold the wire to them:
an optional field is absent, never null; an open enum is a plain string with examples; personal fields are marked `x-personal`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, core_schema

from platen_contracts.message import Message
from platen_contracts.topics import MESSAGES

SCHEMAS = Path(__file__).parent / "schemas"
EXAMPLES = Path(__file__).parent / "examples"


class _Wire(GenerateJsonSchema):
    """No nulls, since `envelope.encode` writes none; no titles, which would only say the names again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        described = super().model_schema(schema)
        described.pop("title", None)
        return described

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        described = super().default_schema(schema)
        if "default" in described and described["default"] is None:
            del described["default"]
        return described

    def generate(self, schema: CoreSchema, mode: Any = "serialization") -> dict[str, Any]:
        return {"$schema": self.schema_dialect, **super().generate(schema, mode)}


def short_name(message: type[Message]) -> str:
    """`orders.Send.v1` of `platen.orders.Send.v1`: the name of a message version's schema and of its folder of examples."""
    return message.TYPE.removeprefix("platen.")


def schema_of(message: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message as it travels."""
    return message.model_json_schema(mode="serialization", schema_generator=_Wire)


def schema_files(messages: Mapping[str, type[Message]] = MESSAGES) -> dict[str, str]:
    """File name to text, for every message version."""
    return {
        f"{short_name(message)}.json": json.dumps({"title": message.TYPE} | schema_of(message), indent=2, ensure_ascii=False)
        + "\n"
        for message in messages.values()
    }


def write(folder: Path = SCHEMAS) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text, encoding="utf-8")


def problems(folder: Path = SCHEMAS) -> list[str]:
    """One line for each schema file that is missing, out of date, or belongs to no message."""
    wanted = schema_files()
    held = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return [
        *(
            f"{folder.name}/{name}: missing; run `python -m platen_contracts.generate`"
            for name in sorted(wanted.keys() - held.keys())
        ),
        *(
            f"{folder.name}/{name}: no message has this type and version, yet others may hold such records; bring it back"
            for name in sorted(held.keys() - wanted.keys())
        ),
        *(
            f"{folder.name}/{name}: out of date; run `python -m platen_contracts.generate`"
            for name in sorted(wanted.keys() & held.keys())
            if wanted[name] != held[name]
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m platen_contracts.generate", description="Writes the JSON Schemas of all messages."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a schema is missing, out of date or an orphan"
    )
    if not parser.parse_args(arguments).check:
        write()
    found = problems()
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
