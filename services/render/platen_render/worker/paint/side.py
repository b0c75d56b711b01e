"""One side, painted layer by layer. Pure: the same inputs give the same pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import skia
from platen_contracts.artwork import layers_within
from platen_contracts.catalog import Artwork, Side
from platen_contracts.common import Answer, FileRef
from platen_contracts.layers import GroupLayer, ImageLayer, Layer, NamesLayer, PhotoLayer, ShapeLayer, TextLayer

from platen_render.worker.answers import Answers
from platen_render.worker.fonts import checked_font
from platen_render.worker.images import Pixels
from platen_render.worker.paint.effects import stroke, with_effects
from platen_render.worker.paint.fills import colour_of, paint_of
from platen_render.worker.paint.pictures import paint_image, paint_photo
from platen_render.worker.paint.scene import Photos, Place, Scene, Warned
from platen_render.worker.paint.shapes import figure_path
from platen_render.worker.paint.texts import paint_text
from platen_render.worker.problems import RenderProblem

STRIP = 128


def assets_of(artwork: Artwork, side: str) -> list[FileRef]:
    """The artwork's own files that painting this side may need, each once. Raises `side_unknown`."""
    files = [*artwork.fonts.values()]
    for _, layer in layers_within(_side(artwork, side).layers):
        files += _files(layer)
    return list({file.sha256: file for file in files}.values())


def _files(layer: Layer) -> Iterator[FileRef]:
    if layer.mask is not None and layer.mask.file is not None:
        yield layer.mask.file
    if isinstance(layer, ImageLayer):
        yield from ([layer.file] if layer.file else [])
        yield from layer.files.values()


def photos_of(artwork: Artwork, side: str, answers: Mapping[str, Answer]) -> list[FileRef]:
    """The buyer's photos that painting this side may need, each once. Raises `side_unknown`."""
    asked = {layer.option for _, layer in layers_within(_side(artwork, side).layers) if isinstance(layer, PhotoLayer)}
    files = [answer for name, answer in answers.items() if name in asked and isinstance(answer, FileRef)]
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

    What the canvas was told before (a scale of its own) holds. Raises RenderProblem for all that is wrong with the inputs.
    """
    layers = _side(artwork, side).layers
    fonts = {name: checked_font(assets.get(file.sha256), file, f"fonts.{name}") for name, file in artwork.fonts.items()}
    scene = Scene(artwork, Answers(artwork, answers), assets, photos, fonts)
    per_unit = artwork.px_per_unit * scale
    _paint_layers(canvas, layers, scene, Place(skia.Matrix.Scale(per_unit, per_unit), per_unit), "layers")
    return scene.warned


def _paint_layers(canvas: skia.Canvas, layers: Sequence[Layer], scene: Scene, place: Place, where: str) -> None:
    for number, layer in enumerate(layers):
        if scene.answers.shows(layer.show_if):
            _paint_layer(canvas, layer, scene, place, f"{where}.{number}")


def _paint_layer(canvas: skia.Canvas, layer: Layer, scene: Scene, place: Place, field: str) -> None:
    inside = place.inside(layer.x, layer.y, layer.width, layer.height, layer.rotation)

    def content(canvas: skia.Canvas) -> None:
        match layer:
            case ImageLayer():
                paint_image(canvas, layer, scene, inside, field)
            case PhotoLayer():
                paint_photo(canvas, layer, scene, inside, field)
            case TextLayer():
                paint_text(canvas, layer, scene, inside, field)
            case ShapeLayer():
                _paint_shape(canvas, layer, scene, inside, field)
            case GroupLayer():
                _paint_layers(canvas, layer.layers, scene, inside, f"{field}.layers")
            case NamesLayer():
                _paint_names(canvas, layer, scene, inside, field)

    with_effects(canvas, layer, scene, inside, field, content)


def _paint_shape(canvas: skia.Canvas, layer: ShapeLayer, scene: Scene, place: Place, field: str) -> None:
    path = place.path(figure_path(layer.figure, layer.width, layer.height, f"{field}.figure"))
    if layer.outline is not None:
        colour = colour_of(layer.outline.colour, scene, f"{field}.outline.colour")
        canvas.drawPath(path, stroke(layer.outline.width * place.scale, colour))
    canvas.drawPath(path, paint_of(layer.colour, scene, place, layer.width, layer.height, f"{field}.colour"))


def _paint_names(canvas: skia.Canvas, layer: NamesLayer, scene: Scene, place: Place, field: str) -> None:
    count = len(scene.answers.names(layer.option))
    if count == 0:
        return
    layout = layer.layouts.get(str(count))
    if layout is None:
        known = ", ".join(sorted(layer.layouts, key=int))
        raise RenderProblem(
            "answer_invalid",
            layer.option,
            f"the artwork has no layout for {count} names",
            f"enter as many names as one of: {known}",
        )
    _paint_layers(canvas, layout, scene, place, f"{field}.layouts.{count}")


def _side(artwork: Artwork, side: str) -> Side:
    if side not in artwork.sides:
        raise RenderProblem(
            "side_unknown", None, f"the artwork has no side {side!r}", f"ask for one of: {', '.join(sorted(artwork.sides))}"
        )
    return artwork.sides[side]


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
