"""The preview's side of the process: artworks and photos made small once, then painted again and again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyvips
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef

from platen_render.worker.outputs.encode import image_of
from platen_render.worker.paint import raster
from platen_render.worker.photos import MEDIA_TYPES, small
from platen_render.worker.problems import RenderProblem

SIDE = 500
"""Pixels of a preview's longer side at most."""

_QUALITY, _EFFORT = 80, 0
_PHOTO_SIDE = 1000
_SMALL_ENOUGH = 600


def preview_in(folder: Path, side: str, answers: Mapping[str, Answer], photos: Mapping[str, Path]) -> bytes:
    """WebP of the artwork that lies in `folder`. `photos`: their files by sha256.

    Raises RenderProblem for all that is wrong with the inputs.
    """
    edition, assets = _edition(folder)
    declared = {answer.sha256: answer.media_type for answer in answers.values() if isinstance(answer, FileRef)}

    def photo(sha256: str) -> pyvips.Image:
        if sha256 not in photos:
            raise RenderProblem("photo_missing", None, "the photo is not at hand", "upload the photo again")
        return _photo(photos[sha256], declared[sha256])

    scale = min(1.0, SIDE / max(edition.width_px, edition.height_px))
    size = max(1, round(edition.width_px * scale)), max(1, round(edition.height_px * scale))
    pixels, _ = raster(edition, side, answers, assets, photo, *size)
    return image_of(pixels, edition.dpi).webpsave_buffer(Q=_QUALITY, effort=_EFFORT, keep=pyvips.ForeignKeep.NONE)


@lru_cache(maxsize=20)
def _edition(folder: Path) -> tuple[Artwork, dict[str, bytes]]:
    """The artwork with small pictures, nothing required, and photos judged by no one: they are smaller than what is printed."""
    document = json.loads((folder / "artwork.json").read_text("utf-8"))
    assets = {file.name: file.read_bytes() for file in (folder / "assets").iterdir()}
    shrunk: dict[str, bytes] = {}
    _adapt(document, assets, shrunk)
    for option in document.get("options", {}).values():
        option["required"] = False
        option["min_count"] = 0
    return Artwork.model_validate(document), shrunk


def _adapt(part: Any, assets: Mapping[str, bytes], shrunk: dict[str, bytes]) -> None:
    if isinstance(part, list):
        for each in part:  # pyright: ignore[reportUnknownVariableType]
            _adapt(each, assets, shrunk)
    elif isinstance(part, dict):
        if "sha256" in part:
            _shrink(part, assets, shrunk)
        if part.get("kind") == "photo" and "option" in part:
            part["min_dpi"] = part["good_dpi"] = 0
        for each in part.values():  # pyright: ignore[reportUnknownVariableType]
            _adapt(each, assets, shrunk)


def _shrink(file: dict[str, Any], assets: Mapping[str, bytes], shrunk: dict[str, bytes]) -> None:
    """A picture that is no picture stays as it is: painting says what is wrong with it."""
    data = assets.get(str(file["sha256"]))
    if data is None:
        return
    if file["media_type"] in MEDIA_TYPES:
        try:
            image = small(data, file["media_type"], _SMALL_ENOUGH)
            data = bytes(image.pngsave_buffer(compression=1, keep=pyvips.ForeignKeep.NONE))
            file.update(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type="image/png")
        except RenderProblem:
            pass
    shrunk[str(file["sha256"])] = data


def forget_photos() -> None:
    """Those that this process has made small."""
    _photo.cache_clear()


@lru_cache(maxsize=40)
def _photo(path: Path, declared: str) -> pyvips.Image:
    return small(path.read_bytes(), declared, _PHOTO_SIDE)
