"""The first version of an artwork. Records of it are in topics already: readers take it for today's by `of_today`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from platen_contracts import artwork as today
from platen_contracts.common import FileRef, Name, Text
from platen_contracts.message import Message, Part

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]


class Option(Part):
    """One question to the buyer."""

    kind: Literal["text", "choice", "photo"] = "text"
    label: Text
    required: bool = True
    max_length: int = Field(default=200, ge=1, le=2000)
    """Of a text, in characters."""
    choices: list[str] = Field(default_factory=list[str])

    @model_validator(mode="after")
    def _has_choices(self) -> Option:
        if self.kind == "choice" and not self.choices:
            raise ValueError("choices: an option of kind choice needs at least one")
        return self


class ImageLayer(Part):
    """A picture, stretched to its box. Pixels of the artwork's canvas."""

    kind: Literal["image"] = "image"
    file: FileRef
    x: int = 0
    y: int = 0
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class TextLayer(Part):
    """The answer to `option`, or the fixed `text`, fitted into a box: shrunk from `size_px` to no less than `min_size_px`."""

    kind: Literal["text"] = "text"
    option: str | None = None
    text: Text | None = None
    x: int = 0
    y: int = 0
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    font: str
    size_px: int = Field(ge=1)
    min_size_px: int = Field(default=1, ge=1)
    colour: Colour = "#000000"
    align: Literal["left", "center", "right"] = "center"

    @model_validator(mode="after")
    def _has_one_source(self) -> TextLayer:
        if (self.option is None) == (self.text is None):
            raise ValueError("option, text: give exactly one of the two")
        return self


Layer = Annotated[ImageLayer | TextLayer, Field(discriminator="kind")]


class Side(Part):
    """One print area of the product, drawn bottom layer first."""

    layers: list[Layer] = Field(min_length=1, max_length=200)


class Artwork(Message, owner="catalog"):
    """One immutable version of a template. Key `artwork_id/version`; a new version is a new key."""

    artwork_id: Name
    version: int = Field(ge=1)
    title: Text
    width_px: int = Field(ge=1, le=20_000)
    height_px: int = Field(ge=1, le=20_000)
    dpi: int = Field(default=300, ge=1)
    options: dict[str, Option] = Field(default_factory=dict[str, Option])
    sides: dict[Name, Side] = Field(min_length=1)

    @model_validator(mode="after")
    def _asks_what_it_draws(self) -> Artwork:
        for name, side in self.sides.items():
            for place, layer in enumerate(side.layers):
                if isinstance(layer, TextLayer) and layer.option is not None and layer.option not in self.options:
                    raise ValueError(f"sides.{name}.layers.{place}.option: {layer.option!r} is not among options")
        return self


def of_today(artwork: Artwork | today.Artwork) -> today.Artwork:
    """The same artwork in today's version: each field of the first means the same there."""
    return artwork if isinstance(artwork, today.Artwork) else today.Artwork.model_validate(artwork.model_dump())
