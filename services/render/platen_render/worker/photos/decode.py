"""Photos into pixels: sRGB, 8 bits, RGBA, upright."""

# pyright: reportUnknownMemberType=false
# pi_heif has no type stubs.

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pi_heif  # pyright: ignore[reportMissingTypeStubs]
import pyvips
from platen_contracts.common import FileRef

from platen_render.worker.photos.containers import check_container
from platen_render.worker.photos.kinds import MAX_BYTES, media_type_of
from platen_render.worker.problems import RenderProblem

MAX_PIXELS = 110_000_000
"""As many as the largest camera of a phone takes."""

MAX_SIDE = 30_000

_UPRIGHT = 1
_JPEG = b"\xff\xd8"
_HARMLESS = "extraneous bytes"
"""What libjpeg says of bytes that some cameras leave between segments; its other warnings mean that pixels are missing."""

_AGAIN = "export the photo again and upload it again"

pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)


@dataclass(frozen=True, slots=True)
class Inspected:
    """A photo that was decoded to its last pixel: what it is, and its pixels as it stands upright."""

    media_type: str
    width: int
    height: int


def inspect(data: bytes, declared: str, field: str | None = None) -> Inspected:
    """Checks a photo wholly. `declared` is what the sender calls it, "" where he does not say.

    Raises `photo_unsupported`, `photo_mislabelled`, `photo_too_large`, `photo_corrupt`, `photo_polyglot`; each names `field`.
    """
    image = opened(data, declared, field)
    try:
        image.avg()
        if data.startswith(_JPEG):
            pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="warning", shrink=8).avg()
    except pyvips.Error as error:
        if _HARMLESS not in str(error.detail):
            raise _corrupt(error, field) from None
    return Inspected(media_type_of(data, declared, field), image.width, image.height)


def opened(data: bytes, declared: str, field: str | None = None) -> pyvips.Image:
    """The photo, to be read in sequence; what is wrong with its pixels shows while they are read. Raises as `inspect`."""
    media_type = media_type_of(data, declared, field)
    check_container(data, media_type, field)
    try:
        image = _heic(data, field) if media_type == "image/heic" else _by_vips(data, field)
        return _rgba(_srgb(image))
    except pyvips.Error as error:
        raise _corrupt(error, field) from None


def small(data: bytes, declared: str, side: int, field: str | None = None) -> pyvips.Image:
    """The photo no larger than `side` pixels each way, in memory. Raises as `inspect`."""
    try:
        image = opened(data, declared, field)
        return image.thumbnail_image(side, height=side, size="down").copy_memory()
    except pyvips.Error as error:
        raise _corrupt(error, field) from None


def photos_from(files: Mapping[str, FileRef], bytes_of: Callable[[str], bytes | None]) -> Callable[[str], pyvips.Image]:
    """What painting asks for photos. `files` by sha256 as the answers name them; raises `photo_missing` besides."""

    def photo(sha256: str) -> pyvips.Image:
        data = bytes_of(sha256)
        if data is None or sha256 not in files:
            message = f"the photo {sha256[:12]}… is not in the object store"
            raise RenderProblem("photo_missing", None, message, "upload the photo again")
        if len(data) <= MAX_BYTES and hashlib.sha256(data).hexdigest() != sha256:
            raise RenderProblem("photo_corrupt", None, f"the photo {sha256[:12]}… does not match its name", _AGAIN)
        return opened(data, files[sha256].media_type)

    return photo


def _by_vips(data: bytes, field: str | None) -> pyvips.Image:
    """One that has to be turned is read at random: libvips keeps it in memory, or a large one in a file."""
    header = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="truncated")
    _check_size(header.width, header.height, field)
    if _orientation(header) == _UPRIGHT:
        return header
    return pyvips.Image.new_from_buffer(data, "", access="random", fail_on="truncated").autorot()


def _heic(data: bytes, field: str | None) -> pyvips.Image:
    """libheif turns the picture as its container says, and Exif says it once more: that is left aside."""
    try:
        picture: Any = pi_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=True)
        width, height = int(picture.size[0]), int(picture.size[1])
        _check_size(width, height, field)
        bands = len(picture.mode)
        rows = bytes(picture.data)
        stride = int(picture.stride)
    except RenderProblem:
        raise
    except Exception as failure:  # noqa: BLE001  the decoder's own kinds are not told apart: none of them has a picture
        message = f"the photo cannot be decoded ({type(failure).__name__})"
        raise RenderProblem("photo_corrupt", field, message, _AGAIN) from None
    padded = pyvips.Image.new_from_memory(rows, stride, height, 1, "uchar")
    flat = padded.crop(0, 0, width * bands, height).write_to_memory() if stride != width * bands else rows
    image = pyvips.Image.new_from_memory(flat, width, height, bands, "uchar").copy(interpretation="srgb" if bands > 2 else "b-w")
    profile = picture.info.get("icc_profile")
    if profile:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def _check_size(width: int, height: int, field: str | None) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        message = f"the photo has {width} x {height} pixels; {MAX_PIXELS:,} are allowed, {MAX_SIDE:,} on a side"
        raise RenderProblem("photo_too_large", field, message, "use a smaller photo")


def _orientation(image: pyvips.Image) -> int:
    found: Any = image.get("orientation") if image.get_typeof("orientation") else _UPRIGHT
    return int(found)


def _srgb(image: pyvips.Image) -> pyvips.Image:
    """By its own colour profile; one that does not fit the picture is left aside."""
    if image.interpretation == "cmyk" or image.get_typeof("icc-profile-data"):
        try:
            return image.icc_transform("srgb", embedded=True, pcs="lab", intent="relative", input_profile=_assumed(image))
        except pyvips.Error:
            image = image.copy()
            image.remove("icc-profile-data")
    return image.colourspace("srgb")


def _assumed(image: pyvips.Image) -> str:
    return "cmyk" if image.interpretation == "cmyk" else "srgb"


def _rgba(image: pyvips.Image) -> pyvips.Image:
    eight = image if image.format == "uchar" else image.cast("uchar")
    return eight if eight.hasalpha() else eight.addalpha()


def _corrupt(error: Exception, field: str | None) -> RenderProblem:
    why = (str(getattr(error, "detail", "")).strip().splitlines() or ["its pixels are damaged"])[-1]
    return RenderProblem("photo_corrupt", field, f"the photo cannot be decoded: {why}", _AGAIN)
