"""The table of settings in `docs/operations.md`: every variable of every service, from the settings that read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from platen_contracts.topics import SERVICES
from platen_messaging.settings import PREFIX, ServiceSettings
from pydantic.fields import FieldInfo

from platen_cli.stack.settings import package_of


def settings_page() -> str:
    """What every service reads, then what each reads besides, in Markdown."""
    own = {name: _own_fields(name) for name in SERVICES}
    parts = [_table("Every service", ServiceSettings.model_fields.items())]
    parts += [_table(f"`{name}`", fields.items()) for name, fields in own.items() if fields]
    if plain := [f"`{name}`" for name, fields in own.items() if not fields]:
        parts.append(f"Nothing besides: {', '.join(plain)}.")
    return "\n\n".join(parts)


def _own_fields(service: str) -> dict[str, FieldInfo]:
    """The fields that the service adds, or asks for where others may go without."""
    fields: dict[str, FieldInfo] = import_module(f"{package_of(service)}.settings").Settings.model_fields
    common = ServiceSettings.model_fields
    return {
        name: field for name, field in fields.items() if name not in common or field.is_required() != common[name].is_required()
    }


def _table(title: str, fields: Iterable[tuple[str, FieldInfo]]) -> str:
    rows = [f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_in_cell(field.description or '')} |" for name, field in fields]
    return "\n".join([f"**{title}**", "", "| variable | default | what |", "|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    """How the default would be written in the environment."""
    if field.is_required():
        return "must be set"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", {}, []):
        return "none"
    if field.default_factory is not None:
        return "by the machine"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
