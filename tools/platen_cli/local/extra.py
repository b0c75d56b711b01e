"""What only `platen up` on a bare machine needs comes by the extra `local`; a deployment leaves it out."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from platen_cli.errors import UserError


def part(module: str, instead: str) -> Any:
    """The module. Raises `UserError` that names the extra, and the setting that does without, where it is not installed."""
    folder_of(module, instead)
    return import_module(module)


def folder_of(module: str, instead: str) -> Path:
    """Where the package lies, without importing it. Raises `UserError` as `part` does."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise UserError(f"{module} is not installed, so there is nothing to start: install platen-cli[local], or set {instead}")
    return Path(spec.origin).parent
