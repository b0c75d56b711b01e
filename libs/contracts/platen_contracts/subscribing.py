"""For subscribers: keep only newer versions, and fold history into the order as of any version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from platen_contracts.orders import OrderChanged

Json = dict[str, Any]


class Newest:
    """Remembers the version held of each key. Readers of a state topic ignore a version not above the one they hold."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def is_news(self, key: str, version: int) -> bool:
        """True once for each rise of the version of `key`."""
        if version <= self._held.get(key, 0):
            return False
        self._held[key] = version
        return True

    def forget(self, key: str) -> None:
        """After a tombstone."""
        self._held.pop(key, None)


def merge(target: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """`target` after `patch` (JSON Merge Patch, RFC 7386). Neither is changed."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            held = merged.get(name)
            merged[name] = merge(held if isinstance(held, Mapping) else {}, value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            merged[name] = value
    return merged


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    """The JSON Merge Patch that makes `new` of `old`. Both hold no nulls, and objects instead of lists."""
    patch: Json = {} if old.keys() <= new.keys() else {name: None for name in old if name not in new}
    for name, value in new.items():
        held = old.get(name)
        if held is value or held == value:
            continue
        if isinstance(held, dict) and isinstance(value, dict):
            patch[name] = difference(held, value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            patch[name] = value
    return patch


def fold(changes: Iterable[OrderChanged], until: int | None = None) -> Json:
    """The public snapshot as of version `until` (default: the last), from a gapless run of changes that begins at 1.

    Duplicates are skipped. Raises `ValueError` naming the version that is missing.
    """
    snapshot: Json = {}
    version = 0
    for change in changes:
        if change.version <= version:
            continue
        if until is not None and change.version > until:
            break
        if change.version != version + 1:
            raise ValueError(f"order {change.order_id}: version {version + 1} is missing before {change.version}")
        snapshot = merge(snapshot, change.patch)
        version = change.version
    if until is not None and version < until:
        raise ValueError(f"version {version + 1} is missing; the order as of version {until} was asked for")
    return snapshot
