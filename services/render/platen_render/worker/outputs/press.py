"""One side of an artwork becomes what is handed over. Pure: the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyvips
import skia
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef, OutputProfile

from platen_render.worker.images import Pixels
from platen_render.worker.outputs.encode import encoded, image_of
from platen_render.worker.outputs.pdf import pdf
from platen_render.worker.outputs.views import PREVIEW_SIDE, mockup, preview, problem_named
from platen_render.worker.paint import Photos, Warned, no_photos, paint, raster
from platen_render.worker.problems import RenderProblem

MEDIA_TYPES = ("image/png", "image/jpeg", "image/tiff", "application/pdf")
MAX_OUTPUT_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class Printed:
    """The print file, pictures of it by name, and what a person should look at (`code field`)."""

    data: bytes
    views: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    warnings: Sequence[str] = ()


def files_of(profile: OutputProfile, side: str) -> list[FileRef]:
    """What the profile itself needs: the colours of its press, the photo of its product."""
    mockup = profile.mockups.get(side)
    return [file for file in (profile.icc, mockup.photo if mockup else None) if file is not None]


def press(
    artwork: Artwork,
    side: str,
    answers: Mapping[str, Answer],
    profile: OutputProfile,
    assets: Mapping[str, bytes],
    photos: Photos = no_photos,
    *,
    views: bool = True,
) -> Printed:
    """The print file of one side in the profile's pixels, dots per inch and media type.

    `assets` holds the bytes of `assets_of(artwork, side)` and `files_of(profile, side)` by sha256; `views`: with pictures of it.
    Raises RenderProblem for all that is wrong with the inputs.
    """
    check(artwork, profile)
    try:
        data, pixels, warned = _drawn(artwork, side, answers, profile, assets, photos)
        pictures, missed = _views(pixels, side, profile, assets) if views else ({}, [])
    except pyvips.Error as error:
        why = str(error.detail).strip().splitlines()[-1:]
        message = " ".join(["a picture cannot be decoded to its end:", *why])
        raise RenderProblem("photo_corrupt", None, message, "export the photo again and upload it again") from None
    return Printed(data, pictures, [*dict.fromkeys(f"{each.code} {each.field}" for each in warned), *missed])


def _drawn(
    artwork: Artwork,
    side: str,
    answers: Mapping[str, Answer],
    profile: OutputProfile,
    assets: Mapping[str, bytes],
    photos: Photos,
) -> tuple[bytes, Pixels, list[Warned]]:
    """The file, pixels to make pictures of, warnings."""
    if profile.media_type != "application/pdf":
        pixels, warned = raster(artwork, side, answers, assets, photos, profile.width_px, profile.height_px)
        icc = assets.get(profile.icc.sha256) if profile.icc else None
        return encoded(pixels, profile.media_type, profile.dpi, icc, profile.icc is not None), pixels, warned
    warned: list[Warned] = []

    def on_page(canvas: skia.Canvas) -> None:
        warned.extend(paint(canvas, artwork, side, answers, assets, photos, profile.width_px / artwork.width_px))

    data = pdf(profile, on_page)
    scale = min(1.0, PREVIEW_SIDE / max(profile.width_px, profile.height_px))
    width, height = max(1, round(profile.width_px * scale)), max(1, round(profile.height_px * scale))
    pixels, _ = raster(artwork, side, answers, assets, photos, width, height)
    return data, pixels, warned


def _views(pixels: Pixels, side: str, profile: OutputProfile, assets: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    image = image_of(pixels, profile.dpi)
    found = {"preview": preview(image)}
    if side in profile.mockups:
        try:
            found["mockup"] = mockup(image, profile.mockups[side], assets)
        except RenderProblem as problem:
            return found, [problem_named(problem)]
    return found, []


def check(artwork: Artwork, profile: OutputProfile) -> None:
    """Both must have the same proportions, to the pixel. Raises `output_unsupported`, `size_wrong`."""
    if profile.media_type not in MEDIA_TYPES:
        raise RenderProblem(
            "output_unsupported",
            "profile.media_type",
            f"the output profile asks for {profile.media_type!r}",
            f"use one of: {', '.join(MEDIA_TYPES)}",
        )
    if profile.width_px * profile.height_px > MAX_OUTPUT_PIXELS:
        raise RenderProblem(
            "size_wrong",
            None,
            f"the output profile asks for {profile.width_px} x {profile.height_px} pixels",
            f"use a profile of at most {MAX_OUTPUT_PIXELS:,} pixels",
        )
    scale = profile.width_px / artwork.width_px
    if abs(artwork.height_px * scale - profile.height_px) > 1:
        raise RenderProblem(
            "size_wrong",
            None,
            f"an artwork of {artwork.width_px} x {artwork.height_px} does not scale to {profile.width_px} x {profile.height_px}",
            "use an artwork with the proportions of the vendor's print area",
        )
