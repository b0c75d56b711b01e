"""What may be imported where. Directions between packages and rooms are import-linter's (pyproject.toml)."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from .source import modules_of, packages


def contracts_import_pydantic_alone(root: Path) -> list[str]:
    """A subscriber needs the contracts wheel and a Kafka client, nothing else."""
    allowed = {"platen_contracts", "pydantic", "pydantic_core", *sys.stdlib_module_names}
    return _foreign(root, root / "libs/contracts/platen_contracts", allowed, "the contracts need pydantic alone")


def sandbox_imports_none_of_ours(root: Path) -> list[str]:
    """So that adapter and sandbox cannot agree on a mistake."""
    package = root / "sandbox/platen_sandbox"
    return [
        f"{module.path}:{line}: imports {name}; the sandbox shares no code with what it tests"
        for module in modules_of(root, package)
        for line, name in module.imported_modules()
        if name.startswith("platen_") and name.partition(".")[0] != package.name
    ]


def imports_are_declared(root: Path) -> list[str]:
    """Each package declares what it imports, itself or through a library of the house, so that it can be deployed on its own."""
    declared = {package.name: _declared(package.parent / "pyproject.toml") for package in packages(root)}
    provided = _provided_by()
    faults: list[str] = []
    for package in packages(root):
        allowed = {package.name, *sys.stdlib_module_names}
        for distribution in _closure(package.name, declared):
            allowed |= provided.get(distribution, {distribution.replace("-", "_")})
        faults += _foreign(root, package, allowed, f"declare it in {(package.parent / 'pyproject.toml').relative_to(root)}")
    return faults


def _foreign(root: Path, package: Path, allowed: set[str], remedy: str) -> list[str]:
    return [
        f"{module.path}:{line}: imports {name}; {remedy}"
        for module in modules_of(root, package)
        for line, name in module.imported_modules()
        if name.partition(".")[0] not in allowed
    ]


def _closure(package: str, declared: Mapping[str, set[str]]) -> set[str]:
    """What a package declares, and what the libraries of the house that it declares do."""
    found: set[str] = set()
    todo = [package]
    while todo:
        for distribution in declared[todo.pop()] - found:
            found.add(distribution)
            ours = distribution.replace("-", "_")
            if ours in declared:
                todo.append(ours)
    return found


def _declared(project: Path) -> set[str]:
    if not project.is_file():
        return set()
    table: dict[str, Any] = tomllib.loads(project.read_text("utf-8")).get("project", {})
    wanted = [
        *table.get("dependencies", []),
        *(each for extra in table.get("optional-dependencies", {}).values() for each in extra),
    ]
    extras: dict[str, list[str]] = table.get("optional-dependencies", {})
    wanted = [*table.get("dependencies", []), *(each for extra in extras.values() for each in extra)]
    return {_normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]) for requirement in wanted}


def _provided_by() -> dict[str, set[str]]:
    """Distribution to the modules that it installs."""
    provided: dict[str, set[str]] = {"pydantic": {"pydantic_core", "annotated_types"}}  # its own vocabulary, pinned by it
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            provided.setdefault(_normal(distribution), set()).add(module)
    return provided


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
