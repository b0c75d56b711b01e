"""One side of an artwork becomes a print file, without pictures for people beside it."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, OutputProfile

from platen_render.worker.outputs import press
from platen_render.worker.paint import Photos, no_photos


def draw(
    artwork: Artwork,
    side: str,
    answers: Mapping[str, Answer],
    profile: OutputProfile,
    assets: Mapping[str, bytes],
    photos: Photos = no_photos,
) -> bytes:
    """The bytes of `press`."""
    return press(artwork, side, answers, profile, assets, photos, views=False).data
