"""Small pictures for people: how it looks, and how it looks on the product."""

from __future__ import annotations

from collections.abc import Mapping

import pyvips
from platen_contracts.common import Mockup

from platen_render.worker.images import stretched
from platen_render.worker.problems import RenderProblem

PREVIEW_SIDE = 800
MOCKUP_SIDE = 1000
"""Pixels of the longer side at most."""

MAX_VIEW_BYTES = 150 * 1024

_STEPS = ((1.0, 82), (1.0, 65), (0.8, 60), (0.6, 55), (0.4, 50), (0.2, 40))
"""(size, quality), tried until the picture is small enough."""


def webp(image: pyvips.Image) -> bytes:
    """At most MAX_VIEW_BYTES: quality goes first, then size."""
    data = b""
    for size, quality in _STEPS:
        smaller = image if size == 1.0 else image.resize(size)
        data = smaller.webpsave_buffer(Q=quality, effort=2, keep=pyvips.ForeignKeep.NONE)
        if len(data) <= MAX_VIEW_BYTES:
            break
    return data


def preview(image: pyvips.Image) -> bytes:
    return webp(image.thumbnail_image(PREVIEW_SIDE, height=PREVIEW_SIDE, size="down"))


def mockup(image: pyvips.Image, place: Mockup, assets: Mapping[str, bytes]) -> bytes:
    """The print on the photo of the product. Raises RenderProblem where that photo is no use."""
    photo = assets.get(place.photo.sha256)
    width, height = _dimensions(photo)
    scale = min(1.0, MOCKUP_SIDE / max(width, height))
    under = stretched(photo, place.photo, max(1, round(width * scale)), max(1, round(height * scale)), "profile.mockups")
    base = pyvips.Image.new_from_memory(under.data, under.shape[1], under.shape[0], 4, "uchar").copy(interpretation="srgb")
    wide, high = max(1, round(place.width * scale)), max(1, round(place.height * scale))
    shown = image.thumbnail_image(wide, height=high, size="force")
    return webp(base.composite2(shown, "over", x=round(place.x * scale), y=round(place.y * scale)).cast("uchar"))


def _dimensions(photo: bytes | None) -> tuple[int, int]:
    """As it is shown; a photo that cannot be told is left to `stretched`, which says why."""
    if photo is None:
        return 1, 1
    try:
        image = pyvips.Image.new_from_buffer(photo, "", access="sequential").autorot()
    except pyvips.Error:
        return 1, 1
    return image.width, image.height


def problem_named(problem: RenderProblem) -> str:
    """As a warning: a picture for people that cannot be made is no reason to print nothing."""
    return f"mockup_missing {problem.field or 'profile.mockups'}"
