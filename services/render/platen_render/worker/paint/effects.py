"""What is done to a layer as a whole: opacity, blending, mask, shadow, outline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import skia
from platen_contracts.layers import ImageLayer, Layer, Mask, PhotoLayer, ShapeLayer, TextLayer

from platen_render.worker.images import Pixels, stretched
from platen_render.worker.paint.fills import colour_of
from platen_render.worker.paint.scene import Place, Scene
from platen_render.worker.paint.shapes import figure_path

BLENDS = {
    "normal": skia.BlendMode.kSrcOver,
    "multiply": skia.BlendMode.kMultiply,
    "screen": skia.BlendMode.kScreen,
    "overlay": skia.BlendMode.kOverlay,
    "darken": skia.BlendMode.kDarken,
    "lighten": skia.BlendMode.kLighten,
    "color_dodge": skia.BlendMode.kColorDodge,
    "color_burn": skia.BlendMode.kColorBurn,
    "hard_light": skia.BlendMode.kHardLight,
    "soft_light": skia.BlendMode.kSoftLight,
    "difference": skia.BlendMode.kDifference,
    "exclusion": skia.BlendMode.kExclusion,
    "hue": skia.BlendMode.kHue,
    "saturation": skia.BlendMode.kSaturation,
    "color": skia.BlendMode.kColor,
    "luminosity": skia.BlendMode.kLuminosity,
}
_SIGMAS = 3


def with_effects(
    canvas: skia.Canvas, layer: Layer, scene: Scene, place: Place, field: str, content: Callable[[skia.Canvas], None]
) -> None:
    """Paints `content`, held to all that the layer says of it as a whole."""
    plain = layer.opacity == 1 and layer.blend == "normal" and layer.shadow is None
    outlined = layer.outline is not None and not isinstance(layer, TextLayer | ShapeLayer)
    depth = canvas.getSaveCount()
    try:
        if not plain:
            canvas.saveLayer(_reach(layer, place), _as_a_whole(layer, scene, place, field))
        figure = _figure_outline(layer) if outlined else None
        if outlined and figure is None:
            canvas.saveLayer(_reach(layer, place), skia.Paint(ImageFilter=_outline_filter(layer, scene, place, field)))
        elif figure is not None:
            _outline_figure(canvas, layer, figure, scene, place, field)
        if layer.mask is None:
            content(canvas)
        else:
            _masked(canvas, layer.mask, layer, scene, place, field, content)
    finally:
        canvas.restoreToCount(depth)


def _as_a_whole(layer: Layer, scene: Scene, place: Place, field: str) -> skia.Paint:
    paint = skia.Paint(Alphaf=layer.opacity, BlendMode=BLENDS[layer.blend])
    if layer.shadow is not None:
        shadow, colour = layer.shadow, colour_of(layer.shadow.colour, scene, f"{field}.shadow.colour")
        sigma = shadow.blur * place.scale / 2
        paint.setImageFilter(
            skia.ImageFilters.DropShadow(shadow.x * place.scale, shadow.y * place.scale, sigma, sigma, colour, None)
        )
    return paint


def _reach(layer: Layer, place: Place) -> skia.Rect:
    """The pixels that the layer may touch, its outline and shadow included."""
    found = place.rect(layer.width, layer.height)
    beyond = 2 + (2 * layer.outline.width * place.scale if layer.outline else 0)
    if layer.shadow:
        beyond += place.scale * (_SIGMAS * layer.shadow.blur + max(abs(layer.shadow.x), abs(layer.shadow.y)))
    return found.makeOutset(beyond, beyond)


def _figure_outline(layer: Layer) -> Mask | None:
    """The mask whose figure is the layer's edge, so that its outline can be drawn sharp."""
    mask = layer.mask
    return mask if isinstance(layer, PhotoLayer | ImageLayer) and mask and mask.figure and not mask.invert else None


