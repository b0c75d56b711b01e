"""What is shown of artworks: a catalog's folder, and in its `orders.yaml` what buyers answered and what the vendor asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef, Mockup, OutputProfile

from platen_cli.catalog import read_catalog
from platen_cli.errors import UserError

if TYPE_CHECKING:
    from platen_render.worker.outputs import Printed

_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".heic": "image/heic"}


@dataclass(frozen=True)
class Exhibit:
    """One side of an artwork with a buyer's answers."""

    artwork: Artwork
    document: Path
    """The file that the artwork was read from."""
    side: str
    answers: Mapping[str, Answer]
    shows: str
    """What there is to see, for people."""
    output: Mapping[str, Any]
    """`media_type`, `cmyk`, `mockup`: where given, as `orders.yaml` says it."""
    warned: tuple[str, ...]
    """What the renderer is expected to warn of."""
    files: Mapping[str, bytes] = field(repr=False)
    """Whatever it needs, by sha256."""

    def printed(self, longest: int | None = None) -> Printed:
        """As the worker makes it, `longest` pixels on the longer side (as large as the artwork unless said otherwise)."""
        from platen_render.worker.outputs import press
        from platen_render.worker.photos import photos_from

        photos = {answer.sha256: answer for answer in self.answers.values() if isinstance(answer, FileRef)}
        files = dict(self.files)
        profile = self._profile(longest, files)
        return press(self.artwork, self.side, self.answers, profile, files, photos_from(photos, files.get))

    def _profile(self, longest: int | None, files: dict[str, bytes]) -> OutputProfile:
        artwork = self.artwork
        scale = longest / max(artwork.width_px, artwork.height_px) if longest else 1
        icc = _cmyk(files) if self.output.get("cmyk") else None
        return OutputProfile(
            profile_id=artwork.artwork_id,
            version=1,
            width_px=round(artwork.width_px * scale),
            height_px=round(artwork.height_px * scale),
            dpi=max(1, round(artwork.dpi * scale)),
            media_type=self.output.get("media_type", "image/png"),
            icc=icc,
            mockups={self.side: Mockup.model_validate(self.output["mockup"])} if "mockup" in self.output else {},
        )


def exhibits(folder: Path) -> list[Exhibit]:
    """Those of `orders.yaml`, in its order. Raises `UserError`, for mistakes in the artworks too."""
    catalog = read_catalog(folder)
    documents = {yaml.safe_load(path.read_text("utf-8"))["artwork_id"]: path for path in (folder / "artworks").glob("*.yaml")}
    artworks = {artwork.artwork_id: artwork for artwork in catalog.artworks}
    files = {sha256: picture.data for sha256, picture in catalog.pictures.items()}
    found: list[Exhibit] = []
    for order in yaml.safe_load((folder / "orders.yaml").read_text("utf-8")):
        if order["artwork"] not in artworks:
            raise UserError(f"{folder / 'orders.yaml'}: artwork: there is no {order['artwork']!r} in artworks/; add it")
        artwork = artworks[order["artwork"]]
        output = dict(order.get("output", {}))
        if "mockup" in output:
            output["mockup"] = output["mockup"] | {"photo": _file(folder / output["mockup"]["photo"], files)}
        answers = {
            name: _file(folder / answer, files) if artwork.options[name].kind == "photo" else answer
            for name, answer in order.get("answers", {}).items()
        }
        document, warned = documents[artwork.artwork_id], tuple(order.get("warned", ()))
        found.append(Exhibit(artwork, document, order.get("side", "front"), answers, order["shows"], output, warned, files))
    return found


def _file(path: Path, files: dict[str, bytes]) -> FileRef:
    return _held(path.read_bytes(), _MEDIA_TYPES[path.suffix], files)


def _cmyk(files: dict[str, bytes]) -> FileRef:
    """The profile of a press that libvips brings."""
    import pyvips

    return _held(bytes(pyvips.Image.profile_load("cmyk")), "application/vnd.iccprofile", files)


def _held(data: bytes, media_type: str, files: dict[str, bytes]) -> FileRef:
    file = FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)
    files[file.sha256] = data
    return file
