"""What the operators publish for everyone: artworks, listings, shops, vendors. Written by `platen catalog push`, no secrets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from platen_contracts.common import ArtworkRef, FileRef, Name, OutputProfile, Text, VendorProduct
from platen_contracts.message import Message, Moment, OpenTo, Part

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


class Listing(Message, owner="catalog"):
    """Which variant of a shop prints which artwork at which vendor. Key `shop_id/listing_id`.

    `listing_id` is the shop's own key of the variant: `product` or `product:variation`, as the shop's adapter names it.
    """

    shop_id: Name
    listing_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    title: Text
    vendor_id: Name
    product: VendorProduct
    profile: OutputProfile
    artwork: ArtworkRef | None = None
    questions: dict[str, str] = Field(default_factory=dict[str, str])
    """Name of the shop's field (a WooCommerce meta key) to the name of the artwork's option."""


class Policies(Part):
    """What happens by itself in a shop."""

    auto_render: bool = True
    auto_send_after_s: int | None = Field(default=None, ge=0)
    """Grace time before an order is sent by itself; absent: an operator sends."""
    import_missing_artwork: bool = False


class ShopPlatform(StrEnum):
    WOOCOMMERCE = "woocommerce"


class Shop(Message, owner="catalog"):
    """A shop account. Key `shop_id`. Its secrets are sync's own settings."""

    shop_id: Name
    title: Text
    platform: Annotated[str, OpenTo(ShopPlatform)] = ShopPlatform.WOOCOMMERCE
    url: str
    sync_from: Moment
    policies: Policies = Field(default_factory=Policies)
    poll_every_s: float = Field(default=60, gt=0)
    """How often sync asks the shop by itself."""


class VendorKind(StrEnum):
    PRINTFUL = "printful"
    CUSTOM = "custom"


class Vendor(Message, owner="catalog"):
    """A vendor account. Key `vendor_id`. `custom` has no API: the operator hands the print file over."""

    vendor_id: Name
    title: Text
    kind: Annotated[str, OpenTo(VendorKind)]
    url: str | None = None
    """Base of the vendor's API; absent: the vendor's public one."""
    patience_s: float = Field(default=86_400, gt=0)
    """How long attempts proven not to have arrived go on before the order is Failed to send."""
    absence_gap_s: float = Field(default=60, gt=0)
    """Two lookups that find nothing, this far apart, prove that an attempt of unknown outcome did not arrive."""
    poll_every_s: float = Field(default=300, gt=0)
    """How often tracking asks for each open order."""

    @model_validator(mode="after")
    def _custom_has_no_api(self) -> Vendor:
        if self.kind == VendorKind.CUSTOM and self.url is not None:
            raise ValueError("url: a custom vendor has no API; leave url out")
        return self
