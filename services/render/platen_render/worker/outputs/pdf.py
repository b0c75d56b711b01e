"""A page whose texts are vectors."""

from __future__ import annotations

from collections.abc import Callable

import skia
from platen_contracts.common import OutputProfile

POINTS_PER_INCH = 72


def pdf(profile: OutputProfile, paint: Callable[[skia.Canvas], None]) -> bytes:
    """One page of the profile's size; `paint` draws on it in the profile's pixels. The same drawing gives the same bytes."""
    stream = skia.DynamicMemoryWStream()
    per_pixel = POINTS_PER_INCH / profile.dpi
    about = skia.PDF.Metadata()
    about.fRasterDPI = profile.dpi
    document = skia.PDF.MakeDocument(stream, about)
    canvas = document.beginPage(profile.width_px * per_pixel, profile.height_px * per_pixel)
    canvas.scale(per_pixel, per_pixel)
    try:
        paint(canvas)
    except BaseException:
        document.abort()  # a page left open would be written when it is forgotten, into a stream that may be gone by then
        raise
    document.endPage()
    document.close()
    return bytes(stream.detachAsData())
