"""Pictures of the artwork, and the buyer's photos."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, cos, floor, isfinite, radians, sin

import numpy as np
import pyvips
import skia
from platen_contracts.common import FileRef
from platen_contracts.layers import ImageLayer, PhotoLayer

from platen_render.worker.images import Pixels, stretched
from platen_render.worker.paint.effects import draw_pixels
from platen_render.worker.paint.scene import Place, Scene
from platen_render.worker.problems import RenderProblem

_LEAST_ZOOM, _MAX_ZOOM = 0.05, 20
_LEAST_CROP = 0.01
_MAX_TURN = 3600
_NEARLY = 1e-9


def paint_image(canvas: skia.Canvas, layer: ImageLayer, scene: Scene, place: Place, field: str) -> None:
    file = file_of(layer, scene, field)
    if file is None:
        return
    _, _, width, height = place.pixels(layer.width, layer.height, field)
    pixels = stretched(scene.assets.get(file.sha256), file, width, height, field)
    draw_pixels(canvas, pixels, layer.width, layer.height, place, field)


def file_of(layer: ImageLayer, scene: Scene, field: str) -> FileRef | None:
    """The layer's picture by the buyer's choice; None where nothing was chosen. Raises `artwork_invalid`."""
    if layer.option is None:
        return layer.file
    choice = scene.answers.text(layer.option)
    found = layer.files.get(choice, layer.file)
    if found is None and choice:
        raise RenderProblem(
            "artwork_invalid", f"{field}.files", f"there is no file for {choice!r}", "give a file for each choice of the option"
        )
    return found


@dataclass(frozen=True)
class Placement:
    """How the buyer laid the photo: a part of it (shares of its width and height), nearer, around a point of it, turned."""

    crop: tuple[float, float, float, float] = (0, 0, 1, 1)
    zoom: float = 1
    x: float = 0.5
    y: float = 0.5
    rotate: float = 0


def placement_of(text: str, field: str) -> Placement:
    """Reads `crop=0.1,0.1,0.8,0.8 zoom=1.5 x=0.4 y=0.6 rotate=90`; each word may be left out. Raises `answer_invalid`."""
    words = dict(re.findall(r"(\w+)=(\S+)", text))
    if re.sub(r"(\w+)=(\S+)", "", text).strip() or not words.keys() <= {"crop", "zoom", "x", "y", "rotate"}:
        raise _unreadable(field)
    try:
        crop = tuple(float(share) for share in words.pop("crop", "0,0,1,1").split(","))
        numbers = {"zoom": 1.0, "x": 0.5, "y": 0.5, "rotate": 0.0} | {name: float(number) for name, number in words.items()}
    except ValueError:
        raise _unreadable(field) from None
    if len(crop) != 4 or not all(map(isfinite, (*crop, *numbers.values()))):
        raise _unreadable(field)
    found = Placement((crop[0], crop[1], crop[2], crop[3]), **numbers)
    if not _is_sane(found):
        raise _unreadable(field)
    return found


def _is_sane(laid: Placement) -> bool:
    left, top, width, height = laid.crop
    return (
        0 <= left < 1
        and 0 <= top < 1
        and _LEAST_CROP <= width <= 1 - left + _NEARLY
        and _LEAST_CROP <= height <= 1 - top + _NEARLY
        and _LEAST_ZOOM <= laid.zoom <= _MAX_ZOOM
        and 0 <= laid.x <= 1
        and 0 <= laid.y <= 1
        and abs(laid.rotate) <= _MAX_TURN
    )


def paint_photo(canvas: skia.Canvas, layer: PhotoLayer, scene: Scene, place: Place, field: str) -> None:
    """The photo inside the layer's box: the part of it that is seen is all that is ever decoded into memory."""
    file = scene.answers.photo(layer.option)
    if file is None:
        return
    text = scene.answers.text(layer.placement) if layer.placement else ""
    laid = placement_of(text, layer.placement or layer.option)
    photo = _cropped(scene.photos(file.sha256), laid)
    per_pixel = _fitted(layer, photo, laid.rotate) * laid.zoom
    _judge(layer, scene, per_pixel)
    _draw_photo(canvas, layer, laid, photo, per_pixel, place, field)


