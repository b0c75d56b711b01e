"""Where effects may happen: messages leave through the outbox, and transactions begin and end in libs/messaging."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .source import Module, modules_of, packages

KAFKA_CLIENTS = ("aiokafka", "faststream", "confluent_kafka", "kafka")
PUBLISHING = ("publish", "publish_batch", "produce", "send_and_wait", "send_batch")

BOUNDARY = ("begin", "begin_nested", "commit", "rollback", "begin_twophase")
ENGINES = ("sqlalchemy.ext.asyncio.create_async_engine", "sqlalchemy.create_engine", "sqlalchemy.orm.sessionmaker")
SESSIONS = ("sqlalchemy.ext.asyncio.AsyncSession", "sqlalchemy.ext.asyncio.async_sessionmaker", "sqlalchemy.orm.Session")

OWN_TRANSACTIONS = {
    "services/dispatch/platen_dispatch/store/claims.py": "a lease on a row, taken before the vendor is called; it sends nothing",
    "services/orders/platen_orders/poll.py": "a lease on a timer, taken before its order is decided; it sends nothing",
    "services/render/platen_render/store/queue.py": "a lease on a job, taken before it is drawn; it sends nothing",
    "services/render/platen_render/store/shelf.py": "a file is noted before it is put away, forgotten after; it sends nothing",
    "services/tracking/platen_tracking/store/due.py": "a lease on a row, taken before the vendor is asked; it sends nothing",
}
"""Exceptions to the one boundary: path of a module to the reason why it must have a transaction of its own."""


def handlers_never_publish(root: Path) -> list[str]:
    """Nothing but libs/messaging talks to Kafka: what a service sends is an outbox row of the transaction that decided it."""
    faults: list[str] = []
    for module in _outside_messaging(root):
        faults += [
            f"{module.path}:{line}: imports {name}; only libs/messaging talks to Kafka"
            for line, name in module.imported_modules()
            if name.partition(".")[0] in KAFKA_CLIENTS
        ]
        faults += [
            f"{module.at(call)}: .{name}() publishes; return an Outgoing instead" for call, name in _methods(module, PUBLISHING)
        ]
        faults += [f"{module.at(call)}: awaits .send(); return an Outgoing instead" for call in _awaited_sends(module)]
    return faults


def one_transaction_boundary(root: Path) -> list[str]:
    """A transaction begins and ends in libs/messaging alone, so state, history and outbox are saved together or not at all."""
    faults: list[str] = []
    for module in _outside_messaging(root):
        if module.path.as_posix() in OWN_TRANSACTIONS:
            continue
        faults += [
            f"{module.at(call)}: .{name}() is libs/messaging's; work inside the transaction that the desk gives"
            for call, name in _methods(module, BOUNDARY)
        ]
        faults += [
            f"{module.at(call)}: {name} makes a way around the one transaction boundary"
            for call in module.calls()
            if (name := module.dotted(call.func)) in (*ENGINES, *SESSIONS)
        ]
    return faults


def _outside_messaging(root: Path) -> Iterator[Module]:
    """Services and libraries, but for libs/messaging. The sandbox and the tools are no part of what is deployed."""
    for package in packages(root):
        if package.relative_to(root).parts[0] in ("libs", "services") and package.name != "platen_messaging":
            yield from modules_of(root, package)


def _methods(module: Module, names: tuple[str, ...]) -> Iterator[tuple[ast.Call, str]]:
    """Calls of methods of these names; a function of an imported module that is called so is none."""
    for call in module.calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr in names and not module.dotted(call.func):
            yield call, call.func.attr


def _awaited_sends(module: Module) -> Iterator[ast.Call]:
    """`await x.send(…)` in a service. Libraries that call the outside world send requests so."""
    if module.path.parts[0] != "services" or module.room == "gateway":
        return
    for node in ast.walk(module.tree):
        match node:
            case ast.Await(value=ast.Call(func=ast.Attribute(attr="send")) as call):
                yield call
            case _:
                pass
