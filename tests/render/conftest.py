"""What the render tests draw: small canvases, so that they are fast, and images made on the spot."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef, OutputProfile

from .room import Room


@dataclass
class Studio:
    """Makes artworks of 300 x 400 pixels and the assets they need."""

    assets: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def artwork(self, *layers: dict[str, Any], **options: dict[str, Any]) -> Artwork:
        asked = {layer["option"]: {"label": layer["option"]} for layer in layers if "option" in layer}
        return Artwork.model_validate(
            {
                "artwork_id": "mug",
                "version": 1,
                "title": "Mug",
                "width_px": 300,
                "height_px": 400,
                "options": asked | options,
                "sides": {"front": {"layers": list(layers)}},
            }
        )

    def profile(self, width: int = 300, height: int = 400, **changes: Any) -> OutputProfile:
        return OutputProfile(profile_id="mug", version=1, width_px=width, height_px=height, **changes)

    def image(self, data: bytes, media_type: str = "image/png", **box: int) -> dict[str, Any]:
        """An image layer of these bytes, which are kept among the assets."""
        file = FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)
        self.assets[file.sha256] = data
        return {"kind": "image", "file": file.model_dump(), "width": 300, "height": 400} | box

    def text(self, **changes: Any) -> dict[str, Any]:
        layer = {"kind": "text", "option": "name", "x": 20, "y": 150, "width": 260, "height": 100}
        return layer | {"font": "Noto Sans", "size_px": 60, "min_size_px": 12, "colour": "#102030"} | changes


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Encoded noise: picture(width, height, mode="RGB", form="PNG"); opaque unless the mode has alpha."""

    def make(width: int = 30, height: int = 40, mode: str = "RGB", form: str = "PNG", **saving: Any) -> bytes:
        noise = np.random.default_rng(7).integers(0, 256, (height, width, 4), np.uint8)
        target = io.BytesIO()
        if mode == "I;16":
            image = Image.fromarray(noise[..., 0].astype(np.uint16) << 8)
        else:
            image = Image.fromarray(noise if mode == "RGBA" else noise[..., :3]).convert(mode)
        image.save(target, form, **saving)
        return target.getvalue()

    return make


@pytest.fixture
async def room(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Room]:
    room = Room.at(await database("platen_render"))
    yield room
    await room.engine.dispose()
