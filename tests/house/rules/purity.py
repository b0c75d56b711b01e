"""The clock and ids come in as arguments: a decision taken again is the same decision."""

from __future__ import annotations

import ast
from pathlib import Path

from .source import Module, services

PURE_ROOMS = ("decide", "model", "transitions", "handlers")

IMPURE = (
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7"),
    *("os.environ", "os.getenv", "os.urandom", "os.getpid"),
    *("random", "secrets", "time", "socket", "platen_messaging.desk.utcnow"),
)
"""Names, and modules with all they hold, that give something else each time."""


def clock_and_ids_come_in(root: Path) -> list[str]:
    """No pure room reads the clock, makes an id, rolls dice or looks at the environment. A mention counts, called or not."""
    return [fault for service in services(root) for module in service.rooms(*PURE_ROOMS) for fault in _faults(module)]


def _faults(module: Module) -> list[str]:
    inside = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    mentions = [node for node in ast.walk(module.tree) if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in inside]
    return [
        f"{module.at(node)}: {name} differs each time; let the context bring it (`now`, `id`)"
        for node in mentions
        for name in [module.dotted(node)]
        if any(name == impure or name.startswith(f"{impure}.") for impure in IMPURE)
    ]
