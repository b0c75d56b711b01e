"""Images of others: checked before a single pixel is decoded, then stretched."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from platen_contracts.common import FileRef

from platen_render.worker.problems import RenderProblem

MAX_BYTES = 100 * 1024 * 1024
MAX_PIXELS = 100_000_000

_MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}

Pixels = npt.NDArray[np.uint8]
"""Shape (height, width, 4): RGBA, alpha not multiplied in."""

pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)


def stretched(data: bytes | None, file: FileRef, width: int, height: int, field: str) -> Pixels:
    """The image upright, in sRGB, stretched to `width` x `height` pixels.

    Raises `asset_missing`, `asset_too_large`, `asset_unsupported` or `asset_corrupt`; each names `field`.
    """
    checked = _checked(data, file, field)
    try:
        original = _open(checked, field)
        colours: dict[str, Any] = {"output_profile": "srgb"} if _needs_colour_management(original) else {}
        image = original.thumbnail_image(width, height=height, size="force", **colours)
        return np.frombuffer(_srgb(image).write_to_memory(), np.uint8).reshape(height, width, 4)
    except pyvips.Error as error:
        raise _corrupt(file, str(error.detail).strip().splitlines()[-1:], field) from None


def _checked(data: bytes | None, file: FileRef, field: str) -> bytes:
    if data is None:
        raise RenderProblem(
            "asset_missing", field, f"the image {file.sha256[:12]}… is not in the object store", "push the catalog again"
        )
    if len(data) > MAX_BYTES:
        raise _too_large(f"{len(data):,} bytes; {MAX_BYTES:,} are allowed", field)
    if file.media_type not in _MAGIC or not data.startswith(_MAGIC[file.media_type]):
        raise RenderProblem(
            "asset_unsupported",
            field,
            f"the file starts with {data[:4]!r} and calls itself {file.media_type!r}",
            "use a PNG, JPEG or WebP image under its own media type",
        )
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise _corrupt(file, ["its bytes do not match its name"], field)
    return data


def _open(data: bytes, field: str) -> pyvips.Image:
    """Only the header is read yet. (`thumbnail_buffer` would open faster, but lets truncated files pass.)"""
    image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="truncated")
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"{image.width} x {image.height} pixels; {MAX_PIXELS:,} are allowed", field)
    return image


def _needs_colour_management(image: pyvips.Image) -> bool:
    """A transform from sRGB to sRGB changes nothing and costs more than all the rest."""
    return image.interpretation == "cmyk" or image.get_typeof("icc-profile-data") != 0


def _srgb(image: pyvips.Image) -> pyvips.Image:
    coloured = image.colourspace("srgb").cast("uchar")
    return coloured if coloured.hasalpha() else coloured.addalpha()


def _too_large(found: str, field: str) -> RenderProblem:
    return RenderProblem("asset_too_large", field, f"the image has {found}", "use a smaller image")


def _corrupt(file: FileRef, details: list[str], field: str) -> RenderProblem:
    why = ": ".join([f"the image {file.sha256[:12]}… cannot be decoded", *details])
    return RenderProblem("asset_corrupt", field, why, "export the image again and replace it")
