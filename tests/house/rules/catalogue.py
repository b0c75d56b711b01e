"""The topic catalogue equals the code: what is subscribed, what is written, and which messages are decided."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from platen_contracts.topics import CATALOGUE, MESSAGES, Kind, Topic

from .source import Module, Service, services

Catalogue = Mapping[str, Topic]


def catalogue_equals_code(root: Path, catalogue: Catalogue = CATALOGUE) -> list[str]:
    """Topics of a service's lanes are those it reads; topics its other rooms speak of are those it reads or writes.

    A service subscribes with `Lane(name, topics, …)`, whose topics are literals or constants of the module, and writes with
    `Outgoing(topic, …)`. Dead letters are written by libs/messaging.
    """
    faults: list[str] = []
    for service in services(root):
        named = service.name
        reads = {topic.name for topic in catalogue.values() if named in topic.readers}
        writes = {topic.name for topic in catalogue.values() if named in topic.writers and topic.messages}
        subscribed, unreadable = _subscribed(service)
        faults += unreadable
        faults += [f"{named}: subscribes to {name}, against the catalogue" for name in sorted(subscribed - reads)]
        faults += [f"{named}: does not subscribe to {name}, though the catalogue says so" for name in sorted(reads - subscribed)]
        faults += _writing(service, reads, writes, catalogue)
    return faults


def every_command_has_a_handler(service: str, decided: Collection[str], catalogue: Catalogue = CATALOGUE) -> list[str]:
    """What a service is asked for it decides, if only by refusing. Facts that are of no use to a service it may ignore."""
    return [
        f"{service}: nothing decides {name} of {topic.name}"
        for topic in catalogue.values()
        if topic.owner == service and topic.kind in (Kind.COMMAND, Kind.REQUEST)
        for name in topic.types
        if name not in decided
    ]


def handlers_match_topics(service: str, decided: Collection[str], catalogue: Catalogue = CATALOGUE) -> list[str]:
    """No table decides a message of a topic that its service does not read, and no topic is read in vain."""
    topic_of = {name: topic for topic in catalogue.values() for name in topic.types}
    read = [topic for topic in catalogue.values() if service in topic.readers and topic.messages]
    return [
        *(
            f"{service}: decides {name} of {topic_of[name].name}, which it does not read"
            for name in sorted(decided)
            if name in MESSAGES and service not in topic_of[name].readers
        ),
        *(
            f"{service}: reads {topic.name} and decides none of its messages"
            for topic in read
            if not set(topic.types) & set(decided)
        ),
    ]


def _subscribed(service: Service) -> tuple[set[str], list[str]]:
    names: set[str] = set()
    faults: list[str] = []
    for module in service.modules:
        for call in module.calls():
            if not _is(call, module, "Lane"):
                continue
            topics = _argument(call, 1, "topics")
            found = None if topics is None else _strings(topics, module)
            if found is None:
                faults.append(f"{module.at(call)}: the topics of this Lane cannot be read; write them as a tuple of names")
            else:
                names |= found
    return names, faults


def _writing(service: Service, reads: set[str], writes: set[str], catalogue: Catalogue) -> Iterator[str]:
    spoken: set[str] = set()
    for module in service.modules:
        if module.room == "main":
            continue
        for node in _texts(module):
            if node.value in catalogue and node.value not in reads | writes:
                yield f"{module.at(node)}: speaks of {node.value}, which {service.name} neither reads nor writes"
            spoken.add(str(node.value))
        for call in module.calls():
            topic = _argument(call, 0, "topic") if _is(call, module, "Outgoing") else None
            for name in sorted((_strings(topic, module) or set()) - writes) if topic is not None else ():
                yield f"{module.at(call)}: writes {name}, but the catalogue does not name {service.name} as a writer"
    yield from (f"{service.name}: never writes {name}, though the catalogue says so" for name in sorted(writes - spoken))


def _texts(module: Module) -> Iterator[ast.Constant]:
    """String constants that are part of an expression, thus no docstrings."""
    docs = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


def _is(call: ast.Call, module: Module, name: str) -> bool:
    """Whether a call makes the libs/messaging thing of this name."""
    package, _, called = module.dotted(call.func).rpartition(".")
    return called == name and package.startswith("platen_messaging")


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    if len(call.args) > place and not any(isinstance(each, ast.Starred) for each in call.args[: place + 1]):
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _strings(node: ast.expr, module: Module) -> set[str] | None:
    """The strings of a literal, of a tuple or list of such, or of a constant of the module; None where only a run would tell."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.Name(id=name) if (value := _constant(name, module)) is not None:
            return _strings(value, module)
        case ast.Starred(value=inner):
            return _strings(inner, module)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            found = [_strings(part, module) for part in parts]
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            found = [_strings(left, module), _strings(right, module)]
        case _:
            return None
    return None if any(each is None for each in found) else {name for each in found for name in each or ()}


def _constant(name: str, module: Module) -> ast.expr | None:
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    return None
