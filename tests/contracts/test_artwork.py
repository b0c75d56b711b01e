"""An artwork holds together: what it draws it asks for, and it has an end."""

from __future__ import annotations

from typing import Any

import pytest
from platen_contracts import artwork_v1
from platen_contracts.artwork import MAX_DEPTH, MAX_LAYERS, placeholders
from platen_contracts.catalog import Artwork
from pydantic import ValidationError

TEXT = {"kind": "text", "text": "Hi", "width": 9, "height": 9, "font": "Noto Sans", "size": 5}


def document(*layers: Any, **changes: Any) -> dict[str, Any]:
    sides = {"front": {"layers": [*layers]}}
    return {"artwork_id": "mug", "version": 1, "title": "Mug", "width_px": 300, "height_px": 400, "sides": sides} | changes


def problem_of(*layers: Any, **changes: Any) -> str:
    with pytest.raises(ValidationError) as wrong:
        Artwork.model_validate(document(*layers, **changes))
    return str(wrong.value)


def test_millimetres_become_pixels() -> None:
    given = {name: value for name, value in document(TEXT, dpi=300, unit="mm").items() if not name.endswith("_px")}
    artwork = Artwork.model_validate(given | {"width_mm": 254, "height_mm": 127})
    assert (artwork.width_px, artwork.height_px) == (3000, 1500)
    assert artwork.px_per_unit == pytest.approx(11.811, abs=0.001)
    assert "give one of the two" in problem_of(TEXT, width_mm=20)


def test_the_first_version_means_the_same_today() -> None:
    old = {name: value for name, value in TEXT.items() if name != "size"} | {"size_px": 40, "min_size_px": 12}
    today = artwork_v1.of_today(artwork_v1.Artwork.model_validate(document(old)))
    (layer,) = today.sides["front"].layers
    assert layer.model_dump(include={"size", "min_size", "text"}) == {"size": 40, "min_size": 12, "text": "Hi"}
    assert artwork_v1.of_today(today) is today


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ({"option": "name"}, "layers.0.option: 'name' is not among options"),
        ({"template": "Dear {name}"}, "layers.0.template: 'name' is not among options"),
        ({"text": "Hi", "show_if": {"all": [{"option": "name", "equals": "x"}]}}, "layers.0.show_if.all.0.option: 'name'"),
        ({"text": "Hi", "colour": {"option": "name", "colours": {"a": "#000000"}}}, "layers.0.colour: 'name'"),
        ({"text": "Hi", "option": "name"}, "give exactly one of the three"),
        ({"text": "Hi", "show_if": {}}, "give at least one rule"),
        ({"text": "Hi", "mask": {}}, "give exactly one of the two"),
    ],
)
def test_what_is_drawn_must_be_asked_for(layer: Any, told: str) -> None:
    assert told in problem_of({name: value for name, value in TEXT.items() if name != "text"} | layer)


def test_layers_inside_groups_are_looked_into_and_have_an_end() -> None:
    def group(*layers: Any) -> dict[str, Any]:
        return {"kind": "group", "width": 9, "height": 9, "layers": [*layers]}

    inside = {name: value for name, value in TEXT.items() if name != "text"} | {"option": "name"}
    assert "sides.front.layers.0.layers.0.option: 'name' is not among options" in problem_of(group(inside))
    deep = TEXT
    for _ in range(MAX_DEPTH + 1):
        deep = group(deep)
    assert f"groups {MAX_DEPTH} deep" in problem_of(deep)
    assert f"at most {MAX_LAYERS} layers" in problem_of(*[group(*[TEXT] * 200)] * 5)


def test_braces_in_a_template_name_options_and_doubled_ones_are_braces() -> None:
    assert placeholders("{{The}} {family} and {pet}") == ["family", "pet"]
