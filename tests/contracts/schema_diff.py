"""What in a changed JSON Schema would break a tolerant reader, or the reading of what is already in a topic.

Services are deployed one by one: yesterday's reader meets today's writer and the other way round. So within one version of a
message an optional field may be added, words may be added to an open enum, and texts reworded. All else needs a new version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_RULES = (
    *("type", "format", "pattern", "const", "default", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "minProperties", "maxProperties"),
)


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """One line for each change that breaks somebody, with the dotted path of the field. Empty: `new` may replace `old`."""
    return list(_Comparison(old, new).changes(old, new, "", frozenset()))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_defs: Schema = old.get("$defs", {})
        self._new_defs: Schema = new.get("$defs", {})

    def changes(self, old: Any, new: Any, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[str]:
        if isinstance(old, bool) or isinstance(new, bool):
            if old != new:
                yield f"{path or 'the value'}: was {old!r}, is {new!r}"
            return
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if pair in seen:
            return
        seen = seen | {pair} if any(pair) else seen
        old, new = _resolved(old, self._old_defs), _resolved(new, self._new_defs)
        yield from self._rules(old, new, path)
        yield from self._fields(old, new, path, seen)
        yield from self._inside(old, new, path, seen)
        yield from self._choices(old, new, path, seen)

    def _rules(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        for rule in _RULES:
            if old.get(rule) != new.get(rule):
                yield f"{path or 'the value'}: {rule} was {old.get(rule)!r}, is {new.get(rule)!r}"
        if set(map(str, old.get("enum", ()))) != set(map(str, new.get("enum", ()))):
            yield f"{path or 'the value'}: enum was {old.get('enum')!r}, is {new.get('enum')!r}"

    def _fields(self, old: Schema, new: Schema, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[str]:
        held: Schema = old.get("properties", {})
        now: Schema = new.get("properties", {})
        for name in held:
            if name not in now:
                yield f"{_under(path, name)}: removed"
            else:
                yield from self.changes(held[name], now[name], _under(path, name), seen)
        required = set(old.get("required", ()))
        for name in new.get("required", ()):
            if name not in required:
                yield f"{_under(path, name)}: required, and was not; what is in the topic may lack it"
        for name in sorted(required - set(new.get("required", ()))):
            if name in now:
                yield f"{_under(path, name)}: no longer required; readers of before rely on it"

    def _inside(self, old: Schema, new: Schema, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[str]:
        for inner, word in (("items", "[]"), ("additionalProperties", "*"), ("propertyNames", "keys")):
            if inner in old or inner in new:
                yield from self.changes(old.get(inner, True), new.get(inner, True), _under(path, word), seen)

    def _choices(self, old: Schema, new: Schema, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[str]:
        for kind in ("anyOf", "oneOf", "allOf"):
            held, now = old.get(kind, ()), new.get(kind, ())
            if len(held) != len(now):
                yield f"{path or 'the value'}: {kind} had {len(held)} choices, has {len(now)}"
                continue
            for place, (before, after) in enumerate(zip(held, now, strict=True)):
                yield from self.changes(before, after, _under(path, f"{kind}{place}"), seen)


def _resolved(schema: Schema, defs: Schema) -> Schema:
    while "$ref" in schema:
        schema = defs[schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
