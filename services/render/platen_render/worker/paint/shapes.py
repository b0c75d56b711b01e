"""Figures that fill a box."""

from __future__ import annotations

from math import cos, pi, sin

import skia
from fontTools.pens.basePen import BasePen
from fontTools.svgLib.path import parse_path
from platen_contracts.layers import Figure

from platen_render.worker.problems import RenderProblem

_BOX_OF_PATHS = 100
_MAX_VERBS = 20_000
_LEAST_POINTS = 2


def figure_path(figure: Figure, width: float, height: float, field: str) -> skia.Path:
    """The figure's outline in a box from the origin. Raises `artwork_invalid` for path data that cannot be read."""
    box = skia.Rect.MakeWH(width, height)
    path = skia.Path()
    match figure.kind:
        case "rectangle":
            path.addRoundRect(box, figure.radius, figure.radius)
        case "ellipse":
            path.addOval(box)
        case "heart":
            path = _stretched(_svg(_HEART, field), width, height)
        case "path":
            path = _stretched(_svg(figure.path or "", field), width, height)
        case "star" | "polygon":
            inner = figure.inner if figure.kind == "star" else None
            path.addPoly([skia.Point(x * width, y * height) for x, y in _corners(figure.points, inner)], True)
    return path


_HEART = "M50 96 C 34 80 2 58 2 30 C 2 12 15 4 27 4 C 38 4 46 11 50 20 C 54 11 62 4 73 4 C 85 4 98 12 98 30 C 98 58 66 80 50 96 Z"


def _corners(points: int, inner: float | None) -> list[tuple[float, float]]:
    """In a box of 1 x 1, the first at the top."""
    steps = points if inner is None else 2 * points
    radii = [0.5 if inner is None or step % 2 == 0 else 0.5 * inner for step in range(steps)]
    turns = [2 * pi * step / steps for step in range(steps)]
    return [(0.5 + r * sin(turn), 0.5 - r * cos(turn)) for r, turn in zip(radii, turns, strict=True)]


def _stretched(path: skia.Path, width: float, height: float) -> skia.Path:
    path.transform(skia.Matrix.Scale(width / _BOX_OF_PATHS, height / _BOX_OF_PATHS))
    return path


_Point = tuple[float, float]


class _Pen(BasePen):
    """fontTools names the methods."""

    def __init__(self, path: skia.Path) -> None:
        super().__init__()
        self._path = path

    def _moveTo(self, pt: _Point) -> None:  # noqa: N802
        self._path.moveTo(*pt)

    def _lineTo(self, pt: _Point) -> None:  # noqa: N802
        self._path.lineTo(*pt)

    def _curveToOne(self, pt1: _Point, pt2: _Point, pt3: _Point) -> None:  # noqa: N802
        self._path.cubicTo(*pt1, *pt2, *pt3)

    def _closePath(self) -> None:  # noqa: N802
        self._path.close()


def _svg(data: str, field: str) -> skia.Path:
    path = skia.Path()
    try:
        parse_path(data, _Pen(path))
    except Exception as wrong:  # noqa: BLE001  its parser raises whatever comes
        raise _unreadable(field, str(wrong)) from None
    if path.countPoints() < _LEAST_POINTS or not path.isFinite() or path.countVerbs() > _MAX_VERBS:
        raise _unreadable(field, "it draws nothing, or too much")
    return path


def _unreadable(field: str, why: str) -> RenderProblem:
    return RenderProblem(
        "artwork_invalid", field, f"the path cannot be read: {why}", "give SVG path data such as M0 0 L100 0 L50 100 Z"
    )
