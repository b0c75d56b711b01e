"""Documents beside the pictures they are to look like. `python -m tests.render.golden` draws the pictures anew: look at them.

A print file names the renderer's version, so one version draws in one way: `versions.json` holds which pictures each has drawn.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fontpkg
import numpy as np
import pyvips
import yaml
from PIL import Image
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef, OutputProfile
from platen_render.worker.images import Pixels

from .drawn import draw

FOLDER = Path(__file__).with_name("goldens")
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
LONGEST_PX = 400
VERSIONS = FOLDER / "versions.json"
VERSION = version("platen-render")
_FILES = ("font", "checker", "ramp")


@dataclass(frozen=True)
class Golden:
    artwork: Artwork
    answers: dict[str, Any]
    assets: dict[str, bytes]

    @classmethod
    def of(cls, document: dict[str, Any], answers: dict[str, Any]) -> Golden:
        """A document that names its files by words: font, checker, ramp; and a photo by the answer `photo`."""
        refs = {word: _ref(word) for word in _FILES}
        named = {"artwork_id": "golden", "version": 1, "title": "Golden"} | document
        artwork = Artwork.model_validate(_with_files(named, {word: ref.model_dump() for word, ref in refs.items()}))
        photo = FileRef(sha256="0" * 64, size=1, media_type="image/jpeg")
        given = {name: photo if answer == "photo" else answer for name, answer in answers.items()}
        return cls(artwork, given, {refs[word].sha256: _data(word)[0] for word in _FILES})

    @classmethod
    def named(cls, name: str) -> Golden:
        document = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
        return cls.of(with_text_keys(document["artwork"]), document["answers"])

    def file(self, longest: int = LONGEST_PX) -> bytes:
        scale = longest / max(self.artwork.width_px, self.artwork.height_px)
        size = {"width_px": round(self.artwork.width_px * scale), "height_px": round(self.artwork.height_px * scale)}
        profile = OutputProfile.model_validate({"profile_id": "golden", "version": 1, **size})
        return draw(self.artwork, "front", self.answers, profile, self.assets, photo)


def photo(_: str) -> pyvips.Image:
    """What a buyer might upload: squares in every colour."""
    where: Any = pyvips.Image.xyz(600, 400)
    squares = ((where[0] / 20).floor() + (where[1] / 20).floor()).remainder(2) * 255
    bands = (where[0] * 255 / 600).bandjoin([where[1] * 255 / 400, squares, where[0] * 0 + 255])
    return bands.cast("uchar").copy(interpretation="srgb")


def decoded(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def _data(word: str) -> tuple[bytes, str]:
    if word == "font":
        return fontpkg.path("Pacifico").read_bytes(), "font/ttf"
    rows, columns = np.mgrid[0:64, 0:64]
    if word == "ramp":
        pixels = np.repeat((columns * 4).astype(np.uint8)[..., None], 3, axis=-1)
    else:
        pixels = np.stack([rows * 4, columns * 4, ((rows // 8 + columns // 8) % 2) * 255], axis=-1).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue(), "image/png"


def _ref(word: str) -> FileRef:
    data, media_type = _data(word)
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)


def _with_files(content: Any, refs: dict[str, Any], key: str = "") -> Any:
    if isinstance(content, dict):
        inside = key in ("files", "fonts")
        return {name: _with_files(value, refs, "file" if inside else name) for name, value in content.items()}
    if isinstance(content, list):
        return [_with_files(each, refs) for each in content]
    return refs[content] if key == "file" and isinstance(content, str) else content


def with_text_keys(content: Any) -> Any:
    """As `platen catalog` reads YAML."""
    if isinstance(content, dict):
        return {str(name): with_text_keys(value) for name, value in content.items()}
    return list(map(with_text_keys, content)) if isinstance(content, list) else content


def told(pictures: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in pictures.items()}


def drawn_otherwise(recorded: Mapping[str, str], pictures: Mapping[str, bytes]) -> list[str]:
    """Names of the pictures that this version has drawn in another way; new ones are not among them."""
    return [name for name, digest in told(pictures).items() if recorded.get(name, digest) != digest]


def main() -> None:
    pictures: dict[str, bytes] = {}
    for name in NAMES:
        target = io.BytesIO()
        Image.open(io.BytesIO(Golden.named(name).file())).save(target, "PNG", optimize=True)
        pictures[name] = target.getvalue()
    versions = json.loads(VERSIONS.read_text("utf-8"))
    if otherwise := drawn_otherwise(versions.get(VERSION, {}), pictures):
        sys.exit(f"{', '.join(otherwise)}: drawn otherwise by {VERSION} before; raise version in services/render/pyproject.toml")
    for name, data in pictures.items():
        (FOLDER / f"{name}.png").write_bytes(data)
    VERSIONS.write_text(json.dumps(versions | {VERSION: told(pictures)}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
