"""Pixels into files. The same pixels give the same bytes."""

from __future__ import annotations

import struct

import pyvips

from platen_render.worker.images import Pixels
from platen_render.worker.outputs.colours import to_press
from platen_render.worker.png import png

_MM_PER_INCH = 25.4
_WHITE = [255.0, 255.0, 255.0]
_JPEG_QUALITY = 95


def encoded(pixels: Pixels, media_type: str, dpi: int, icc: bytes | None, has_icc: bool) -> bytes:
    """One of image/png, image/jpeg, image/tiff. `icc`: the press's profile where the output profile names one (`has_icc`)."""
    if media_type == "image/png":
        return png(pixels, dpi)
    image = image_of(pixels, dpi)
    if media_type == "image/jpeg":
        data = image.flatten(background=_WHITE).jpegsave_buffer(
            Q=_JPEG_QUALITY, subsample_mode="off", optimize_coding=True, keep=pyvips.ForeignKeep.ICC, profile="srgb"
        )
        return _tagged_jfif(data, dpi)
    pressed = to_press(image.flatten(background=_WHITE), icc) if has_icc else image
    return pressed.tiffsave_buffer(
        compression="deflate",
        predictor="horizontal",
        resunit="inch",
        xres=dpi / _MM_PER_INCH,
        yres=dpi / _MM_PER_INCH,
        keep=pyvips.ForeignKeep.ICC,
    )


def image_of(pixels: Pixels, dpi: int) -> pyvips.Image:
    """A view of the pixels, which must outlive it."""
    height, width, bands = pixels.shape
    per_mm = dpi / _MM_PER_INCH
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, "uchar")
    return image.copy(interpretation="srgb", xres=per_mm, yres=per_mm)


def _tagged_jfif(data: bytes, dpi: int) -> bytes:
    """Says the dots per inch in a JFIF segment; libvips writes them into Exif alone, which says much else."""
    return data[:2] + b"\xff\xe0\x00\x10JFIF\x00\x01\x02\x01" + struct.pack(">HH", dpi, dpi) + b"\x00\x00" + data[2:]
