"""Shaping: a line of text becomes positioned glyphs, whatever mix of scripts and directions it holds.

HarfBuzz shapes one direction, one script and one font at a time, so a line is first cut into such runs.
"""

# pyright: reportAttributeAccessIssue=false
# uharfbuzz is compiled and has no type stubs.

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from unicodedata import category, normalize

import bidi
import skia
import uharfbuzz as hb
from uniseg.emoji import emoji
from uniseg.graphemecluster import grapheme_clusters

from platen_render.worker.fonts import Face
from platen_render.worker.problems import RenderProblem

NOTDEF = 0
_NEUTRAL = "Zyyy"
_ZERO_WIDTH_JOINER = "\u200d"
_EMOJI_SELECTOR, _TEXT_SELECTOR = "\ufe0f", "\ufe0e"
_JOINED = frozenset(("Arab", "Syrc", "Mong", "Nkoo", "Adlm", "Rohg", "Mand", "Deva", "Beng", "Guru"))
"""Scripts written without lifting the pen, or hung from one line."""


@dataclass(frozen=True)
class Glyph:
    """A glyph of a face with its origin on the line, in EM units, y down. `cluster` is the index of its first character."""

    face: Face
    glyph_id: int
    cluster: int
    x: float
    y: float
    pen: float
    """Where the pen stood, and how far it went on."""
    advance: float
    joined: bool
    """Of a script whose letters touch: on a curve they bend together."""


@dataclass(frozen=True)
class Line:
    """Glyphs from left to right, and how far the pen went, in EM units."""

    text: str
    glyphs: tuple[Glyph, ...]
    advance: float

    def outline(self) -> skia.Path:
        """All contours as one path, so that joined letters melt together without a seam. Glyphs in colour have none."""
        path = skia.Path()
        for glyph in self.glyphs:
            if glyph.face.colour is None:
                path.addPath(glyph.face.outline(glyph.glyph_id), glyph.x, glyph.y)
        return path


@dataclass(frozen=True)
class Style:
    """How a text is shaped: `spacing` in EM units between letters that do not join, the language as BCP 47."""

    spacing: float = 0
    language: str = "und"


@dataclass(frozen=True)
class Run:
    """Characters `start` to `end` of a line with one embedding level, script and face."""

    start: int
    end: int
    level: int
    script: str
    face: Face


def shape(text: str, faces: Sequence[Face], field: str, style: Style = Style()) -> Line:
    """Shapes one line (no line breaks) with the first of `faces` that has each character.

    Raises `glyph_missing`, naming `field` and every character that is in none of them.
    """
    text = normalize("NFC", text)
    glyphs: list[Glyph] = []
    pen = 0.0
    for run in visual_order(itemise(text, faces, field)):
        pen = _shape_run(text, run, field, style, glyphs, pen)
    spaced_after_the_last = style.spacing if glyphs and not glyphs[-1].joined else 0
    return Line(text, tuple(glyphs), pen - spaced_after_the_last)


def itemise(text: str, faces: Sequence[Face], field: str) -> list[Run]:
    """Cuts a line, in reading order, wherever the embedding level, the script or the face changes."""
    levels, scripts = embedding_levels(text), _scripts(text)
    chosen = _faces(text, levels, faces, field)
    runs: list[Run] = []
    for (level, script, face), places in groupby(range(len(text)), key=lambda i: (levels[i], scripts[i], chosen[i])):
        indices = list(places)
        runs.append(Run(indices[0], indices[-1] + 1, level, script, face))
    return runs


def visual_order(runs: Sequence[Run]) -> list[Run]:
    """Runs from left to right: rule L2 of the Unicode bidirectional algorithm (UAX #9)."""
    ordered = list(runs)
    for level in range(max((run.level for run in ordered), default=0), 0, -1):
        start = 0
        for high, group in groupby(list(ordered), key=lambda run: run.level >= level):
            end = start + len(list(group))
            if high:
                ordered[start:end] = reversed(ordered[start:end])
            start = end
    return ordered


def embedding_levels(text: str) -> list[int]:
    """The resolved UAX #9 level of every character; odd levels read from right to left."""
    if not text:
        return []
    described = str(bidi.get_display(text, debug=True))  # it answers the levels of every UTF-8 byte, in words
    levels = [int(level) for level in re.findall(r"Level\(\s*(\d+)", described[described.rindex("levels: [") :])]
    starts = [0]
    for character in text[:-1]:
        starts.append(starts[-1] + len(character.encode()))
    return [levels[start] for start in starts]


