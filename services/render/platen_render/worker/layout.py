"""Fitting a shaped text into its box: as large as asked, shrunk no further than allowed."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import skia
from platen_contracts.catalog import TextLayer

from platen_render.worker.fonts import EM, chain
from platen_render.worker.problems import RenderProblem
from platen_render.worker.text import shape

_ALIGNMENT = {"left": 0.0, "center": 0.5, "right": 1.0}


@dataclass(frozen=True)
class SetText:
    """A text ready to fill: its outline in pixels of the artwork's canvas, and the size it came to."""

    outline: skia.Path
    size_px: float


def set_text(text: str, layer: TextLayer, field: str) -> SetText:
    """Sets `text` (lines split at line breaks) into the layer's box, its ink wholly inside.

    Raises `font_unknown`, `glyph_missing`, or `text_does_not_fit` where even `min_size_px` is too large; each names `field`.
    """
    faces = chain(layer.font, field)
    line_height = faces[0].ascent + faces[0].descent
    block = skia.Path()
    for number, words in enumerate(text.splitlines()):
        line = shape(words.strip(), faces, field)
        block.addPath(line.outline(), -line.advance * _ALIGNMENT[layer.align], number * line_height)
    ink = block.computeTightBounds()
    lines = len(text.splitlines())
    size = min(float(layer.size), _largest(ink, layer))
    if size < layer.min_size:
        raise _does_not_fit(text, layer, size, field)
    middle = ((lines - 1) * line_height + faces[0].descent - faces[0].ascent) / 2
    block.transform(_placing(ink, middle, size / EM, layer))
    return SetText(block, size)


def _largest(ink: skia.Rect, layer: TextLayer) -> float:
    return EM * min(layer.width / ink.width() if ink.width() else EM, layer.height / ink.height() if ink.height() else EM)


def _placing(ink: skia.Rect, middle: float, scale: float, layer: TextLayer) -> skia.Matrix:
    """Aligns the line by its advance and centres it by its font's height, so that names of one design share a baseline;
    then moves it by the least that brings ink which sticks out of the box back inside."""
    left = layer.x + layer.width * _ALIGNMENT[layer.align]
    top = layer.y + layer.height / 2 - middle * scale
    left += _into(layer.x, layer.x + layer.width, left + ink.left() * scale, left + ink.right() * scale)
    top += _into(layer.y, layer.y + layer.height, top + ink.top() * scale, top + ink.bottom() * scale)
    matrix = skia.Matrix()
    matrix.setScaleTranslate(scale, scale, left, top)
    return matrix


def _into(low: float, high: float, start: float, end: float) -> float:
    return max(low - start, 0.0) if start < low else min(high - end, 0.0)


def _does_not_fit(text: str, layer: TextLayer, size: float, field: str) -> RenderProblem:
    room = max(1, floor(len(text) * size / layer.min_size))
    return RenderProblem(
        "text_does_not_fit",
        field,
        f"{text!r} fits {layer.width} x {layer.height} px only at {size:.1f} px, the smallest allowed is {layer.min_size} px",
        f"shorten the text to about {room} of its {len(text)} characters, or allow a smaller size",
    )
