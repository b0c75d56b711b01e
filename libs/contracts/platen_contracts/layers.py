"""The layers of an artwork. Lengths are in the artwork's unit, angles in degrees clockwise, y points down."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, StringConstraints, model_validator

from platen_contracts.common import FileRef, Text
from platen_contracts.message import Part

Length = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Extent = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Angle = Annotated[float, Field(ge=-3600, le=3600, allow_inf_nan=False)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}([0-9a-f]{2})?$")]
"""`#rrggbb`, or `#rrggbbaa` with an opacity."""

Blend = Literal[
    "normal", "multiply", "screen", "overlay", "darken", "lighten", "color_dodge", "color_burn", "hard_light", "soft_light",
    "difference", "exclusion", "hue", "saturation", "color", "luminosity",
]  # fmt: skip


class Rule(Part):
    """What one answer must be: exactly one of the four tests. An option that is not answered equals ""."""

    option: str
    equals: str | None = None
    differs: str | None = None
    answered: bool | None = None
    count: int | None = Field(default=None, ge=0)
    """Of names in a list: how many there are."""

    @model_validator(mode="after")
    def _has_one_test(self) -> Rule:
        if sum(test is not None for test in (self.equals, self.differs, self.answered, self.count)) != 1:
            raise ValueError("equals, differs, answered, count: give exactly one of the four")
        return self


class Condition(Part):
    """Holds where every rule of `all`, at least one of `any` (if there are some), and no rule of `none` holds."""

    all: list[Rule] = Field(default_factory=list[Rule], max_length=50)
    any: list[Rule] = Field(default_factory=list[Rule], max_length=50)
    none: list[Rule] = Field(default_factory=list[Rule], max_length=50)

    @model_validator(mode="after")
    def _has_a_rule(self) -> Condition:
        if not (self.all or self.any or self.none):
            raise ValueError("all, any, none: give at least one rule")
        return self


class ColourChoice(Part):
    """A colour that the answer to a choice decides."""

    option: str
    colours: dict[str, Colour] = Field(min_length=1)
    default: Colour | None = None
    """For an answer that is not among `colours`."""


class Stop(Part):
    at: Share
    colour: Colour | ColourChoice


class Gradient(Part):
    """Across the layer's box: linear from left to right, turned by `angle`; or radial from its centre."""

    kind: Literal["linear", "radial"] = "linear"
    angle: Angle = 0
    stops: list[Stop] = Field(min_length=2, max_length=16)

    @model_validator(mode="after")
    def _rises(self) -> Gradient:
        places = [stop.at for stop in self.stops]
        if any(after <= before for before, after in pairwise(places)):
            raise ValueError("stops: give them in rising order of `at`")
        return self


Tint = Colour | ColourChoice
Fill = Colour | ColourChoice | Gradient


class Figure(Part):
    """A figure that fills a box."""

    kind: Literal["rectangle", "ellipse", "heart", "star", "polygon", "path"]
    radius: Annotated[float, Field(ge=0, le=100_000)] = 0
    """Of a rectangle's corners."""
    points: int = Field(default=5, ge=3, le=100)
    """Of a star or a polygon."""
    inner: Share = 0.4
    """Of a star: how far out its inner corners lie."""
    path: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    """Of a path: SVG path data in a box of 100 x 100."""

    @model_validator(mode="after")
    def _has_its_path(self) -> Figure:
        if (self.kind == "path") != (self.path is not None):
            raise ValueError("path: belongs to kind path, and only there")
        return self


class Mask(Part):
    """What of the layer is seen: inside a figure, or where a picture (stretched to the layer's box) is opaque or bright."""

    figure: Figure | None = None
    file: FileRef | None = None
    channel: Literal["alpha", "luminance"] = "alpha"
    invert: bool = False

    @model_validator(mode="after")
    def _has_one(self) -> Mask:
        if (self.figure is None) == (self.file is None):
            raise ValueError("figure, file: give exactly one of the two")
        return self


class Shadow(Part):
    x: Length = 0
    y: Length = 0
    blur: Annotated[float, Field(ge=0, le=1000)] = 0
    colour: Tint = "#00000080"


class Outline(Part):
    """Drawn around, behind what it surrounds."""

    width: Annotated[float, Field(gt=0, le=1000)]
    colour: Tint = "#000000"


class LayerBase(Part):
    """What every layer has. Its box is turned by `rotation` around its centre."""

    name: Text | None = None
    """For people; nothing is drawn from it."""
    x: Length = 0
    y: Length = 0
    width: Extent
    height: Extent
    rotation: Angle = 0
    opacity: Share = 1
    blend: Blend = "normal"
    mask: Mask | None = None
    shadow: Shadow | None = None
    outline: Outline | None = None
    show_if: Condition | None = None