def _fitted(layer: PhotoLayer, photo: pyvips.Image, rotate: float) -> float:
    """Units per pixel of the photo with which it, turned, just covers the box or just lies inside it."""
    if layer.fit == "cover":
        wide, high = _around(layer.width, layer.height, rotate)
        return max(wide / photo.width, high / photo.height)
    wide, high = _around(photo.width, photo.height, rotate)
    return min(layer.width / wide, layer.height / high)


def _around(width: float, height: float, rotate: float) -> tuple[float, float]:
    """The size of the upright box around a box that is turned."""
    along, across = abs(cos(radians(rotate))), abs(sin(radians(rotate)))
    return width * along + height * across, width * across + height * along


def _cropped(photo: pyvips.Image, laid: Placement) -> pyvips.Image:
    x, y, width, height = laid.crop
    if laid.crop == (0, 0, 1, 1):
        return photo
    left, top = floor(x * photo.width), floor(y * photo.height)
    wide, high = round(width * photo.width), round(height * photo.height)
    return photo.crop(left, top, max(1, min(wide, photo.width - left)), max(1, min(high, photo.height - top)))


def _judge(layer: PhotoLayer, scene: Scene, per_pixel: float) -> None:
    """`per_pixel`: units of the artwork that a pixel of the photo covers. Raises `photo_too_small`."""
    dpi = scene.artwork.dpi / (per_pixel * scene.artwork.px_per_unit)
    if dpi < layer.min_dpi:
        raise RenderProblem(
            "photo_too_small",
            layer.option,
            f"the photo has {dpi:.0f} pixels on a printed inch, {layer.min_dpi} are needed",
            f"upload a photo {layer.min_dpi / dpi:.1f} times as large, or zoom out",
        )
    if dpi < layer.good_dpi:
        scene.warn("photo_blurred", layer.option, f"{dpi:.0f} pixels of the photo on a printed inch; {layer.good_dpi} look sharp")


def _draw_photo(
    canvas: skia.Canvas, layer: PhotoLayer, laid: Placement, photo: pyvips.Image, per_pixel: float, place: Place, field: str
) -> None:
    """The point (x, y) of the photo lies as near to the box's centre as lets the photo cover it."""
    wide, high = _around(layer.width, layer.height, laid.rotate)
    half = (wide / 2 / per_pixel, high / 2 / per_pixel)
    centre = (_held(laid.x * photo.width, half[0], photo.width), _held(laid.y * photo.height, half[1], photo.height))
    left, top = max(0, floor(centre[0] - half[0])), max(0, floor(centre[1] - half[1]))
    right, bottom = min(photo.width, ceil(centre[0] + half[0])), min(photo.height, ceil(centre[1] + half[1]))
    if right <= left or bottom <= top:
        return
    pixels = _shrunk(photo.crop(left, top, right - left, bottom - top), per_pixel * place.scale)
    box = skia.Rect.MakeXYWH(
        (left - centre[0]) * per_pixel, (top - centre[1]) * per_pixel, (right - left) * per_pixel, (bottom - top) * per_pixel
    )
    image = skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType, skia.kUnpremul_AlphaType, copy=False)
    canvas.save()
    canvas.clipPath(place.path(skia.Path.Rect(skia.Rect.MakeWH(layer.width, layer.height))), skia.ClipOp.kIntersect, True)
    canvas.concat(place.matrix)
    canvas.translate(layer.width / 2, layer.height / 2)
    canvas.rotate(laid.rotate)
    canvas.drawImageRect(image, box, skia.SamplingOptions(skia.CubicResampler.Mitchell()))
    canvas.restore()


def _held(centre: float, half: float, whole: float) -> float:
    return whole / 2 if 2 * half >= whole else min(max(centre, half), whole - half)


def _shrunk(photo: pyvips.Image, scale: float) -> Pixels:
    """No more pixels than are printed; never fewer than one. A photo that is too small is enlarged where it is drawn."""
    if scale < 1:
        photo = photo.premultiply().resize(max(scale, 1 / min(photo.width, photo.height))).unpremultiply().cast("uchar")
    return np.frombuffer(photo.write_to_memory(), np.uint8).reshape(photo.height, photo.width, 4)


def _unreadable(field: str) -> RenderProblem:
    return RenderProblem(
        "answer_invalid",
        field,
        "the placement cannot be read",
        "give words such as crop=0.1,0.1,0.8,0.8 zoom=1.5 x=0.4 y=0.6 rotate=90; zoom is 0.05 to 20, the rest are shares",
    )
