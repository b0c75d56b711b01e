"""One side, painted layer by layer. Pure: the same inputs give the same pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyvips
import skia
from platen_contracts.catalog import Artwork, ImageLayer, Side, TextLayer
from platen_contracts.common import Answer, FileRef

from platen_render.worker.answers import words_of
from platen_render.worker.images import Pixels, stretched
from platen_render.worker.layout import set_text
from platen_render.worker.problems import RenderProblem

MAX_OUTPUT_PIXELS = 100_000_000
STRIP = 128

Photos = Callable[[str], pyvips.Image]
"""The buyer's photo of a sha256, checked and decoded: sRGB, 8 bits, RGBA (alpha not multiplied in), upright.

Every call answers a fresh image, which may be read in sequence only. Raises RenderProblem where there is none."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should look at, though it was drawn."""

    code: str
    field: str
    message: str


def no_photos(sha256: str) -> pyvips.Image:
    raise RenderProblem("asset_missing", None, f"the photo {sha256[:12]}… is not at hand", "upload the photo again")


def assets_of(artwork: Artwork, side: str) -> list[FileRef]:
    """The artwork's own files that painting this side may need, each once. Raises `side_unknown`."""
    files = [layer.file for layer in _side(artwork, side).layers if isinstance(layer, ImageLayer)]
    return list({file.sha256: file for file in files}.values())


def photos_of(artwork: Artwork, side: str, answers: Mapping[str, Answer]) -> list[FileRef]:
    """The buyer's photos that painting this side needs, each once. Raises `side_unknown`."""
    _side(artwork, side)
    files = [answer for answer in answers.values() if isinstance(answer, FileRef)]
    return list({file.sha256: file for file in files}.values())


def raster(
    artwork: Artwork,
    side: str,
    answers: Mapping[str, Answer],
    assets: Mapping[str, bytes],
    photos: Photos,
    width: int,
    height: int,
) -> tuple[Pixels, list[Warned]]:
    """The side as RGBA pixels of the whole canvas (alpha not multiplied in), `width` pixels wide; transparent where nothing is.

    `assets` holds the bytes of `assets_of(artwork, side)` by sha256. Raises RenderProblem for all that is wrong with the inputs.
    """
    pixels: Pixels = np.zeros((height, width, 4), np.uint8)
    surface = skia.Surface.MakeRasterDirect(_info(width, height, skia.kPremul_AlphaType), pixels)
    warned = paint(surface.getCanvas(), artwork, side, answers, assets, photos, width / artwork.width_px)
    _divide_alpha_out(surface, pixels)
    return pixels, warned


def paint(
    canvas: skia.Canvas,
    artwork: Artwork,
    side: str,
    answers: Mapping[str, Answer],
    assets: Mapping[str, bytes],
    photos: Photos,
    scale: float,
) -> list[Warned]:
    """Paints the side on a canvas whose pixel is `1 / scale` of the artwork's; the canvas may be a PDF page (text stays vectors).

    Raises RenderProblem for all that is wrong with the inputs.
    """
    for place, layer in enumerate(_side(artwork, side).layers):
        field = f"layers.{place}"
        if isinstance(layer, ImageLayer):
            _draw_image(canvas, layer, scale, assets.get(layer.file.sha256), field)
        else:
            _draw_text(canvas, layer, scale, words_of(layer, artwork, answers), layer.option or field)
    return []


def _side(artwork: Artwork, side: str) -> Side:
    if side not in artwork.sides:
        raise RenderProblem(
            "side_unknown", None, f"the artwork has no side {side!r}", f"ask for one of: {', '.join(sorted(artwork.sides))}"
        )
    return artwork.sides[side]


def _draw_image(canvas: skia.Canvas, layer: ImageLayer, scale: float, data: bytes | None, field: str) -> None:
    left, top = round(layer.x * scale), round(layer.y * scale)
    width = max(1, round((layer.x + layer.width) * scale) - left)
    height = max(1, round((layer.y + layer.height) * scale) - top)
    if width * height > MAX_OUTPUT_PIXELS:
        raise RenderProblem(
            "size_wrong",
            field,
            f"the layer is {width} x {height} pixels of the print file",
            f"make it at most {MAX_OUTPUT_PIXELS:,} pixels",
        )
    pixels = stretched(data, layer.file, width, height, field)
    canvas.drawImage(skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType, skia.kUnpremul_AlphaType, copy=False), left, top)


def _draw_text(canvas: skia.Canvas, layer: TextLayer, scale: float, words: str, field: str) -> None:
    if not words.strip():
        return
    outline = set_text(words.strip(), layer, field).outline
    outline.transform(skia.Matrix.Scale(scale, scale))
    canvas.drawPath(outline, skia.Paint(AntiAlias=True, Color=_opaque(layer.colour)))


def _opaque(colour: str) -> int:
    return 0xFF000000 | int(colour.removeprefix("#"), 16)


def _divide_alpha_out(surface: skia.Surface, pixels: Pixels) -> None:
    """skia draws with alpha multiplied in, PNG wants it out: strip by strip in place, so that no second canvas is needed."""
    height, width, _ = pixels.shape
    strip = np.empty((STRIP, width, 4), np.uint8)
    for top in range(0, height, STRIP):
        rows = min(STRIP, height - top)
        surface.readPixels(_info(width, rows, skia.kUnpremul_AlphaType), strip, width * 4, 0, top)
        pixels[top : top + rows] = strip[:rows]


def _info(width: int, height: int, alpha: skia.AlphaType) -> skia.ImageInfo:
    return skia.ImageInfo.Make(width, height, skia.kRGBA_8888_ColorType, alpha)
