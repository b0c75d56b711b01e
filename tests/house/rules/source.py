"""Source code as the rules see it: services, their modules and rooms, and what a name in a module stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Module:
    """One Python file. `path` is relative to the root of the repository; `parts` are the names below its package."""

    root: Path
    path: Path
    parts: tuple[str, ...]

    @property
    def room(self) -> str:
        """The module's room; empty for the package's own `__init__` and `__main__`."""
        return "" if self.parts[0].startswith("__") else self.parts[0]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse((self.root / self.path).read_text("utf-8"), str(self.path))

    @cached_property
    def imports(self) -> dict[str, str]:
        """Local name to the dotted name that was imported under it, anywhere in the module."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                found.update({alias.asname or alias.name: f"{self._base(node)}.{alias.name}" for alias in node.names})
        return found

    def imported_modules(self) -> Iterator[tuple[int, str]]:
        """(line, dotted name) of every module that is imported, or imported from; relative ones in full."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.lineno, self._base(node)

    def dotted(self, node: ast.expr) -> str:
        """What a name or attribute stands for, such as `datetime.datetime.now`; empty for anything that no import began."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def at(self, node: ast.expr | ast.stmt) -> str:
        return f"{self.path}:{node.lineno}"

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = [self.path.parents[len(self.parts) - 1].name, *self.parts[:-1]]
        above = package[: len(package) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])


@dataclass(frozen=True)
class Service:
    """A service's package: `name` is that of its folder, `package` the path of the Python package."""

    root: Path
    name: str
    package: Path

    @cached_property
    def modules(self) -> list[Module]:
        return modules_of(self.root, self.package)

    @property
    def is_begun(self) -> bool:
        """Whether there is anything beside the package's `__init__`."""
        return any(module.parts != ("__init__",) for module in self.modules)

    def rooms(self, *names: str) -> list[Module]:
        return [module for module in self.modules if module.room in names]


def services(root: Path) -> list[Service]:
    """Every service that has been begun."""
    return [service for service in announced(root) if service.is_begun]


def announced(root: Path) -> list[Service]:
    """Every service that has a place in the house, with code or without."""
    found = sorted(path for path in root.glob("services/*/platen_*") if path.is_dir())
    return [Service(root, package.parent.name, package) for package in found]


def modules_of(root: Path, package: Path) -> list[Module]:
    """Every module of a package, but for its migrations."""
    found = [(path, path.relative_to(package).with_suffix("").parts) for path in sorted(package.rglob("*.py"))]
    return [Module(root, path.relative_to(root), parts) for path, parts in found if parts[0] != "migrations"]


def packages(root: Path) -> list[Path]:
    """The package of every distribution of the workspace."""
    places = ("libs/*/platen_*", "services/*/platen_*", "sandbox/platen_*", "tools/platen_*")
    return sorted(path for place in places for path in root.glob(place) if path.is_dir())
