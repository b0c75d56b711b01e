"""One side of an artwork becomes a print file. Pure: the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, OutputProfile

from platen_render.worker.paint import Photos, no_photos, raster
from platen_render.worker.png import png
from platen_render.worker.problems import RenderProblem

MAX_OUTPUT_PIXELS = 100_000_000


def draw(
    artwork: Artwork,
    side: str,
    answers: Mapping[str, Answer],
    profile: OutputProfile,
    assets: Mapping[str, bytes],
    photos: Photos = no_photos,
) -> bytes:
    """The print file of one side: an RGBA PNG of the profile's pixels with its dots per inch, transparent where nothing is drawn.

    `assets` holds the bytes of `assets_of(artwork, side)` by sha256. Raises RenderProblem for all that is wrong with the inputs.
    """
    _check_size(artwork, profile)
    pixels, _ = raster(artwork, side, answers, assets, photos, profile.width_px, profile.height_px)
    return png(pixels, profile.dpi)


def _check_size(artwork: Artwork, profile: OutputProfile) -> None:
    """Both must have the same proportions, to the pixel."""
    if profile.media_type != "image/png":
        raise RenderProblem(
            "output_unsupported", None, f"the output profile asks for {profile.media_type!r}", "use an image/png profile"
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
