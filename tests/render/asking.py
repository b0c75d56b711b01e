"""Requests, artworks and facts as the tests need them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef
from platen_contracts.envelope import Meta
from platen_contracts.message import Message
from platen_contracts.render import RenderRequested
from platen_messaging.desk import Desk
from platen_messaging.outcome import Outcome
from platen_messaging.records import Incoming
from platen_render.model import DrawingFailed, FileMade, State

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PNG = FileRef(sha256="ab" * 32, size=3, media_type="image/png")


def new_id() -> str:
    return secrets.token_hex(16)


def request(**changes: Any) -> RenderRequested:
    """A request of an item of its own for artwork mug/1, side front, 300 x 400 pixels."""
    values: dict[str, Any] = {
        "request_id": new_id(),
        "order_id": new_id(),
        "shop_id": "shop-a",
        "item_id": new_id(),
        "side": "front",
        "input_hash": secrets.token_hex(32),
        "artwork": {"artwork_id": "mug", "version": 1},
        "profile": {"profile_id": "mug", "version": 1, "width_px": 300, "height_px": 400},
        "answers": {"name": "Anna"},
    }
    return RenderRequested.model_validate(values | changes)


def again(first: RenderRequested, **changes: Any) -> RenderRequested:
    """Another request for the same side of the same item."""
    return first.model_copy(update={"request_id": new_id(), **changes})


def mug(version: int = 1) -> Artwork:
    layer = {"kind": "text", "option": "name", "x": 20, "y": 150, "width": 260, "height": 100, "font": "Noto Sans", "size_px": 60}
    return Artwork.model_validate(
        {
            "artwork_id": "mug",
            "version": version,
            "title": "Mug",
            "width_px": 300,
            "height_px": 400,
            "options": {"name": {"label": "Name", "max_length": 20}},
            "sides": {"front": {"layers": [layer]}},
        }
    )


def made(asked: RenderRequested, file: FileRef = PNG, token: str = "t" * 43, renderer: str = "press 1") -> FileMade:
    about = asked.model_dump(include={"request_id", "order_id", "item_id", "side"})
    return FileMade.model_validate({**about, "file": file, "renderer": renderer, "token": token})


def not_made(asked: RenderRequested) -> DrawingFailed:
    about = asked.model_dump(include={"request_id", "order_id", "item_id", "side"})
    return DrawingFailed.model_validate({**about, "code": "text_does_not_fit", "field": "name", "remedy": "shorten it"})


def meta(message: Message) -> Meta:
    return Meta(new_id(), message.TYPE, "test", "", datetime.now(UTC), correlation_id="c" * 32)


async def take_in(desk: Desk[State], *messages: Message) -> Sequence[Outcome[State]]:
    """Each as a message of its own, in one batch."""
    return await desk.apply([Incoming(meta(message), message, "", "render.requests") for message in messages])
