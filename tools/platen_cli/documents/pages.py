"""Where the documents stand: whole files, or the part of a page between two markers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from platen_contracts.topics import ANYONE

from platen_cli.errors import UserError

from .artworks_page import artworks_page
from .asyncapi import asyncapi_yaml
from .flow import STEPS, flow_diagram
from .orders_page import orders_page
from .pictures import alike, drawn, pictures
from .settings_page import settings_page
from .topics_page import topics_page

_PARTS: Mapping[str, tuple[str, Callable[[Path], str]]] = {
    "README.md": ("flow", lambda _: flow_diagram(talkers_shown=(*STEPS, ANYONE))),
    "docs/topics.md": ("topics", lambda _: topics_page()),
    "docs/operations.md": ("settings", lambda _: settings_page()),
    "docs/orders.md": ("orders", lambda _: orders_page()),
    "docs/artworks.md": ("artworks", lambda root: artworks_page(pictures(root))),
}
"""Page to (marker, what stands between `<!-- marker -->` and `<!-- /marker -->` in the repository at that path)."""

_TOPICS_HEAD = """# Topics

Who talks to whom, drawn from [the catalogue](../libs/contracts/platen_contracts/topics.py) by `make docs`: change it there.
Square boxes are services and people, rounded ones topics; dashed ones hold personal data. Besides, every service has a
dead-letter topic of its own, for records that it could not honour.

"""


def documents(root: Path) -> dict[Path, str]:
    """Every document by its path, as it should be. Raises `UserError` for a page without its markers."""
    wanted = {root / "docs/asyncapi.yaml": asyncapi_yaml()}
    for name, (marker, part) in _PARTS.items():
        page = root / name
        if page.exists():
            wanted[page] = between(page.read_text("utf-8"), marker, part(root), name)
        elif name == "docs/topics.md":
            wanted[page] = between(f"{_TOPICS_HEAD}<!-- {marker} -->\n<!-- /{marker} -->\n", marker, part(root), name)
        else:
            raise UserError(
                f"{name}: there is no such page; run this at the root of the repository, or give its folder as --root"
            )
    return wanted


def between(page: str, marker: str, part: str, name: str = "the page") -> str:
    """`page` with `part` between the two comments of `marker`. Raises `UserError` if they are not there once each, in order."""
    start, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    if page.count(start) != 1 or page.count(end) != 1 or page.index(start) > page.index(end):
        raise UserError(f"{name}: {start} and {end} are expected once each, in this order; put them where the {marker} belongs")
    before, rest = page.split(start)
    return f"{before}{start}\n{part}\n{end}{rest.split(end)[1]}"


def stale(root: Path) -> list[str]:
    """Paths below `root` of the documents and pictures that are missing or out of date."""
    return [path.relative_to(root).as_posix() for path in _due(root)]


def write(root: Path) -> list[str]:
    """Writes what is out of date; returns the paths below `root` that were written."""
    due = _due(root)
    for path, content in due.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [path.relative_to(root).as_posix() for path in due]


def _due(root: Path) -> dict[Path, bytes]:
    pages = {path: text.encode() for path, text in documents(root).items()}
    due = {path: page for path, page in pages.items() if not path.exists() or path.read_bytes() != page}
    shown = drawn(root)
    return due | {path: data for path, data in shown.items() if not path.exists() or not alike(path.read_bytes(), data)}
