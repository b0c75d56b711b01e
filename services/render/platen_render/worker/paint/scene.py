"""What every layer of one painting shares, and where on the canvas it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pyvips
import skia
from platen_contracts.catalog import Artwork

from platen_render.worker.answers import Answers
from platen_render.worker.problems import RenderProblem

MAX_LAYER_PIXELS = 100_000_000

Photos = Callable[[str], pyvips.Image]
"""The buyer's photo of a sha256, checked and decoded: sRGB, 8 bits, RGBA (alpha not multiplied in), upright.

Every call answers a fresh image, which may be read in sequence only. Raises RenderProblem where there is none."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should look at, though it was drawn. `message` never quotes the buyer."""

    code: str
    field: str
    message: str


def no_photos(sha256: str) -> pyvips.Image:
    raise RenderProblem("photo_missing", None, f"the photo {sha256[:12]}… is not at hand", "upload the photo again")


def any_photo(_: str) -> pyvips.Image:
    """Stands in for a photo where an artwork is tried out: grey, of 200 x 200 pixels."""
    grey: pyvips.Image = pyvips.Image.black(200, 200, bands=4).linear([1], [128]).cast("uchar")
    return grey.copy(interpretation="srgb")


@dataclass(frozen=True)
class Scene:
    artwork: Artwork
    answers: Answers
    assets: Mapping[str, bytes]
    photos: Photos
    fonts: Mapping[str, bytes]
    warned: list[Warned] = field(default_factory=list[Warned])

    def warn(self, code: str, field: str, message: str) -> None:
        if (warning := Warned(code, field, message)) not in self.warned:
            self.warned.append(warning)


@dataclass(frozen=True)
class Place:
    """Where a layer's left upper corner and its units come to lie: the canvas itself is never turned or scaled."""

    matrix: skia.Matrix
    scale: float
    """Pixels per unit of the artwork."""
    turned: bool = False

    def inside(self, x: float, y: float, width: float, height: float, rotation: float) -> Place:
        """Of the box of a layer, turned around its centre."""
        turn = skia.Matrix.RotateDeg(rotation, skia.Point(x + width / 2, y + height / 2)) if rotation % 360 else skia.Matrix.I()
        matrix = skia.Matrix.Concat(self.matrix, skia.Matrix.Concat(turn, skia.Matrix.Translate(x, y)))
        return replace(self, matrix=matrix, turned=self.turned or bool(rotation % 360))

    def path(self, path: skia.Path) -> skia.Path:
        moved = skia.Path(path)
        moved.transform(self.matrix)
        return moved

    def rect(self, width: float, height: float) -> skia.Rect:
        """The pixels around a box of this size."""
        return self.matrix.mapRect(skia.Rect.MakeWH(width, height))

    def pixels(self, width: float, height: float, field: str) -> tuple[int, int, int, int]:
        """(left, top, width, height) in whole pixels of a box; where it is turned, before it is turned. Raises `size_wrong`."""
        if self.turned:
            left, top = 0, 0
            wide, high = max(1, round(width * self.scale)), max(1, round(height * self.scale))
        else:
            found = self.rect(width, height)
            left, top = round(found.left()), round(found.top())
            wide, high = max(1, round(found.right()) - left), max(1, round(found.bottom()) - top)
        if wide * high > MAX_LAYER_PIXELS:
            raise RenderProblem(
                "size_wrong",
                field,
                f"the layer is {wide} x {high} pixels of the print file",
                f"make it at most {MAX_LAYER_PIXELS:,} pixels",
            )
        return left, top, wide, high
