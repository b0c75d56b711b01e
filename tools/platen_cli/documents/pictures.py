"""The pictures of `docs/artworks.md`, drawn by the renderer from the documents in `docs/pictures`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import yaml

from .exhibits import exhibits

FOLDER = Path("docs/pictures")
_CLEARLY, _FEW = 64, 0.002
"""Another machine's pictures differ clearly (of 255) in no more than a few of their pixels."""


class Picture(NamedTuple):
    """Paths are below the folder."""

    file: str
    document: str
    about: str
    """The model of the part that it stands beside."""
    shows: str


def pictures(root: Path) -> list[Picture]:
    """What `orders.yaml` shows; nothing where there is none."""
    orders = root / FOLDER / "orders.yaml"
    if not orders.exists():
        return []
    counted, found = Counter[str](), list[Picture]()
    for order in yaml.safe_load(orders.read_text("utf-8")):
        name = order["artwork"]
        counted[name] += 1
        found.append(Picture(f"{name}-{counted[name]}.webp", f"artworks/{name}.yaml", order["about"], order["shows"]))
    return found


def drawn(root: Path) -> dict[Path, bytes]:
    """Every picture by its path, as WebP."""
    named = pictures(root)
    if not named:
        return {}
    shown = exhibits(root / FOLDER)
    return {
        root / FOLDER / picture.file: exhibit.printed().views["preview"] for picture, exhibit in zip(named, shown, strict=True)
    }


def alike(one: bytes, other: bytes) -> bool:
    """Whether two pictures show the same; to the byte they may differ from machine to machine."""
    import pyvips

    first, second = (pyvips.Image.new_from_buffer(data, "") for data in (one, other))
    if (first.width, first.height, first.bands) != (second.width, second.height, second.bands):
        return False
    return float(((first - second).abs() > _CLEARLY).bandor().avg()) / 255 < _FEW
