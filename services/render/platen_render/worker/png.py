"""The encoder of print files in PNG."""

from __future__ import annotations

import pyvips

from platen_render.worker.images import Pixels

_MM_PER_INCH = 25.4


def png(pixels: Pixels, dpi: int) -> bytes:
    """RGBA pixels (alpha not multiplied in) as PNG with its dots per inch. The same pixels give the same bytes."""
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, "uchar")
    per_mm = dpi / _MM_PER_INCH
    tagged = image.copy(interpretation="srgb", xres=per_mm, yres=per_mm)
    return tagged.pngsave_buffer(compression=3, filter=pyvips.ForeignPngFilter.PAETH, keep=pyvips.ForeignKeep.NONE)
