"""What may be wrong with an artwork that is well formed: choices without a picture, texts off the canvas, a font unknown."""

from __future__ import annotations

from collections.abc import Iterator

from platen_contracts.artwork import Option, colour_choices, layers_within
from platen_contracts.catalog import Artwork
from platen_contracts.common import Answer, FileRef
from platen_contracts.layers import ImageLayer, Layer, NamesLayer, TextLayer

from .files import Picture

Found = tuple[str, str]
"""A dotted field and what is wrong with it."""

_TRIAL_PX = 200


def mistakes_in(artwork: Artwork, files: dict[str, Picture]) -> Iterator[Found]:
    for name, side in artwork.sides.items():
        width, height = (size / artwork.px_per_unit for size in (artwork.width_px, artwork.height_px))
        for layer in side.layers:
            edge = artwork.bleed + artwork.safe if isinstance(layer, TextLayer) and artwork.safe else 0
            where = f"sides.{name}.layers.{side.layers.index(layer)}"
            yield from _outside(layer, where, width, height, edge)
        for path, layer in layers_within(side.layers, f"sides.{name}.layers"):
            yield from _incomplete(layer, path, artwork)
        yield from _trial(artwork, name, files)


def _outside(layer: Layer, where: str, width: float, height: float, edge: float) -> Iterator[Found]:
    if layer.rotation:
        return
    if layer.x >= width or layer.y >= height or layer.x + layer.width <= 0 or layer.y + layer.height <= 0:
        yield where, f"lies wholly outside the canvas of {width:g} x {height:g}; move it inside"
        return
    right, bottom = layer.x + layer.width, layer.y + layer.height
    if edge and not (edge <= layer.x and edge <= layer.y and right <= width - edge and bottom <= height - edge):
        yield where, f"the box comes nearer than {edge:g} to the canvas's edge (bleed + safe); move it inside, or lower safe"


def _incomplete(layer: Layer, where: str, artwork: Artwork) -> Iterator[Found]:
    options = artwork.options
    if isinstance(layer, TextLayer) and layer.min_size > layer.size:
        yield f"{where}.min_size", f"is larger than size ({layer.min_size:g} > {layer.size:g}); lower it"
    if isinstance(layer, TextLayer) and layer.item and layer.option and layer.item > options[layer.option].max_count:
        yield f"{where}.item", f"there are {options[layer.option].max_count} names at most; lower it, or raise max_count"
    if isinstance(layer, ImageLayer) and layer.option is not None:
        yield from _choices(f"{where}.files", set(layer.files), layer.file is not None, options[layer.option], "file")
    for field, tint in colour_choices(layer):
        given = set(tint.colours)
        yield from _choices(f"{where}.{field}.colours", given, tint.default is not None, options[tint.option], "default")
    if isinstance(layer, NamesLayer):
        option = options[layer.option]
        missing = [n for n in range(max(option.min_count, 1), option.max_count + 1) if str(n) not in layer.layouts]
        if missing:
            counts = ", ".join(map(str, missing))
            yield f"{where}.layouts", f"there is none for {counts} names; add it, or narrow min_count and max_count"


def _choices(field: str, given: set[str], has_default: bool, option: Option, default: str) -> Iterator[Found]:
    for choice in sorted(given - set(option.choices)):
        yield field, f"{choice!r} is no choice of the option; it has {', '.join(option.choices)}"
    missing = [choice for choice in option.choices if choice not in given]
    if missing and not has_default:
        yield field, f"there is none for {', '.join(missing)}; add it, or give {default} for the rest"


def _trial(artwork: Artwork, side: str, files: dict[str, Picture]) -> Iterator[Found]:
    """Draws the side small with answers made up: what the renderer refuses then, it refuses of every order."""
    try:
        from platen_render.worker.paint import any_photo, raster
        from platen_render.worker.problems import RenderProblem
    except (ImportError, OSError):  # where the renderer or its libraries are not installed, the one that draws judges later
        return
    scale = min(1.0, _TRIAL_PX / max(artwork.width_px, artwork.height_px))
    size = (max(1, round(artwork.width_px * scale)), max(1, round(artwork.height_px * scale)))
    assets = {sha256: picture.data for sha256, picture in files.items()}
    try:
        raster(artwork, side, sample_answers(artwork), assets, any_photo, *size)
    except RenderProblem as problem:
        if problem.code != "photo_too_small":  # the photo is made up
            yield _named(problem.field or "", artwork, side), f"{problem.message}; {problem.remedy}"


def _named(field: str, artwork: Artwork, side: str) -> str:
    if field.startswith("layers"):
        return f"sides.{side}.{field}"
    return f"options.{field}" if field in artwork.options else field


_PHOTO = FileRef(sha256="0" * 64, size=0, media_type="image/png")


def sample_answers(artwork: Artwork) -> dict[str, Answer]:
    """Something short for every option."""
    answers: dict[str, Answer] = {}
    for name, option in artwork.options.items():
        match option.kind:
            case "choice":
                answers[name] = option.choices[0]
            case "names":
                answers[name] = ["A"] * max(option.min_count, 1)
            case "photo":
                answers[name] = _PHOTO
            case "placement":
                answers[name] = "zoom=1"
            case "text":
                answers[name] = "A"
    return answers
