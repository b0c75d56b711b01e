"""One design twice: as an artwork for our renderer, and as the straightforward Pillow program that draws the same."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from math import cos, degrees, pi, sin

import fontpkg
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef

WIDTH, HEIGHT = 4500, 5400
NAME, ARABIC, RING = "Zoë Ångström", "محمد الأنصاري", "THE BEST FAMILY IN THE WORLD"
PHOTO_BOX, BADGE_BOX = (450, 900, 3600, 2700), (1650, 4000, 1200, 1200)
NAME_BOX, ARABIC_BOX = (300, 80, 3900, 700), (300, 3640, 3900, 340)
RING_BOX = (1400, 3750, 1700, 1640)
NAME_SIZE, ARABIC_SIZE, RING_SIZE, STROKE = 480, 260, 150, 16


def photo(width: int, height: int, seed: int) -> Image.Image:
    """Soft shapes of four sizes with the grain of a sensor: what a photo is to a compressor."""
    random = np.random.default_rng(seed)
    light = np.zeros((height, width, 3), np.float32)
    for cells, strength in ((6, 45), (24, 25), (96, 12), (384, 6)):
        noise = random.normal(size=(cells, cells, 3)).astype(np.float32) * strength
        for band in range(3):
            light[..., band] += np.asarray(Image.fromarray(noise[..., band]).resize((width, height), Image.Resampling.BICUBIC))
    light += random.normal(size=light.shape) * 3
    return Image.fromarray(np.clip(light + 128, 0, 255).astype(np.uint8))


def pictures() -> dict[str, bytes]:
    """A buyer's photo as JPEG, and a round badge as PNG with alpha."""
    badge = photo(900, 900, 2).convert("RGBA")
    mask = Image.new("L", (900, 900))
    ImageDraw.Draw(mask).ellipse((8, 8, 892, 892), fill=255)
    badge.putalpha(mask)
    return {"photo": _encoded(photo(2400, 1800, 1), "JPEG", quality=90), "badge": _encoded(badge, "PNG")}


def _encoded(image: Image.Image, form: str, **saving: int) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **saving)
    return target.getvalue()


def _ref(data: bytes) -> FileRef:
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=kind)


def _box(box: tuple[int, int, int, int]) -> dict[str, int]:
    return dict(zip(("x", "y", "width", "height"), box, strict=True))


def as_artwork(files: dict[str, bytes]) -> tuple[Artwork, dict[str, bytes]]:
    """The artwork and its assets."""
    layers = [
        {"kind": "image", "file": _ref(files["photo"]), **_box(PHOTO_BOX)},
        {"kind": "image", "file": _ref(files["badge"]), **_box(BADGE_BOX)},
        {"kind": "text", "text": NAME, "font": "Pacifico", "size": NAME_SIZE, "colour": "#ffffff",
         "outline": {"width": STROKE, "colour": "#20304a"}, **_box(NAME_BOX)},
        {"kind": "text", "text": ARABIC, "font": "Noto Sans Arabic", "size": ARABIC_SIZE, "colour": "#20304a",
         **_box(ARABIC_BOX)},
        {"kind": "text", "text": RING, "font": "Noto Sans", "size": RING_SIZE, "colour": "#b01030", "curve": {"kind": "circle"},
         **_box(RING_BOX)},
    ]  # fmt: skip
    document = {"artwork_id": "bench", "version": 1, "title": "Bench", "width_px": WIDTH, "height_px": HEIGHT}
    artwork = Artwork.model_validate({**document, "sides": {"front": {"layers": layers}}})
    return artwork, {_ref(data).sha256: data for data in files.values()}


def by_pillow(files: dict[str, bytes]) -> Callable[[], bytes]:
    """What is written in an afternoon: paste, text with a stroke, one turned letter after the other, save."""

    def font(family: str, size: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(fontpkg.path(family)), size, layout_engine=ImageFont.Layout.RAQM)

    def middle(box: tuple[int, int, int, int]) -> tuple[float, float]:
        return box[0] + box[2] / 2, box[1] + box[3] / 2

    def draw() -> bytes:
        canvas = Image.new("RGBA", (WIDTH, HEIGHT))
        for name, box in (("photo", PHOTO_BOX), ("badge", BADGE_BOX)):
            picture = Image.open(io.BytesIO(files[name])).convert("RGBA").resize(box[2:], Image.Resampling.LANCZOS)
            canvas.alpha_composite(picture, box[:2])
        pen = ImageDraw.Draw(canvas)
        pen.text(middle(NAME_BOX), NAME, "#ffffff", font("Pacifico", NAME_SIZE), "mm", stroke_width=STROKE, stroke_fill="#20304a")
        pen.text(middle(ARABIC_BOX), ARABIC, "#20304a", font("Noto Sans Arabic", ARABIC_SIZE), "mm", direction="rtl")
        _ring(canvas, font("Noto Sans", RING_SIZE), middle(RING_BOX))
        return _saved(canvas)

    return draw


def _ring(canvas: Image.Image, font: ImageFont.FreeTypeFont, middle: tuple[float, float]) -> None:
    radius = min(RING_BOX[2:]) / 2 - RING_SIZE
    turn = -font.getlength(RING) / radius / 2
    for letter in RING:
        advance = font.getlength(letter) / radius
        turn += advance / 2
        tile = Image.new("RGBA", (3 * RING_SIZE, 3 * RING_SIZE))
        ImageDraw.Draw(tile).text((1.5 * RING_SIZE, 1.5 * RING_SIZE), letter, "#b01030", font, "ms")
        turned = tile.rotate(-degrees(turn), Image.Resampling.BICUBIC)
        x, y = middle[0] + radius * sin(turn), middle[1] - radius * cos(turn)
        canvas.alpha_composite(turned, (round(x - 1.5 * RING_SIZE), round(y - 1.5 * RING_SIZE)))
        turn += advance / 2
    assert abs(turn) < 2 * pi


def _saved(canvas: Image.Image) -> bytes:
    target = io.BytesIO()
    canvas.save(target, "PNG", dpi=(300, 300))
    return target.getvalue()
