"""An artwork: a template that a buyer's answers make a print file of. Written by people; `docs/artworks.md` explains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from platen_contracts.common import FileRef, Name, Text
from platen_contracts.layers import ColourChoice, Gradient, GroupLayer, ImageLayer, Layer, NamesLayer, PhotoLayer, TextLayer
from platen_contracts.message import Message, Part

MM_PER_INCH = 25.4
MAX_LAYERS = 1000
"""Of a side, those inside groups and layouts counted."""
MAX_DEPTH = 8
"""Of groups in groups."""


class Option(Part):
    """One question to the buyer."""

    kind: Literal["text", "choice", "photo", "names", "placement"] = "text"
    """`names` is a list of texts, or one text with a name a line or commas between; `placement` says how a photo is cropped,
    zoomed and turned."""
    label: Text
    """The question."""
    required: bool = True
    """Whether it has to be answered."""
    max_length: int = Field(default=200, ge=1, le=2000)
    """Of a text, and of each name, in characters."""
    choices: list[str] = Field(default_factory=list[str])
    """Of a choice."""
    min_count: int = Field(default=1, ge=0, le=20)
    """Of names."""
    max_count: int = Field(default=6, ge=1, le=20)
    """Of names."""
    forbidden_characters: Annotated[str, Field(max_length=500)] = ""
    """Each character of this text is refused."""
    forbidden_words: list[str] = Field(default_factory=list[str], max_length=10_000)
    """Words that are refused in whatever case: the hook for a profanity list. In a document also the path of a `.txt` with a
    word a line."""

    @model_validator(mode="after")
    def _has_choices(self) -> Option:
        if self.kind == "choice" and not self.choices:
            raise ValueError("choices: an option of kind choice needs at least one")
        if self.kind == "names" and self.min_count > self.max_count:
            raise ValueError("min_count: is larger than max_count")
        return self


class Side(Part):
    """One print area of the product, drawn bottom layer first."""

    layers: list[Layer] = Field(min_length=1, max_length=200)
    """The bottom one first."""


class Artwork(Message, owner="catalog", v=2):
    """One immutable version of a template. Key `artwork_id/version`; a new version is a new key.

    A document may give `width_mm` and `height_mm` in the place of `width_px` and `height_px`; on the wire there are pixels.
    """

    artwork_id: Name
    """What it is called wherever it is named."""
    version: int = Field(ge=1)
    """Never changes once published: publish the next one."""
    title: Text
    """For people."""
    width_px: int = Field(ge=1, le=20_000)
    """The whole canvas, its bleed included; or `width_mm`."""
    height_px: int = Field(ge=1, le=20_000)
    """The whole canvas, its bleed included; or `height_mm`."""
    dpi: int = Field(default=300, ge=1)
    """Makes pixels of millimetres."""
    unit: Literal["px", "mm"] = "px"
    """Of every length in the layers, of `bleed` and of `safe`."""
    bleed: Annotated[float, Field(ge=0, le=10_000)] = 0
    """What may be cut off at each edge of the canvas."""
    safe: Annotated[float, Field(ge=0, le=10_000)] = 0
    """How far inside the cut texts have to stay; one that comes nearer is drawn with the warning `outside_safe_area`."""
    fonts: dict[str, FileRef] = Field(default_factory=dict[str, FileRef], max_length=20)
    """The artwork's own, by the name that its layers call them."""
    options: dict[str, Option] = Field(default_factory=dict[str, Option])
    """What the buyer is asked, by name."""
    sides: dict[Name, Side] = Field(min_length=1)
    """`front`, `back`, `sleeve`, …: what is printed on each."""

    @property
    def px_per_unit(self) -> float:
        return self.dpi / MM_PER_INCH if self.unit == "mm" else 1.0

    @model_validator(mode="before")
    @classmethod
    def _in_pixels(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        given = cast("dict[str, Any]", document)
        dpi = given.get("dpi", 300)
        sizes: dict[str, Any] = {}
        for name in ("width", "height"):
            size = given.get(f"{name}_mm")
            if size is None:
                continue
            if f"{name}_px" in given:
                raise ValueError(f"{name}_mm, {name}_px: give one of the two")
            if not isinstance(size, int | float) or not isinstance(dpi, int):
                raise ValueError(f"{name}_mm: a number of millimetres is expected")
            sizes[f"{name}_px"] = round(size * dpi / MM_PER_INCH)
        return {name: value for name, value in given.items() if name not in ("width_mm", "height_mm")} | sizes

    @model_validator(mode="after")
    def _asks_what_it_draws(self) -> Artwork:
        for name, side in self.sides.items():
            paths = [path for path, _ in layers_within(side.layers)]
            if len(paths) > MAX_LAYERS or any(path.count(".layers.") + path.count(".layouts.") > MAX_DEPTH for path in paths):
                raise ValueError(f"sides.{name}.layers: at most {MAX_LAYERS} layers are allowed, groups {MAX_DEPTH} deep")
            for where, problem in _problems(side.layers, self.options):
                raise ValueError(f"sides.{name}.{where}: {problem}")
        return self


def layers_within(layers: Iterable[Layer], where: str = "layers") -> Iterator[tuple[str, Layer]]:
    """Every layer with its path (`layers.2.layers.0`), those inside groups and layouts too, each after what holds it."""
    for place, layer in enumerate(layers):
        path = f"{where}.{place}"
        yield path, layer
        if isinstance(layer, GroupLayer):
            yield from layers_within(layer.layers, f"{path}.layers")
        elif isinstance(layer, NamesLayer):
            for count, layout in layer.layouts.items():
                yield from layers_within(layout, f"{path}.layouts.{count}")


def _problems(layers: list[Layer], options: dict[str, Option]) -> Iterator[tuple[str, str]]:
    """What layers ask of options that are not there, or are of another kind."""
    for path, layer in layers_within(layers):
        for field, option, kinds in _asked(layer):
            if option not in options:
                yield f"{path}.{field}", f"{option!r} is not among options"
            elif options[option].kind not in kinds:
                yield f"{path}.{field}", f"{option!r} is of kind {options[option].kind}; {' or '.join(kinds)} is needed"


_WORDS = ("text", "choice", "names")
_ANY = ("text", "choice", "photo", "names", "placement")


def _asked(layer: Layer) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(field, option, the kinds of option that will do)."""
    if isinstance(layer, TextLayer):
        if layer.option is not None:
            yield "option", layer.option, ("names",) if layer.item is not None else _WORDS
        for option in placeholders(layer.template or ""):
            yield "template", option, _WORDS
    elif isinstance(layer, ImageLayer) and layer.option is not None:
        yield "option", layer.option, ("choice",)
    elif isinstance(layer, NamesLayer):
        yield "option", layer.option, ("names",)
    elif isinstance(layer, PhotoLayer):
        yield "option", layer.option, ("photo",)
        if layer.placement is not None:
            yield "placement", layer.placement, ("placement",)
    for field, tint in colour_choices(layer):
        yield field, tint.option, ("choice",)
    if layer.show_if is not None:
        for kind in ("all", "any", "none"):
            for place, rule in enumerate(getattr(layer.show_if, kind)):
                yield f"show_if.{kind}.{place}.option", rule.option, ("names",) if rule.count is not None else _ANY


def colour_choices(layer: Layer) -> Iterator[tuple[str, ColourChoice]]:
    """The colours of a layer that an answer decides, each with its field."""
    given = {
        "colour": getattr(layer, "colour", None),
        "shadow.colour": layer.shadow and layer.shadow.colour,
        "outline.colour": layer.outline and layer.outline.colour,
    }
    for field, fill in given.items():
        if isinstance(fill, ColourChoice):
            yield field, fill
        elif isinstance(fill, Gradient):
            for place, stop in enumerate(fill.stops):
                if isinstance(stop.colour, ColourChoice):
                    yield f"{field}.stops.{place}.colour", stop.colour


def placeholders(template: str) -> list[str]:
    """The options that a template names in braces; `{{` and `}}` are braces themselves."""
    plain = template.replace("{{", "").replace("}}", "")
    return [piece.partition("}")[0] for piece in plain.split("{")[1:]]


__all__ = ["Artwork", "Option", "Side", "colour_choices", "layers_within", "placeholders"]
