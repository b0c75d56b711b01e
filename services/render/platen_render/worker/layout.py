"""Fitting a text into its box: as large as asked, shrunk no further than allowed, then wrapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor

import skia
from platen_contracts.layers import TextLayer
from uniseg.linebreak import line_break_units

from platen_render.worker.curve import set_along, track
from platen_render.worker.fonts import EM, Face
from platen_render.worker.ink import Ink
from platen_render.worker.problems import RenderProblem
from platen_render.worker.text import Line, Style, shape

_ALIGNMENT = {"left": 0.0, "center": 0.5, "right": 1.0}
_SEARCH_STEPS = 12
_NEARLY = 1e-3


@dataclass(frozen=True)
class SetText:
    """A text in the units of the artwork, from the left upper corner of its layer's box, and the size it came to."""

    ink: Ink
    size: float


@dataclass(frozen=True)
class Setting:
    """A text that looks for its size: what every attempt shares. The box is the layer's without its outline."""

    layer: TextLayer
    faces: Sequence[Face]
    field: str

    @property
    def style(self) -> Style:
        return Style(self.layer.letter_spacing * EM, self.layer.language or "und")

    @property
    def margin(self) -> float:
        return self.layer.outline.width if self.layer.outline else 0

    @property
    def box(self) -> tuple[float, float]:
        return max(self.layer.width - 2 * self.margin, 0), max(self.layer.height - 2 * self.margin, 0)

    @property
    def line_height(self) -> float:
        return (self.faces[0].ascent + self.faces[0].descent) * self.layer.line_height

    def shape(self, words: str) -> Line:
        return shape(words, self.faces, self.field, self.style)


def set_text(text: str, layer: TextLayer, faces: Sequence[Face], field: str) -> SetText:
    """Sets `text` (lines split at line breaks) into the layer's box, its ink wholly inside.

    Raises `glyph_missing`, or `text_does_not_fit` where even the smallest size is too large; each names `field`.
    """
    setting = Setting(layer, faces, field)
    words = _cased(text, layer)
    found = _along(words, setting) if layer.curve else _straight(words, setting)
    if isinstance(found, SetText):
        return SetText(found.ink.moved(1, setting.margin, setting.margin), found.size)
    raise _does_not_fit(text, layer, found, field)


def _cased(text: str, layer: TextLayer) -> str:
    turkic = (layer.language or "").split("-")[0].lower() in ("tr", "az")
    if layer.case == "upper":
        return (text.replace("i", "\u0130") if turkic else text).upper()
    if layer.case == "lower":
        return (text.replace("I", "\u0131").replace("\u0130", "i") if turkic else text).lower()
    return " ".join(_capital(word[:1], turkic) + word[1:] for word in text.split(" ")) if layer.case == "title" else text


def _capital(letter: str, turkic: bool) -> str:
    return "\u0130" if turkic and letter == "i" else letter.title()


def _straight(text: str, setting: Setting) -> SetText | float:
    """The text set, or the size at which it would fit."""
    lines = [setting.shape(words.strip()) for words in text.splitlines()]
    block = _block(lines, setting)
    size = min(float(setting.layer.size), _largest(block.bounds(), setting))
    if size >= setting.layer.min_size:
        return SetText(_placed(block, len(lines), size, setting), size)
    return (_wrapped(text, setting) if setting.layer.wrap else None) or size


def _wrapped(text: str, setting: Setting) -> SetText | None:
    """The largest size between the smallest and the one asked for at which the text fits when lines break between words."""
    paragraphs = [[(unit, setting.shape(unit.strip()).advance) for unit in line_break_units(p)] for p in text.splitlines()]
    space = setting.shape(" ").advance

    def attempt(size: float) -> SetText | None:
        width = setting.box[0] / size * EM
        broken = [line for paragraph in paragraphs for line in _broken(paragraph, width, space)]
        lines = [setting.shape(words) for words in broken]
        block = _block(lines, setting)
        fits = _largest(block.bounds(), setting) >= size * (1 - _NEARLY)
        return SetText(_placed(block, len(lines), size, setting), size) if fits else None

    return _searched(attempt, setting.layer.min_size, min(setting.layer.size, setting.box[1] * 2))