def _outline_figure(canvas: skia.Canvas, layer: Layer, mask: Mask, scene: Scene, place: Place, field: str) -> None:
    assert mask.figure is not None
    assert layer.outline is not None
    path = place.path(figure_path(mask.figure, layer.width, layer.height, f"{field}.mask.figure"))
    colour = colour_of(layer.outline.colour, scene, f"{field}.outline.colour")
    canvas.drawPath(path, stroke(layer.outline.width * place.scale, colour))


def stroke(width: float, colour: int) -> skia.Paint:
    """A line that shows `width` pixels outside of what is painted over it."""
    return skia.Paint(
        AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=2 * width, StrokeJoin=skia.Paint.kRound_Join, Color=colour
    )


def _outline_filter(layer: Layer, scene: Scene, place: Place, field: str) -> skia.ImageFilter:
    assert layer.outline is not None
    colour = colour_of(layer.outline.colour, scene, f"{field}.outline.colour")
    return around(layer.outline.width * place.scale, colour)


def around(width: float, colour: int) -> skia.ImageFilter:
    """Whatever is opaque, and behind it the same grown by `width` pixels in one colour: grown square, then rounded off."""
    grown = skia.ImageFilters.Dilate(width * 0.7, width * 0.7, None)
    rounded = skia.ImageFilters.Blur(width * 0.3, width * 0.3, skia.TileMode.kDecal, grown)
    steep = [min(max((alpha - 40) * 4, 0), 255) for alpha in range(256)]
    same = list(range(256))
    sharp = skia.ImageFilters.ColorFilter(skia.TableColorFilter.MakeARGB(steep, same, same, same), rounded)
    coloured = skia.ImageFilters.ColorFilter(skia.ColorFilters.Blend(colour, skia.BlendMode.kSrcIn), sharp)
    return skia.ImageFilters.Merge([coloured, None])


def _masked(
    canvas: skia.Canvas,
    mask: Mask,
    layer: Layer,
    scene: Scene,
    place: Place,
    field: str,
    content: Callable[[skia.Canvas], None],
) -> None:
    if mask.figure is not None:
        path = place.path(figure_path(mask.figure, layer.width, layer.height, f"{field}.mask.figure"))
        canvas.save()
        canvas.clipPath(path, skia.ClipOp.kDifference if mask.invert else skia.ClipOp.kIntersect, True)
        content(canvas)
        canvas.restore()
        return
    bounds = _reach(layer, place)
    canvas.saveLayer(bounds, None)
    content(canvas)
    canvas.saveLayer(bounds, skia.Paint(BlendMode=skia.BlendMode.kDstIn))
    draw_pixels(canvas, _mask_pixels(mask, scene, layer, place, field), layer.width, layer.height, place, field)
    canvas.restore()
    canvas.restore()


def _mask_pixels(mask: Mask, scene: Scene, layer: Layer, place: Place, field: str) -> Pixels:
    """White, as opaque as the layer is to be seen."""
    assert mask.file is not None
    _, _, width, height = place.pixels(layer.width, layer.height, field)
    pixels = stretched(scene.assets.get(mask.file.sha256), mask.file, width, height, f"{field}.mask.file")
    seen = pixels[..., 3]
    if mask.channel == "luminance":
        light = pixels[..., :3] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        seen = (light * (seen.astype(np.float32) / 255)).round().astype(np.uint8)
    white = np.full_like(pixels, 255)
    white[..., 3] = 255 - seen if mask.invert else seen
    return white


def draw_pixels(canvas: skia.Canvas, pixels: Pixels, width: float, height: float, place: Place, field: str) -> None:
    """Pixels over a layer's box: where it is not turned, one of theirs on one of the canvas."""
    image = skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType, skia.kUnpremul_AlphaType, copy=False)
    left, top, _, _ = place.pixels(width, height, field)
    if not place.turned:
        canvas.drawImage(image, left, top)
        return
    canvas.save()
    canvas.concat(place.matrix)
    smooth = skia.SamplingOptions(skia.FilterMode.kLinear, skia.MipmapMode.kNone)
    canvas.drawImageRect(image, skia.Rect.MakeWH(width, height), smooth, skia.Paint(AntiAlias=True))
    canvas.restore()
