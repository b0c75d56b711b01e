"""Text along a line that bends: letters are turned one by one, and letters that touch each other bend together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import atan2, cos, hypot, pi, radians, sin

import skia
from platen_contracts.layers import Curve

from platen_render.worker.fonts import EM
from platen_render.worker.ink import Ink, Sticker
from platen_render.worker.text import Glyph, Line

_WAVE_STEPS = 720
_BENT_IN = 4
"""Pieces that a contour's segment is cut into before its points are bent."""


@dataclass(frozen=True)
class Track:
    """A line to write along: its length, and from how far along it to (x, y, direction in radians)."""

    length: float
    at: Callable[[float], tuple[float, float, float]]
    closed: bool = False


def track(curve: Curve, width: float, height: float, ascent: float, descent: float) -> Track:
    """The baseline inside a box of `width` x `height`, for letters that reach `ascent` above it and `descent` below.

    Its length is 0 where the box has no room for letters of this height.
    """
    if curve.kind == "wave":
        return _wave(width, height * curve.amplitude, curve.waves)
    if curve.kind == "circle":
        return _circle(curve, min(width, height) / 2 - (descent if curve.inside else ascent), width / 2, height / 2)
    half = radians(abs(curve.angle)) / 2
    outside = ascent if curve.angle > 0 else descent
    radius = width / 2 / (sin(half) if half < pi / 2 else 1) - outside
    if radius <= 0:
        return Track(0, lambda _: (0, 0, 0))
    return _arc(radius, half, width / 2, 1 if curve.angle > 0 else -1)


def set_along(line: Line, track: Track, size: float, align: float) -> Ink:
    """The line's glyphs along the track, in the track's units. `align`: 0 begins at its start, 1 ends at its end."""
    scale = size / EM
    start = (track.length - line.advance * scale) * align
    ink = Ink()
    for joined, run in groupby(line.glyphs, key=lambda glyph: glyph.joined and glyph.face.colour is None):
        if joined:
            _bend(ink, list(run), track, scale, start)
        else:
            for _, cluster in groupby(run, key=lambda glyph: glyph.cluster):
                _turn(ink, list(cluster), track, scale, start)
    return ink


def _turn(ink: Ink, cluster: list[Glyph], track: Track, scale: float, start: float) -> None:
    """A letter with its marks, turned as one around the middle of its foot."""
    middle = (cluster[0].pen + cluster[-1].pen + cluster[-1].advance) / 2
    x, y, turn = track.at(start + middle * scale)
    along, across = cos(turn) * scale, sin(turn) * scale
    for glyph in cluster:
        dx, dy = glyph.x - middle, glyph.y
        left, top = x + dx * along - dy * across, y + dx * across + dy * along
        if glyph.face.colour is None:
            matrix = skia.Matrix.MakeAll(along, -across, left, across, along, top, 0, 0, 1)
            path = skia.Path(glyph.face.outline(glyph.glyph_id))
            path.transform(matrix)
            ink.outline.addPath(path)
        else:
            ink.stickers.append(Sticker(glyph.face, glyph.glyph_id, left, top, scale * EM, turn))


def _bend(ink: Ink, glyphs: Iterable[Glyph], track: Track, scale: float, start: float) -> None:
    def bent(point: tuple[float, float]) -> tuple[float, float]:
        x, y, turn = track.at(start + point[0] * scale)
        return x - sin(turn) * point[1] * scale, y + cos(turn) * point[1] * scale

    for glyph in glyphs:
        for kind, points in _pieces(glyph.face.outline(glyph.glyph_id), glyph.x, glyph.y):
            flat = [coordinate for point in points for coordinate in bent(point)]
            getattr(ink.outline, kind)(*flat)


Point = tuple[float, float]


def _pieces(path: skia.Path, x: float, y: float) -> Iterable[tuple[str, list[Point]]]:
    """The contours as short curves, so that bending their control points bends them."""
    for verb, given in path:
        points = [(point.fX + x, point.fY + y) for point in given]
        if verb == skia.Path.kMove_Verb:
            yield "moveTo", points[:1]
        elif verb == skia.Path.kClose_Verb:
            yield "close", []
        elif verb in (skia.Path.kLine_Verb, skia.Path.kQuad_Verb, skia.Path.kCubic_Verb):
            for piece in _cut(points):
                yield _TO[len(piece)], piece[1:]


_TO = {2: "lineTo", 3: "quadTo", 4: "cubicTo"}


def _cut(points: list[Point]) -> Iterable[list[Point]]:
    rest = points
    for left in range(_BENT_IN, 1, -1):
        piece, rest = _halves(rest, 1 / left)
        yield piece
    yield rest


def _halves(points: list[Point], share: float) -> tuple[list[Point], list[Point]]:
    """De Casteljau: a Bézier curve of any degree cut at `share`."""
    first, last = [points[0]], [points[-1]]
    while len(points) > 1:
        points = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairwise(points)]
        first.append(points[0])
        last.append(points[-1])
    return first, last[::-1]


def _arc(radius: float, half: float, middle: float, up: int) -> Track:
    def at(along: float) -> tuple[float, float, float]:
        turned = along / radius - half
        return middle + radius * sin(turned), up * (radius - radius * cos(turned)), up * turned

    return Track(2 * half * radius, at)


def _circle(curve: Curve, radius: float, x: float, y: float) -> Track:
    if radius <= 0:
        return Track(0, lambda _: (0, 0, 0))
    way = -1 if curve.inside else 1
    middle = radians(curve.start)

    def at(along: float) -> tuple[float, float, float]:
        turned = middle + way * (along / radius - pi)
        return x + radius * sin(turned), y - radius * cos(turned), turned + (pi if curve.inside else 0)

    return Track(2 * pi * radius, at, closed=True)


def _wave(width: float, amplitude: float, waves: float) -> Track:
    xs = [width * step / _WAVE_STEPS for step in range(_WAVE_STEPS + 1)]
    ys = [-amplitude * sin(2 * pi * waves * x / width) for x in xs]
    reached = [0.0]
    for place in range(_WAVE_STEPS):
        reached.append(reached[-1] + hypot(xs[place + 1] - xs[place], ys[place + 1] - ys[place]))

    def at(along: float) -> tuple[float, float, float]:
        place = min(max(bisect_right(reached, along) - 1, 0), _WAVE_STEPS - 1)
        share = (along - reached[place]) / (reached[place + 1] - reached[place])
        x = xs[place] + (xs[place + 1] - xs[place]) * share
        y = ys[place] + (ys[place + 1] - ys[place]) * share
        slope = -amplitude * 2 * pi * waves / width * cos(2 * pi * waves * x / width)
        return x, y, atan2(slope, 1)

    return Track(reached[-1], at)
