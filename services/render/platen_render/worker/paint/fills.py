"""Colours and gradients as skia paints them."""

from __future__ import annotations

from math import cos, hypot, radians, sin

import skia
from platen_contracts.layers import ColourChoice, Fill, Gradient, Tint

from platen_render.worker.paint.scene import Place, Scene
from platen_render.worker.problems import RenderProblem


def colour_of(tint: Tint, scene: Scene, field: str) -> int:
    """ARGB. Raises `artwork_invalid` where a choice has no colour."""
    if not isinstance(tint, ColourChoice):
        return _argb(tint)
    found = tint.colours.get(scene.answers.text(tint.option), tint.default)
    if found is None:
        raise RenderProblem(
            "artwork_invalid",
            field,
            "the layer has no colour for this choice",
            f"give a default, or a colour for each of {tint.option}",
        )
    return _argb(found)


def paint_of(fill: Fill, scene: Scene, place: Place, width: float, height: float, field: str) -> skia.Paint:
    """A paint for a layer with a box of `width` x `height`."""
    if not isinstance(fill, Gradient):
        return skia.Paint(AntiAlias=True, Color=colour_of(fill, scene, field))
    colours = [colour_of(stop.colour, scene, field) for stop in fill.stops]
    places = [stop.at for stop in fill.stops]
    middle = skia.Point(width / 2, height / 2)
    if fill.kind == "radial":
        shader = skia.GradientShader.MakeRadial(
            middle, hypot(width, height) / 2, colours, places, skia.TileMode.kClamp, 0, place.matrix
        )
    else:
        along, across = cos(radians(fill.angle)), sin(radians(fill.angle))
        reach = (abs(width * along) + abs(height * across)) / 2
        ends = [skia.Point(middle.fX + way * along * reach, middle.fY + way * across * reach) for way in (-1, 1)]
        shader = skia.GradientShader.MakeLinear(ends, colours, places, skia.TileMode.kClamp, 0, place.matrix)
    return skia.Paint(AntiAlias=True, Shader=shader, Dither=False)


def _argb(colour: str) -> int:
    digits = colour.removeprefix("#")
    alpha = int(digits[6:], 16) if len(digits) == 8 else 255
    return alpha << 24 | int(digits[:6], 16)
