"""YAML that remembers its lines, and mistakes in it told in one line each: file, line, field, what is wrong, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from platen_contracts import artwork, catalog, common, layers
from platen_contracts.message import Message, Part
from pydantic import ValidationError
from pydantic_core import ErrorDetails

M = TypeVar("M", bound=Message)
Steps = tuple[str | int, ...]

_TO_FILL_IN = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""Capitals: what an artwork's template puts in is called by an option's name, which has none."""


@dataclass
class Document:
    """What a file says. `line` knows where."""

    name: str
    """The file's path below the catalog's folder."""
    content: Any = None
    _lines: dict[Steps, int] = field(default_factory=dict[Steps, int])

    def line(self, steps: Steps) -> int | None:
        """Of a field, or of the nearest field around it that is there."""
        while steps and steps not in self._lines:
            steps = steps[:-1]
        return self._lines.get(steps)

    def mistake(self, steps: Steps, words: str) -> str:
        line = self.line(steps)
        place = self.name if line is None else f"{self.name}:{line}"
        path = ".".join(map(str, steps))
        return f"{place}: {path}: {words}" if path else f"{place}: {words}"


def load(path: Path, name: str, fill: Mapping[str, str], mistakes: list[str]) -> Document:
    """A file that cannot be read is a mistake, and has no content."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        mistakes.append(f"{name}: cannot be read ({problem}); save it as UTF-8")
        return Document(name)
    for word, value in fill.items():
        text = text.replace(f"${{{word}}}", value)
    if left := list(_left_to_fill_in(text)):
        mistakes += [
            f"{name}:{line}: {word} was not filled in (the demo does it in its own); write the value" for line, word in left
        ]
        return Document(name)
    try:
        content = _with_text_keys(yaml.safe_load(text))
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        line = "" if mark is None else f":{mark.line + 1}"
        reason = getattr(problem, "problem", None) or type(problem).__name__
        mistakes.append(f"{name}{line}: not YAML ({reason}); mend the indentation, a bracket or a quote there")
        return Document(name)
    document = Document(name, content)
    _note_lines(node, (), document._lines, set())
    return document


def _left_to_fill_in(text: str) -> Iterator[tuple[int, str]]:
    """Each with its line; most would do no harm to the YAML, and would be published as they are."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _TO_FILL_IN.finditer(line.partition("#")[0]):
            yield number, found[0]


def _with_text_keys(content: Any) -> Any:
    """`1:` is a number to YAML; every key of ours is a text."""
    if isinstance(content, dict):
        return {str(key): _with_text_keys(value) for key, value in cast("dict[Any, Any]", content).items()}
    return list(map(_with_text_keys, cast("list[Any]", content))) if isinstance(content, list) else content


def _note_lines(node: Any, steps: Steps, lines: dict[Steps, int], above: set[int]) -> None:
    if node is None or id(node) in above:
        return
    lines.setdefault(steps, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("list[tuple[Any, Any]]", node.value):
            lines[(*steps, str(key.value))] = key.start_mark.line + 1
            _note_lines(value, (*steps, str(key.value)), lines, above | {id(node)})
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(cast("list[Any]", node.value)):
            _note_lines(value, (*steps, place), lines, above | {id(node)})


def parse(document: Document, above: Steps, content: Any, model: type[M], mistakes: list[str]) -> M | None:
    """The message that part of a document says; a field that no model knows is a mistake too."""
    try:
        return model.model_validate(content, extra="forbid")
    except ValidationError as wrong:
        told: set[Steps] = set()
        for error in wrong.errors(include_url=False, include_context=True):
            steps = (*above, *_steps(content, error["loc"] or _place_in(error["msg"])))
            if not any(steps[: len(other)] == other for other in told):
                told.add(steps)
                mistakes.append(document.mistake(steps, _explained(error)))
        return None


def _steps(content: Any, location: Iterable[str | int]) -> Steps:
    """pydantic names the branches of a union too; only what stands in the document is told, and what is missing from it."""
    steps: list[str | int] = []
    places = list(location)
    for number, step in enumerate(places):
        if (isinstance(content, dict) and step in content) or (
            isinstance(content, list) and isinstance(step, int) and step < len(cast("list[Any]", content))
        ):
            content = cast("Any", content)[step]
            steps.append(step)
        elif number + 1 == len(places) and isinstance(content, dict):
            steps.append(step)
    return tuple(steps)


def _place_in(message: str) -> Steps:
    """A rule over the whole document names the field itself, by its dotted path."""
    path, colon, _ = message.removeprefix("Value error, ").partition(": ")
    return as_steps(path) if colon and "." in path and " " not in path else ()


def as_steps(path: str) -> Steps:
    """Layers are in lists; layouts are by their count, which is a key."""
    names = path.split(".") if path else []
    return tuple(int(name) if name.isdigit() and above != "layouts" else name for above, name in pairwise(["", *names]))


def _explained(error: ErrorDetails) -> str:
    kind, seen = error["type"], repr(error["input"])[:60]
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        near = get_close_matches(name, _known_fields(), n=1)
        return f"no such field; {f'write {near[0]}, or ' if near else ''}take it out"
    if kind == "missing":
        return "is missing; add it"
    reason = error["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return reason.partition(": ")[2] if _place_in(error["msg"]) else reason
    return f"{reason[:1].lower()}{reason[1:]} (seen: {seen})"


def _known_fields() -> Sequence[str]:
    modules = (artwork, catalog, common, layers)
    models = [it for module in modules for it in vars(module).values() if isinstance(it, type) and issubclass(it, Part)]
    return sorted({name for model in models for name in model.model_fields})
