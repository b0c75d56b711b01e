"""Text layers."""

from __future__ import annotations

import skia
from platen_contracts.layers import TextLayer

from platen_render.worker.fonts import chain
from platen_render.worker.ink import Ink
from platen_render.worker.layout import set_text
from platen_render.worker.paint.effects import around, stroke
from platen_render.worker.paint.fills import colour_of, paint_of
from platen_render.worker.paint.scene import Place, Scene


def paint_text(canvas: skia.Canvas, layer: TextLayer, scene: Scene, place: Place, field: str) -> None:
    words = scene.answers.words(layer).strip()
    if not words:
        return
    named = layer.option or field
    faces = chain(layer.font, field, layer.weight, layer.fallback, scene.fonts)
    ink = set_text(words, layer, faces, named).ink
    path = place.path(ink.outline)
    _mind_the_edge(path, scene, place, named)
    if layer.outline is not None:
        width, colour = layer.outline.width * place.scale, colour_of(layer.outline.colour, scene, f"{field}.outline.colour")
        canvas.drawPath(path, stroke(width, colour))
        _outlined_stickers(canvas, ink, place, width, colour)
    canvas.drawPath(path, paint_of(layer.colour, scene, place, layer.width, layer.height, f"{field}.colour"))
    if layer.outline is None:
        _stickers(canvas, ink, place)


def _outlined_stickers(canvas: skia.Canvas, ink: Ink, place: Place, width: float, colour: int) -> None:
    if not ink.stickers:
        return
    bounds = place.matrix.mapRect(Ink(stickers=ink.stickers).bounds()).makeOutset(2 * width + 2, 2 * width + 2)
    canvas.saveLayer(bounds, skia.Paint(ImageFilter=around(width, colour)))
    _stickers(canvas, ink, place)
    canvas.restore()


def _stickers(canvas: skia.Canvas, ink: Ink, place: Place) -> None:
    canvas.save()
    canvas.concat(place.matrix)
    for sticker in ink.stickers:
        sticker.paint(canvas)
    canvas.restore()


def _mind_the_edge(path: skia.Path, scene: Scene, place: Place, field: str) -> None:
    artwork = scene.artwork
    edge = (artwork.bleed + artwork.safe) * place.scale
    if not artwork.safe or path.isEmpty():
        return
    width = artwork.width_px / artwork.px_per_unit * place.scale
    height = artwork.height_px / artwork.px_per_unit * place.scale
    inside = skia.Rect.MakeLTRB(edge, edge, width - edge, height - edge)
    if not inside.contains(path.computeTightBounds()):
        scene.warn("outside_safe_area", field, "the text comes nearer to the cut than the artwork's safe area allows")