def _broken(units: list[tuple[str, float]], width: float, space: float) -> Iterator[str]:
    line, used = "", 0.0
    for unit, advance in units:
        if line and used + advance > width:
            yield line.strip()
            line, used = "", 0.0
        line += unit
        used += advance + (space if unit.endswith(" ") else 0)
    yield line.strip()


def _searched(attempt: Callable[[float], SetText | None], low: float, high: float) -> SetText | None:
    """The largest size found by halving; None where even the smallest does not fit."""
    best = attempt(low)
    if best is None or high <= low:
        return best
    if (whole := attempt(high)) is not None:
        return whole
    for _ in range(_SEARCH_STEPS):
        middle = (low + high) / 2
        found = attempt(middle)
        if found is None:
            high = middle
        else:
            low, best = middle, found
    return best


def _along(text: str, setting: Setting) -> SetText | float:
    """On a curve everything is one line."""
    layer, (width, height) = setting.layer, setting.box
    assert layer.curve is not None
    curve, line, face = layer.curve, setting.shape(" ".join(text.split())), setting.faces[0]

    def attempt(size: float) -> SetText | None:
        baseline = track(curve, width, height, face.ascent * size / EM, face.descent * size / EM)
        if line.advance * size / EM > baseline.length * (0.98 if baseline.closed else 1 + _NEARLY):
            return None
        ink = set_along(line, baseline, size, _ALIGNMENT[layer.align] if not baseline.closed else 0.5)
        bounds = ink.bounds()
        if bounds.width() > width * (1 + _NEARLY) or bounds.height() > height * (1 + _NEARLY):
            return None
        if baseline.closed:
            return SetText(ink, size)
        top = _VERTICALLY[layer.valign] * (height - bounds.height()) - bounds.top()
        left = _into(0, width, bounds.left(), bounds.right())
        return SetText(ink.moved(1, left, top), size)

    found = _searched(attempt, layer.min_size, layer.size)
    return found or layer.min_size * 0.8


_VERTICALLY = {"top": 0.0, "middle": 0.5, "bottom": 1.0}


def _block(lines: Sequence[Line], setting: Setting) -> Ink:
    block = Ink()
    for number, line in enumerate(lines):
        block.add_line(line, -line.advance * _ALIGNMENT[setting.layer.align], number * setting.line_height)
    return block


def _largest(ink: skia.Rect, setting: Setting) -> float:
    width, height = setting.box
    return EM * min(width / ink.width() if ink.width() else EM, height / ink.height() if ink.height() else EM)


def _placed(block: Ink, lines: int, size: float, setting: Setting) -> Ink:
    """Aligns the lines by their advance and by their font's height, so that names of one design share a baseline;
    then moves them by the least that brings ink which sticks out of the box back inside."""
    layer, face, scale, (width, height) = setting.layer, setting.faces[0], size / EM, setting.box
    below = (lines - 1) * setting.line_height + face.descent
    left = width * _ALIGNMENT[layer.align]
    top = {
        "top": face.ascent * scale,
        "middle": height / 2 - (below - face.ascent) / 2 * scale,
        "bottom": height - below * scale,
    }[layer.valign]
    ink = block.bounds()
    left += _into(0, width, left + ink.left() * scale, left + ink.right() * scale)
    top += _into(0, height, top + ink.top() * scale, top + ink.bottom() * scale)
    return block.moved(scale, left, top)


def _into(low: float, high: float, start: float, end: float) -> float:
    return max(low - start, 0.0) if start < low else min(high - end, 0.0)


def _does_not_fit(text: str, layer: TextLayer, size: float, field: str) -> RenderProblem:
    room = max(1, floor(len(text) * min(size / layer.min_size, 0.95)))
    return RenderProblem(
        "text_does_not_fit",
        field,
        f"{text!r} does not fit {layer.width:g} x {layer.height:g} at the smallest size allowed, {layer.min_size:g}",
        f"shorten the text to about {room} of its {len(text)} characters, or allow a smaller size",
    )
