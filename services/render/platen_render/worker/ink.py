"""Letters set and ready to be inked: one outline, and beside it the glyphs that bring their own colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import cos, degrees, sin

import skia

from platen_render.worker.fonts import EM, Face
from platen_render.worker.text import Line


@dataclass(frozen=True)
class Sticker:
    """A glyph in colour: its origin, the size of an em, and how far it is turned (radians, clockwise)."""

    face: Face
    glyph_id: int
    x: float
    y: float
    size: float
    turn: float = 0

    def matrix(self) -> skia.Matrix:
        """From EM units to where it stands."""
        scale = self.size / EM
        along, across = cos(self.turn) * scale, sin(self.turn) * scale
        return skia.Matrix.MakeAll(along, -across, self.x, across, along, self.y, 0, 0, 1)

    def moved(self, scale: float, x: float, y: float) -> Sticker:
        return Sticker(self.face, self.glyph_id, self.x * scale + x, self.y * scale + y, self.size * scale, self.turn)

    def bounds(self) -> skia.Rect:
        return self.matrix().mapRect(self.face.bounds(self.glyph_id))

    def paint(self, canvas: skia.Canvas) -> None:
        assert self.face.colour is not None
        canvas.save()
        canvas.translate(self.x, self.y)
        canvas.rotate(degrees(self.turn))
        builder = skia.TextBlobBuilder()
        builder.allocRunPos(skia.Font(self.face.colour, self.size), [self.glyph_id], [skia.Point(0, 0)])
        canvas.drawTextBlob(builder.make(), 0, 0, skia.Paint(AntiAlias=True))
        canvas.restore()


@dataclass
class Ink:
    """What is drawn of a text, in whatever units. Lines and words are added to it."""

    outline: skia.Path = field(default_factory=skia.Path)
    stickers: list[Sticker] = field(default_factory=list[Sticker])

    def add_line(self, line: Line, x: float, y: float) -> None:
        """A straight line of text, in EM units."""
        self.outline.addPath(line.outline(), x, y)
        self.stickers += [
            Sticker(glyph.face, glyph.glyph_id, glyph.x + x, glyph.y + y, EM) for glyph in line.glyphs if glyph.face.colour
        ]

    def moved(self, scale: float, x: float, y: float) -> Ink:
        matrix = skia.Matrix()
        matrix.setScaleTranslate(scale, scale, x, y)
        path = skia.Path(self.outline)
        path.transform(matrix)
        return Ink(path, [sticker.moved(scale, x, y) for sticker in self.stickers])

    def bounds(self) -> skia.Rect:
        """Of every contour and every glyph in colour; empty for blanks."""
        found = skia.Rect(0, 0, 0, 0)
        for rect in self._rects():
            found.join(rect)
        return found

    def _rects(self) -> Iterator[skia.Rect]:
        if not self.outline.isEmpty():
            yield self.outline.computeTightBounds()
        yield from (sticker.bounds() for sticker in self.stickers)
