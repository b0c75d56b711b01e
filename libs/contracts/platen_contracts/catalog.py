"""What the operators publish for everyone: artworks, listings, shops, vendors. Written by `platen catalog push`, no secrets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from platen_contracts.artwork import Artwork, Option, Side
from platen_contracts.common import ArtworkRef, Name, OutputProfile, Text, VendorProduct
from platen_contracts.layers import ImageLayer, TextLayer
from platen_contracts.message import Message, Moment, OpenTo, Part

__all__ = [
    "Artwork", "ImageLayer", "Listing", "Option", "Policies", "Shop", "ShopPlatform", "Side", "TextLayer", "Vendor", "VendorKind",
]  # fmt: skip


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


class LateAfter(Part):
    """Seconds after which an order that has not moved on asks for attention. 0: never."""

    rendering_s: int = Field(default=1800, ge=0)
    """A print file was asked for, and did not come."""
    sending_s: int = Field(default=3600, ge=0)
    """Queued or sending, from the click on."""
    in_doubt_s: int = Field(default=900, ge=0)
    new_s: int = Field(default=0, ge=0)
    """In the status New; and so on."""
    ready_s: int = Field(default=0, ge=0)
    sent_s: int = Field(default=0, ge=0)
    failed_s: int = Field(default=0, ge=0)


class Policies(Part):
    """What happens by itself in a shop."""

    auto_render: bool = True
    auto_send_after_s: int | None = Field(default=None, ge=0)
    """Grace time before an order is sent by itself; absent: an operator sends."""
    import_missing_artwork: bool = False
    late_after: LateAfter = Field(default_factory=LateAfter)


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
