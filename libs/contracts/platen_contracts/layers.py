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
    """Whose answer is asked for."""
    equals: str | None = None
    """The answer is this."""
    differs: str | None = None
    """The answer is anything but this."""
    answered: bool | None = None
    """There is an answer (true), or none (false)."""
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
    """Each of them has to hold."""
    any: list[Rule] = Field(default_factory=list[Rule], max_length=50)
    """One of them has to hold."""
    none: list[Rule] = Field(default_factory=list[Rule], max_length=50)
    """None of them may hold."""

    @model_validator(mode="after")
    def _has_a_rule(self) -> Condition:
        if not (self.all or self.any or self.none):
            raise ValueError("all, any, none: give at least one rule")
        return self


class ColourChoice(Part):
    """A colour that the answer to a choice decides."""

    option: str
    """A choice."""
    colours: dict[str, Colour] = Field(min_length=1)
    """A colour for each of its choices."""
    default: Colour | None = None
    """For an answer that is not among `colours`."""


class Stop(Part):
    """Where a gradient has which colour."""

    at: Share
    """0 is its start, 1 its end."""
    colour: Colour | ColourChoice
    """There; in between it changes evenly."""


class Gradient(Part):
    """Across the layer's box: linear from left to right, turned by `angle`; or radial from its centre."""

    kind: Literal["linear", "radial"] = "linear"
    """`linear` along a line, `radial` in rings."""
    angle: Angle = 0
    """Of a linear one: 90 runs from top to bottom."""
    stops: list[Stop] = Field(min_length=2, max_length=16)
    """Its colours, in rising order of `at`."""

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
    """Which one."""
    radius: Annotated[float, Field(ge=0, le=100_000)] = 0
    """Of a rectangle's corners."""
    points: int = Field(default=5, ge=3, le=100)
    """Of a star or a polygon."""
    inner: Share = 0.4
    """Of a star: how far out its inner corners lie."""
    path: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    """Of a path: SVG path data in a box of 100 x 100, which is stretched to the layer's."""

    @model_validator(mode="after")
    def _has_its_path(self) -> Figure:
        if (self.kind == "path") != (self.path is not None):
            raise ValueError("path: belongs to kind path, and only there")
        return self


class Mask(Part):
    """What of the layer is seen: inside a figure, or where a picture (stretched to the layer's box) is opaque or bright."""

    figure: Figure | None = None
    """What is inside it is seen."""
    file: FileRef | None = None
    """A picture, stretched to the layer's box: PNG, JPEG or WebP."""
    channel: Literal["alpha", "luminance"] = "alpha"
    """Of the picture: whether the layer is seen where it is opaque, or where it is bright."""
    invert: bool = False
    """Seen is what otherwise would not be."""

    @model_validator(mode="after")
    def _has_one(self) -> Mask:
        if (self.figure is None) == (self.file is None):
            raise ValueError("figure, file: give exactly one of the two")
        return self


class Shadow(Part):
    """Falls on what lies below, from whatever is opaque."""

    x: Length = 0
    """How far to the right."""
    y: Length = 0
    """How far down."""
    blur: Annotated[float, Field(ge=0, le=1000)] = 0
    """How soft its edge is."""
    colour: Tint = "#00000080"
    """Half transparent unless said otherwise."""


class Outline(Part):
    """Drawn around letters, figures, masks with a figure, or whatever is opaque, and behind what it surrounds."""

    width: Annotated[float, Field(gt=0, le=1000)]
    """How far it reaches outwards."""
    colour: Tint = "#000000"
    """One colour."""


class LayerBase(Part):
    """What every layer has. Its box is turned by `rotation` around its centre."""

    name: Text | None = None
    """For people; nothing is drawn from it."""
    x: Length = 0
    """Of its box's left edge, from that of the canvas or of the group around it."""
    y: Length = 0
    """Of its box's upper edge."""
    width: Extent
    """Of its box."""
    height: Extent
    """Of its box."""
    rotation: Angle = 0
    """Degrees clockwise around the box's centre."""
    opacity: Share = 1
    """0 is not seen at all."""
    blend: Blend = "normal"
    """How its colours are put on those below."""
    mask: Mask | None = None
    """What of it is seen."""
    shadow: Shadow | None = None
    """What falls on the layers below."""
    outline: Outline | None = None
    """What runs around it."""
    show_if: Condition | None = None
    """When it is drawn; absent: always."""


