"""Fonts by file from the installed font packages, never from the system: the same text looks the same on every machine."""

# pyright: reportAttributeAccessIssue=false
# uharfbuzz is compiled and has no type stubs.

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import fontpkg
import skia
import uharfbuzz as hb

from platen_render.worker.problems import RenderProblem

EM = 65_536
"""Font units per em, the same for every font: a text is shaped once and scaled to any size."""

FALLBACKS = ("Noto Sans", "Noto Sans Arabic", "Noto Sans Thai")
"""Asked in this order for what the layer's own font does not have."""

ALLOWED = (*FALLBACKS, "Pacifico")
"""The only families that a layer may name: the font packages among this service's dependencies."""


@dataclass(frozen=True, eq=False)
class Face:
    """One family at its regular weight, opened from its file."""

    family: str
    font: hb.Font
    ascent: float
    """Above the baseline, in EM units; `descent` below it, as a positive number."""
    descent: float

    def has(self, character: str) -> bool:
        return self.font.get_nominal_glyph(ord(character)) is not None

    def outline(self, glyph_id: int) -> skia.Path:
        """The glyph's contours in EM units, y down, at the origin. Empty for blanks."""
        return _outline(self, glyph_id)


@cache
def open_face(family: str) -> Face:
    file = fontpkg.path(family, weight="regular")
    font = hb.Font(hb.Face(hb.Blob.from_file_path(str(file))))
    font.scale = (EM, EM)
    font.set_variations({axis.tag: axis.default_value for axis in font.face.axis_infos} | {"wght": 400.0})
    extents = font.get_font_extents("ltr")
    return Face(family, font, ascent=extents.ascender, descent=-extents.descender)


def chain(family: str, field: str) -> tuple[Face, ...]:
    """The layer's font, then the fallbacks. Raises `font_unknown` for a family that is not allowed."""
    if family not in ALLOWED:
        raise RenderProblem(
            "font_unknown", field, f"font {family!r} is not available", f"use one of: {', '.join(sorted(ALLOWED))}"
        )
    return tuple(open_face(name) for name in dict.fromkeys((family, *FALLBACKS)))


@cache
def _outline(face: Face, glyph_id: int) -> skia.Path:
    path = skia.Path()
    face.font.draw_glyph(glyph_id, _pen(), path)
    return path


@cache
def _pen() -> hb.DrawFuncs:
    """HarfBuzz draws into a skia path; fonts point y up, canvases down."""
    pen = hb.DrawFuncs()
    pen.set_move_to_func(lambda x, y, path: path.moveTo(x, -y))
    pen.set_line_to_func(lambda x, y, path: path.lineTo(x, -y))
    pen.set_quadratic_to_func(lambda cx, cy, x, y, path: path.quadTo(cx, -cy, x, -y))
    pen.set_cubic_to_func(lambda ax, ay, bx, by, x, y, path: path.cubicTo(ax, -ay, bx, -by, x, -y))
    pen.set_close_path_func(lambda path: path.close())
    return pen
