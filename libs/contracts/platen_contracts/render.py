"""Owned by `render`: one request and one answer per item, side and input hash."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from platen_contracts.common import Answers, ArtworkRef, FileRef, Name, OutputProfile
from platen_contracts.message import Id, Message, Personal, Sha256


class RenderRequested(Message, owner="render"):
    """Draw one side of one item. Self-contained: the artwork version is immutable."""

    request_id: Id
    order_id: Id
    shop_id: Name
    item_id: Id
    side: Name
    input_hash: Sha256
    artwork: ArtworkRef
    profile: OutputProfile
    answers: Annotated[Answers, Personal()] = Field(default_factory=dict)


class RenderAnswer(Message):
    """What every answer says: which request it ends."""

    request_id: Id
    order_id: Id
    item_id: Id
    side: Name
    input_hash: Sha256


class RenderFinished(RenderAnswer, owner="render"):
    file: FileRef
    link: Annotated[str, Personal()]
    """Stable, unguessable, revocable: whoever has it sees the print file."""
    renderer: str
    warnings: list[str] = Field(default_factory=list[str])
    """`code field`, such as `photo_low_resolution photo`: drawn, but a person should look at it."""
    views: dict[str, FileRef] = Field(default_factory=dict[str, FileRef])
    """WebP pictures for people, shown at the link with `/` and their name: `preview`, and `mockup` if the profile has it."""


class RenderFailed(RenderAnswer, owner="render"):
    code: str
    field: str | None = None
    """The option or layer that is wrong, where one is."""
    remedy: str


class RenderSkipped(RenderAnswer, owner="render"):
    """A newer request for the same item and side overtook this one."""

    newer_request_id: Id


class FileCollected(Message, owner="render"):
    """The file is gone from the store; one per item and side that used it."""

    order_id: Id
    item_id: Id
    side: Name
    sha256: Sha256