def _shape_run(text: str, run: Run, field: str, style: Style, glyphs: list[Glyph], pen: float) -> float:
    buffer = hb.Buffer()
    buffer.add_codepoints([ord(character) for character in text], run.start, run.end - run.start)
    buffer.direction, buffer.script, buffer.language = ("rtl" if run.level % 2 else "ltr"), run.script, style.language
    joined = run.script in _JOINED
    spacing = 0 if joined else style.spacing
    hb.shape(run.face.font, buffer, {"liga": False, "clig": False} if spacing else {})
    infos = buffer.glyph_infos
    for place, (info, position) in enumerate(zip(infos, buffer.glyph_positions, strict=True)):
        if info.codepoint == NOTDEF:
            raise _missing(text[info.cluster], field)
        ends = place + 1 == len(infos) or infos[place + 1].cluster != info.cluster
        advance = position.x_advance + (spacing if ends else 0)
        x, y = pen + position.x_offset, -position.y_offset
        glyphs.append(Glyph(run.face, info.codepoint, info.cluster, x, y, pen, advance, joined))
        pen += advance
    return pen


def _scripts(text: str) -> list[str]:
    """The ISO 15924 script of every character; neutral ones take that of what precedes them, or else follows."""
    scripts = [_script(character) for character in text]
    current = next((script for script in scripts if script), _NEUTRAL)
    resolved: list[str] = []
    for script in scripts:
        current = script or current
        resolved.append(current)
    return resolved


@cache
def _script(character: str) -> str | None:
    buffer = hb.Buffer()
    buffer.add_str(character)
    buffer.guess_segment_properties()
    return buffer.script


def _faces(text: str, levels: Sequence[int], faces: Sequence[Face], field: str) -> list[Face]:
    """The face of every character. A base and its marks share one where one has them all; a neutral character has that of the
    letters before it in the same direction, so that a space does not part two words of a fallback."""
    chosen: list[Face] = []
    missing: dict[str, None] = {}
    letters: Face | None = None
    for cluster in grapheme_clusters(text):
        place = len(chosen)
        if place and levels[place] != levels[place - 1]:
            letters = None
        neutral = all(_script(character) is None for character in cluster)
        candidates = _by_colour(cluster, (letters, *faces) if neutral and letters else faces)
        shared = _first(candidates, cluster)
        for character in cluster:
            face = shared or _first(candidates, character)
            if face is None:
                missing[character] = None
            chosen.append(face or faces[0])
        if not neutral:
            letters = chosen[-1]
    if missing:
        raise _missing("".join(missing), field)
    return chosen


def _by_colour(cluster: str, faces: Sequence[Face]) -> Sequence[Face]:
    """An emoji that is asked for in colour, or made of several, comes from a font in colour where there is one; what is no emoji
    (a star, a box) from another where there is one, so that it has the colour of the text."""
    if not emoji(cluster[0]):
        return sorted(faces, key=lambda face: face.colour is not None)
    in_colour = _EMOJI_SELECTOR in cluster or any(map(_makes_emoji, cluster[1:])) or _is_flag(cluster)
    if _TEXT_SELECTOR in cluster or not in_colour:
        return faces
    return sorted(faces, key=lambda face: face.colour is None)


def _makes_emoji(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff" or character in (_ZERO_WIDTH_JOINER, "\u20e3")


def _is_flag(cluster: str) -> bool:
    return "\U0001f1e6" <= cluster[0] <= "\U0001f1ff"


def _first(faces: Sequence[Face], characters: str) -> Face | None:
    return next((face for face in faces if _covers(face, characters)), None)


def _covers(face: Face, cluster: str) -> bool:
    return any(
        all(_invisible(character) or face.has(character) for character in form) for form in (cluster, normalize("NFD", cluster))
    )


def _invisible(character: str) -> bool:
    """Joiners, direction marks and variation selectors steer the shaping and need no glyph."""
    return category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f" or character == "\u034f"


def _missing(characters: str, field: str) -> RenderProblem:
    codes = ", ".join(f"U+{ord(character):04X}" for character in characters)
    return RenderProblem(
        "glyph_missing",
        field,
        f"no allowed font has {characters!r} ({codes})",
        f"replace {codes}, or choose a font that has it",
    )
