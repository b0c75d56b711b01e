"""Where the documents stand: whole files, or the part of a page between two markers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from platen_contracts.topics import ANYONE

from platen_cli.errors import UserError

from .asyncapi import asyncapi_yaml
from .flow import STEPS, flow_diagram
from .orders_page import orders_page
from .settings_page import settings_page
from .topics_page import topics_page

_PARTS: Mapping[str, tuple[str, Callable[[], str]]] = {
    "README.md": ("flow", lambda: flow_diagram(talkers_shown=(*STEPS, ANYONE))),
    "docs/topics.md": ("topics", topics_page),
    "docs/operations.md": ("settings", settings_page),
    "docs/orders.md": ("orders", orders_page),
}
"""Page to (marker, what stands between `<!-- marker -->` and `<!-- /marker -->`)."""

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
            wanted[page] = between(page.read_text("utf-8"), marker, part(), name)
        elif name == "docs/topics.md":
            wanted[page] = between(f"{_TOPICS_HEAD}<!-- {marker} -->\n<!-- /{marker} -->\n", marker, part(), name)
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
    """Paths below `root` of the documents that are missing or out of date."""
    return [
        path.relative_to(root).as_posix()
        for path, text in documents(root).items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def write(root: Path) -> list[str]:
    """Writes what is out of date; returns the paths below `root` that were written."""
    behind = stale(root)
    for path, text in documents(root).items():
        if path.relative_to(root).as_posix() in behind:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return behind