class ImageLayer(LayerBase):
    """A picture, stretched to its box: `file`, or one of `files` by the answer to the choice `option`."""

    kind: Literal["image"] = "image"
    file: FileRef | None = None
    """PNG, JPEG or WebP; beside an option, for the choices that `files` lacks."""
    option: str | None = None
    """A choice."""
    files: dict[str, FileRef] = Field(default_factory=dict[str, FileRef])
    """A file for each of its choices."""

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
    """Which one. Letters are turned one by one; Arabic, Devanagari and others whose letters touch bend with it."""
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
    """Whose answer is drawn."""
    item: int | None = Field(default=None, ge=1, le=20)
    """Of names in a list: which one, from 1."""
    text: Text | None = None
    """The same for every buyer."""
    template: Text | None = None
    """Like `The {family} Family`; left out while every answer in it is. `{{` is a brace."""
    font: str
    """A family of the list below, or one of the artwork's `fonts`."""
    fallback: list[str] | None = Field(default=None, max_length=20)
    """Fonts asked in this order for what `font` does not have; absent: all that the renderer has."""
    weight: int = Field(default=400, ge=1, le=1000)
    """Of a font with several weights; the nearest that it has is taken."""
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] | None = None
    """BCP 47: which forms of its letters a font shows, and how capitals are made."""
    size: Extent = Field(validation_alias=AliasChoices("size", "size_px"))
    """Of the letters, where there is room for it."""
    min_size: Extent = Field(default=1, validation_alias=AliasChoices("min_size", "min_size_px"))
    """No smaller on one line; smaller still is wrapped, then refused (`text_does_not_fit`)."""
    wrap: bool = True
    """Whether lines may be broken; false: shrunk to `min_size` or refused."""
    colour: Fill = "#000000"
    """One colour, one that a choice decides, or a gradient. Emoji keep their own."""
    align: Literal["left", "center", "right"] = "center"
    """Of its lines, from side to side."""
    valign: Literal["top", "middle", "bottom"] = "middle"
    """Of its lines, up and down."""
    line_height: Annotated[float, Field(gt=0, le=10)] = 1
    """As a multiple of the font's own."""
    letter_spacing: Annotated[float, Field(ge=-1, le=10)] = 0
    """In shares of the size. Scripts whose letters join stay joined."""
    case: Literal["as_typed", "upper", "lower", "title"] = "as_typed"
    """Letters made large or small, by the rules of `language`."""
    curve: Curve | None = None
    """What it runs along; absent: straight lines."""

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
    """A photo: JPEG, PNG, WebP or HEIC, brought upright and to sRGB."""
    placement: str | None = None
    """The option whose answer says how it is cropped, zoomed and turned, like
    `crop=0.1,0.1,0.8,0.8 zoom=1.5 x=0.4 y=0.6 rotate=90`."""
    fit: Literal["cover", "contain"] = "cover"
    """How it lies in the box without such an answer: filling it, or wholly inside."""
    min_dpi: int = Field(default=0, ge=0, le=2400)
    """Fewer of the photo's pixels on a printed inch are refused (`photo_too_small`)."""
    good_dpi: int = Field(default=150, ge=0, le=2400)
    """Fewer are drawn, with the warning `photo_blurred`."""


class ShapeLayer(LayerBase):
    """A figure in one colour or a gradient."""

    kind: Literal["shape"] = "shape"
    figure: Figure
    """What is drawn in its box."""
    colour: Fill = "#000000"
    """One colour, one that a choice decides, or a gradient."""


class GroupLayer(LayerBase):
    """Layers that are turned, faded, masked and shown as one. Theirs are lengths inside the group, from its left upper corner."""

    kind: Literal["group"] = "group"
    layers: list[Layer] = Field(min_length=1, max_length=200)
    """The bottom one first."""


class NamesLayer(LayerBase):
    """Names in a list: the layers of the layout for as many names as there are. Inside, lengths count as in a group."""

    kind: Literal["names"] = "names"
    option: str
    """Names in a list."""
    layouts: dict[Annotated[str, StringConstraints(pattern=r"^([1-9]|1[0-9]|20)$")], list[Layer]] = Field(min_length=1)
    """By how many names there are: the layers. `item` of a text says which name it shows."""


Layer = Annotated[
    ImageLayer | TextLayer | PhotoLayer | ShapeLayer | GroupLayer | NamesLayer,
    Field(discriminator="kind"),
]

GroupLayer.model_rebuild()
NamesLayer.model_rebuild()
