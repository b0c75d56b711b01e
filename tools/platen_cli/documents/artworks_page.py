"""The reference in `docs/artworks.md`: every part of an artwork and every field, from its JSON Schema, beside its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from platen_contracts.catalog import Artwork

from .pictures import Picture

Schema = Mapping[str, Any]


class Part(NamedTuple):
    title: str
    model: str
    """Among the schema's definitions; "" for the artwork itself."""


PARTS = (
    Part("The document", ""),
    Part("Options", "Option"),
    Part("Sides", "Side"),
    Part("Every layer", "LayerBase"),
    Part("`kind: image`", "ImageLayer"),
    Part("`kind: photo`", "PhotoLayer"),
    Part("`kind: text`", "TextLayer"),
    Part("Curves of texts", "Curve"),
    Part("`kind: shape`", "ShapeLayer"),
    Part("Figures", "Figure"),
    Part("`kind: group`", "GroupLayer"),
    Part("`kind: names`", "NamesLayer"),
    Part("Masks", "Mask"),
    Part("Shadows", "Shadow"),
    Part("Outlines", "Outline"),
    Part("Gradients", "Gradient"),
    Part("Stops of a gradient", "Stop"),
    Part("Colours that a choice decides", "ColourChoice"),
    Part("Conditions", "Condition"),
    Part("Rules of a condition", "Rule"),
)

_WRITTEN_OTHERWISE = {"FileRef": "a path beside the document"}
_LAYERS = "GroupLayer"
"""Any of them shows which fields all have."""

_ENDLESS = 1e9


def artworks_page(pictures: list[Picture]) -> str:
    """The generated part of the page, in Markdown."""
    schema = Artwork.model_json_schema(by_alias=False)
    shared = _shared(schema)
    schema["$defs"]["LayerBase"] = {
        "description": "What every layer has. Its box is turned by `rotation` around its centre.",
        **shared,
    }
    return "\n\n".join(_part(part, schema, pictures) for part in PARTS)


def _shared(schema: Schema) -> dict[str, Any]:
    """The fields that every kind of layer has, `kind` among them, as a schema of its own."""
    layers = [model for name, model in schema["$defs"].items() if name.endswith("Layer")]
    common = set.intersection(*(set(model["properties"]) for model in layers))
    fields = {name: field for name, field in schema["$defs"][_LAYERS]["properties"].items() if name in common}
    kinds = [model["properties"]["kind"]["const"] for model in layers]
    kind = {"enum": kinds, "description": "Which of those below."}
    return {
        "properties": {"kind": kind} | {name: field for name, field in fields.items() if name != "kind"},
        "required": ["kind", *(name for name in schema["$defs"][_LAYERS]["required"] if name in common)],
    }


def _part(part: Part, schema: Schema, pictures: list[Picture]) -> str:
    model = schema["$defs"][part.model] if part.model else schema
    known = schema["$defs"]["LayerBase"]["properties"] if part.model.endswith("Layer") else {}
    rows = [
        f"| `{name}` | {_value(field, schema)} | {_default(name, field, model)} | {_cell(field.get('description', ''))} |"
        for name, field in model["properties"].items()
        if name not in known
    ]
    about = part.model or Artwork.__name__
    own = groupby((picture for picture in pictures if picture.about == about), key=lambda picture: picture.document)
    shown = [_pictures(list(group)) for _, group in own]
    table = "\n".join(["| field | value | without it | |", "|---|---|---|---|", *rows])
    return "\n\n".join([f"## {part.title}", _cell(model.get("description", "")), *shown, table])


def _pictures(pictures: Sequence[Picture]) -> str:
    """Of one document, side by side."""
    shown = " ".join(f"![{picture.shows}](pictures/{picture.file})" for picture in pictures)
    return f"{shown}\n\n*{' · '.join(picture.shows for picture in pictures)}* ([document](pictures/{pictures[0].document}))"


def _value(field: Schema, schema: Schema) -> str:
    """What may stand there, in words."""
    if "$ref" in field:
        return _named(field["$ref"].rpartition("/")[2], schema)
    if "discriminator" in field:
        return "a layer"
    if "anyOf" in field:
        words = [_value(each, schema) for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    if field.get("type") == "array":
        return f"a list: {_value(field['items'], schema)}"
    if field.get("type") == "object":
        return f"by name: {_value(_inner(field), schema)}"
    if field.get("type") == "boolean":
        return "`true`, `false`"
    if field.get("type") in ("number", "integer"):
        return _number(field)
    return _text(field)


def _inner(field: Schema) -> Schema:
    inner: Any = field.get("additionalProperties")
    return inner if isinstance(inner, dict) else next(iter(field["patternProperties"].values()))


def _named(model: str, schema: Schema) -> str:
    if model in _WRITTEN_OTHERWISE:
        return _WRITTEN_OTHERWISE[model]
    part = next((part for part in PARTS if part.model == model), None)
    assert part is not None, f"{model} has no part in the page"
    anchor = "".join(letter for letter in part.title.lower().replace(" ", "-") if letter.isalnum() or letter == "-")
    return f"[{part.title.lower()}](#{anchor})"


def _number(field: Schema) -> str:
    kind = "whole number" if field["type"] == "integer" else "number"
    least, above, most = field.get("minimum"), field.get("exclusiveMinimum"), field.get("maximum")
    if most is not None and most >= _ENDLESS:
        most = None
    if least is not None and least <= -_ENDLESS:
        least = None
    if above is not None:
        return f"{kind} above {above:g}" + ("" if most is None else f", to {most:g}")
    if least is not None and most is not None:
        return f"{kind}, {least:g} to {most:g}"
    return kind if least is None else f"{kind}, {least:g} or more"


def _text(field: Schema) -> str:
    if str(field.get("pattern", "")).startswith("^#"):
        return "`#rrggbb` or `#rrggbbaa`"
    return "text"


def _default(name: str, field: Schema, model: Schema) -> str:
    if name in model.get("required", ()):
        return "must be there"
    default: Any = field.get("default")
    if default is None or default in ("", [], {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
