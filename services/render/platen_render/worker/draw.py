"""One side of an artwork becomes a print file. Pure: the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyvips
import skia
from platen_contracts.catalog import Artwork, ImageLayer, Side, TextLayer
from platen_contracts.common import Answer, FileRef, OutputProfile

from platen_render.worker.answers import words_of
from platen_render.worker.images import Pixels, stretched
from platen_render.worker.layout import set_text
from platen_render.worker.problems import RenderProblem

MAX_OUTPUT_PIXELS = 100_000_000
STRIP = 128
_MM_PER_INCH = 25.4


def assets_of(artwork: Artwork, side: str) -> list[FileRef]:
    """The files that `draw` needs for this side, each once. Raises `side_unknown`."""
    files = [layer.file for layer in _side(artwork, side).layers if isinstance(layer, ImageLayer)]
    return list({file.sha256: file for file in files}.values())


def draw(
    artwork: Artwork, side: str, answers: Mapping[str, Answer], profile: OutputProfile, assets: Mapping[str, bytes]
) -> bytes:
    """The print file of one side: an RGBA PNG of the profile's pixels with its dots per inch, transparent where nothing is drawn.

    `assets` holds the bytes of `assets_of(artwork, side)` by sha256. Raises RenderProblem for all that is wrong with the inputs.
    """
    layers = _side(artwork, side).layers
    scale = _scale(artwork, profile)
    pixels: Pixels = np.zeros((profile.height_px, profile.width_px, 4), np.uint8)
    surface = skia.Surface.MakeRasterDirect(_info(profile.width_px, profile.height_px, skia.kPremul_AlphaType), pixels)
    for place, layer in enumerate(layers):
        field = f"layers.{place}"
        if isinstance(layer, ImageLayer):
            _draw_image(surface.getCanvas(), layer, scale, assets.get(layer.file.sha256), field)
        else:
            _draw_text(surface.getCanvas(), layer, scale, words_of(layer, artwork, answers), layer.option or field)
    _divide_alpha_out(surface, pixels)
    return _png(pixels, profile.dpi)


def _side(artwork: Artwork, side: str) -> Side:
    if side not in artwork.sides:
        raise RenderProblem(
            "side_unknown", None, f"the artwork has no side {side!r}", f"ask for one of: {', '.join(sorted(artwork.sides))}"
        )
    return artwork.sides[side]


def _scale(artwork: Artwork, profile: OutputProfile) -> float:
    """Output pixels per artwork pixel. Both must have the same proportions, to the pixel."""
    if profile.media_type != "image/png":
        raise RenderProblem(
            "output_unsupported", None, f"the output profile asks for {profile.media_type!r}", "use an image/png profile"
        )
    if profile.width_px * profile.height_px > MAX_OUTPUT_PIXELS:
        raise RenderProblem(
            "size_wrong",
            None,
            f"the output profile asks for {profile.width_px} x {profile.height_px} pixels",
            f"use a profile of at most {MAX_OUTPUT_PIXELS:,} pixels",
        )
    scale = profile.width_px / artwork.width_px
    if abs(artwork.height_px * scale - profile.height_px) > 1:
        raise RenderProblem(
            "size_wrong",
            None,
            f"an artwork of {artwork.width_px} x {artwork.height_px} does not scale to {profile.width_px} x {profile.height_px}",
            "use an artwork with the proportions of the vendor's print area",
        )
    return scale


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


def _png(pixels: Pixels, dpi: int) -> bytes:
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, "uchar")
    per_mm = dpi / _MM_PER_INCH
    tagged = image.copy(interpretation="srgb", xres=per_mm, yres=per_mm)
    return tagged.pngsave_buffer(compression=3, filter=pyvips.ForeignPngFilter.PAETH, keep=pyvips.ForeignKeep.NONE)
