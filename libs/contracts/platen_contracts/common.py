"""Small things that several messages carry."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer, StringConstraints

from platen_contracts.message import Part, Personal, Sha256


def _plainly(amount: Decimal) -> str:
    return format(amount, "f")


Amount = Annotated[Decimal, PlainSerializer(_plainly, return_type=str, when_used="json")]
"""A decimal string on the wire: no binary fractions of money."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
"""A short name chosen by the operator: a shop, a vendor account, an artwork, a side."""

Text = Annotated[str, StringConstraints(max_length=2000)]


class Money(Part):
    amount: Amount
    currency: Currency


class FileRef(Part):
    """A file in the object store. It is there before any message names it."""

    sha256: Sha256
    size: int = Field(ge=0)
    media_type: str

    @property
    def key(self) -> str:
        return object_key(self.sha256)


def object_key(sha256: str) -> str:
    """Where a file lies in the object store: by its content, so that nothing ever changes under a key."""
    return f"files/{sha256[:2]}/{sha256}"


class ArtworkRef(Part):
    """One immutable version of an artwork."""

    artwork_id: Name
    version: int = Field(ge=1)


class Mockup(Part):
    """A photo of the product, and where in its pixels the print area lies."""

    photo: FileRef
    x: int = Field(default=0, ge=0)
    y: int = Field(default=0, ge=0)
    width: int = Field(ge=1, le=20_000)
    height: int = Field(ge=1, le=20_000)


class OutputProfile(Part):
    """What the vendor's product wants of a print file: pixels, dots per inch, media type."""

    profile_id: Name
    version: int = Field(ge=1)
    width_px: int = Field(ge=1, le=20_000)
    height_px: int = Field(ge=1, le=20_000)
    dpi: int = Field(default=300, ge=1)
    media_type: str = "image/png"
    """`image/png` (with alpha), `image/jpeg` (on white), `image/tiff` or `application/pdf` (text as vectors)."""
    icc: FileRef | None = None
    """The colour profile of the vendor's press: a TIFF becomes CMYK through it. Absent: sRGB."""
    mockups: dict[Name, Mockup] = Field(default_factory=dict[str, Mockup])
    """By side: the product that the print is shown on."""


class Address(Part):
    """Where a parcel goes, and whom the vendor may ask. Both name forms, since vendors take one or the other."""

    full_name: Annotated[Text, Personal()]
    company: Annotated[Text | None, Personal()] = None
    line1: Annotated[Text, Personal()]
    line2: Annotated[Text | None, Personal()] = None
    city: Annotated[Text, Personal()]
    region_code: Annotated[Text | None, Personal()] = None
    postcode: Annotated[Text | None, Personal()] = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Personal()]
    phone: Annotated[Text | None, Personal()] = None
    email: Annotated[Text | None, Personal()] = None
    tax_id: Annotated[Text | None, Personal()] = None


Answer = str | list[str] | FileRef
"""A text or a choice, several texts (names in a list), or an uploaded photo."""

Answers = dict[str, Answer]
"""The buyer's answers by option name."""


class VendorProduct(Part):
    """The vendor's word for what is printed on: `variant_id` in its catalogue; `placements` maps our side to its print area."""

    variant_id: str
    placements: dict[str, str] = Field(default_factory=dict[str, str])


class Actor(Part):
    """Who did it: an operator, a shop, a service, a replay. `name` is an account name, never a person's full name."""

    kind: str
    name: str = ""
