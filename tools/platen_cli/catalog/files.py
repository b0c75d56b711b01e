"""Files that documents name by a path beside them: pictures, fonts, lists of words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from .documents import Document, Steps

PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
PROFILES = {".icc": "application/vnd.iccprofile", ".icm": "application/vnd.iccprofile"}
FONTS = {".ttf": "font/ttf", ".otf": "font/otf"}


class Picture(NamedTuple):
    """A file of the catalog, picture or font."""

    data: bytes
    media_type: str


class Files:
    """Puts what is in the files in the place of their paths. `held` are those to publish, by sha256."""

    def __init__(self, folder: Path, mistake: Callable[[str], None]) -> None:
        self._folder = folder.resolve()
        self._mistake = mistake
        self.held: dict[str, Picture] = {}

    def take(self, document: Document, beside: Path) -> None:
        """Of one artwork, or of a list of listings."""
        content: Any = document.content
        places = _of_listings(cast("list[Any]", content)) if isinstance(content, list) else _named(_mapping(content))
        for holder, name, steps, kinds in places:
            given = holder.get(name)
            if not isinstance(given, str):
                continue
            path = self._found(document, steps, beside, given, {".txt": ""} if kinds is None else kinds)
            if path is None:
                continue
            if kinds is None:
                holder[name] = [word for line in path.read_text("utf-8").splitlines() if (word := line.strip())]
            else:
                holder[name] = self._reference(path, kinds[path.suffix.lower()])

    def _found(self, document: Document, steps: Steps, beside: Path, given: str, kinds: dict[str, str]) -> Path | None:
        path = (beside / given).resolve()
        if not path.is_relative_to(self._folder):
            self._mistake(document.mistake(steps, f"{given} lies outside the catalog's folder; copy it inside"))
        elif not path.is_file():
            self._mistake(document.mistake(steps, f"there is no file {given}; paths are relative to the document"))
        elif path.suffix.lower() not in kinds:
            self._mistake(document.mistake(steps, f"{given} is none of {', '.join(sorted(kinds))}; use one of these"))
        else:
            return path
        return None

    def _reference(self, path: Path, media_type: str) -> dict[str, Any]:
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        self.held[sha256] = Picture(data, media_type)
        return {"sha256": sha256, "size": len(data), "media_type": media_type}


Named = tuple[dict[str, Any], str, Steps, dict[str, str] | None]
"""Where a path may stand: in which mapping under which key, its steps, and the kinds of file (None: a list of words)."""


def _of_listings(listings: list[Any]) -> Iterator[Named]:
    for place, listing in enumerate(listings):
        profile = _mapping(_mapping(listing).get("profile"))
        yield profile, "icc", (place, "profile", "icc"), PROFILES
        for name, mockup in _mapping(profile.get("mockups")).items():
            yield _mapping(mockup), "photo", (place, "profile", "mockups", name, "photo"), PICTURES


def _named(artwork: dict[str, Any]) -> Iterator[Named]:
    fonts = _mapping(artwork.get("fonts"))
    for name in fonts:
        yield fonts, name, ("fonts", name), FONTS
    for name, option in _mapping(artwork.get("options")).items():
        yield _mapping(option), "forbidden_words", ("options", name, "forbidden_words"), None
    for name, side in _mapping(artwork.get("sides")).items():
        yield from _in_layers(_mapping(side).get("layers"), ("sides", name, "layers"))


def _in_layers(layers: Any, above: Steps) -> Iterator[Named]:
    for place, given in enumerate(cast("list[Any]", layers) if isinstance(layers, list) else []):
        layer, steps = _mapping(given), (*above, place)
        yield layer, "file", (*steps, "file"), PICTURES
        yield _mapping(layer.get("mask")), "file", (*steps, "mask", "file"), PICTURES
        choices = _mapping(layer.get("files"))
        for choice in choices:
            yield choices, choice, (*steps, "files", choice), PICTURES
        yield from _in_layers(layer.get("layers"), (*steps, "layers"))
        for count, layout in _mapping(layer.get("layouts")).items():
            yield from _in_layers(layout, (*steps, "layouts", str(count)))


def _mapping(given: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}