class ImageLayer(LayerBase):
    """A picture, stretched to its box: `file`, or one of `files` by the answer to the choice `option`."""

    kind: Literal["image"] = "image"
    file: FileRef | None = None
    option: str | None = None
    files: dict[str, FileRef] = Field(default_factory=dict[str, FileRef])

    @model_validator(mode="after")
    def _has_a_picture(self) -> ImageLayer:
        if self.option is None and (self.file is None or self.files):
            raise ValueError("file, option, files: give a file, or an option and a file for each of its choices")
        if self.option is not None and not self.files:
            raise ValueError("files: give a file for each choice of the option")
        return self


class Curve(Part):
    """The line that a text runs along, inside the layer's box."""

    kind: Literal["arc", "circle", "wave"]
    angle: Annotated[float, Field(ge=-350, le=350, allow_inf_nan=False)] = 120
    """Of an arc: how far it turns; below zero it sags like a smile."""
    start: Angle = 0
    """Of a circle: where the middle of the text stands; 0 is at the top."""
    inside: bool = False
    """Of a circle: the letters stand on its inside (below it reads from left to right with `start: 180`)."""
    amplitude: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Of a wave: its height above the middle line, as a share of the box's height."""
    waves: Annotated[float, Field(gt=0, le=20)] = 1
    """Of a wave: how many there are over the box's width."""

    @model_validator(mode="after")
    def _bends(self) -> Curve:
        if self.kind == "arc" and abs(self.angle) < 1:
            raise ValueError("angle: an arc turns by at least 1 degree; leave the curve out for a straight line")
        return self


class TextLayer(LayerBase):
    """The answer to `option`, the fixed `text`, or the `template` with answers in the place of `{option}`.

    Fitted into its box: shrunk from `size` to no less than `min_size`, then wrapped; what still does not fit is an error.
    """

    kind: Literal["text"] = "text"
    option: str | None = None
    item: int | None = Field(default=None, ge=1, le=20)
    """Of names in a list: which one, from 1."""
    text: Text | None = None
    template: Text | None = None
    font: str
    fallback: list[str] | None = Field(default=None, max_length=20)
    """Fonts asked in this order for what `font` does not have; absent: all that the renderer has."""
    weight: int = Field(default=400, ge=1, le=1000)
    """Of a font with several weights; the nearest that it has is taken."""
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] | None = None
    """BCP 47: which forms of its letters a font shows, and how capitals are made."""
    size: Extent = Field(validation_alias=AliasChoices("size", "size_px"))
    min_size: Extent = Field(default=1, validation_alias=AliasChoices("min_size", "min_size_px"))
    wrap: bool = True
    colour: Fill = "#000000"
    align: Literal["left", "center", "right"] = "center"
    valign: Literal["top", "middle", "bottom"] = "middle"
    line_height: Annotated[float, Field(gt=0, le=10)] = 1
    """As a multiple of the font's own."""
    letter_spacing: Annotated[float, Field(ge=-1, le=10)] = 0
    """In shares of the size. Scripts whose letters join stay joined."""
    case: Literal["as_typed", "upper", "lower", "title"] = "as_typed"
    curve: Curve | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> TextLayer:
        if sum(source is not None for source in (self.option, self.text, self.template)) != 1:
            raise ValueError("option, text, template: give exactly one of the three")
        if self.item is not None and self.option is None:
            raise ValueError("item: belongs to an option of kind names")
        return self


class PhotoLayer(LayerBase):
    """The buyer's photo, the answer to `option`."""

    kind: Literal["photo"] = "photo"
    option: str
    placement: str | None = None
    """The option whose answer says how it is cropped, zoomed and turned."""
    fit: Literal["cover", "contain"] = "cover"
    """How it lies in the box without such an answer: filling it, or wholly inside."""
    min_dpi: int = Field(default=0, ge=0, le=2400)
    """Fewer of the photo's pixels on a printed inch are refused."""
    good_dpi: int = Field(default=150, ge=0, le=2400)
    """Fewer are drawn, with a warning."""


class ShapeLayer(LayerBase):
    """A figure in one colour or a gradient."""

    kind: Literal["shape"] = "shape"
    figure: Figure
    colour: Fill = "#000000"


class GroupLayer(LayerBase):
    """Layers that are turned, faded, masked and shown as one. Theirs are lengths inside the group, from its left upper corner."""

    kind: Literal["group"] = "group"
    layers: list[Layer] = Field(min_length=1, max_length=200)


class NamesLayer(LayerBase):
    """Names in a list: the layers of the layout for as many names as there are. Inside, lengths count as in a group."""

    kind: Literal["names"] = "names"
    option: str
    layouts: dict[Annotated[str, StringConstraints(pattern=r"^([1-9]|1[0-9]|20)$")], list[Layer]] = Field(min_length=1)


Layer = Annotated[
    ImageLayer | TextLayer | PhotoLayer | ShapeLayer | GroupLayer | NamesLayer,
    Field(discriminator="kind"),
]

GroupLayer.model_rebuild()
NamesLayer.model_rebuild()
