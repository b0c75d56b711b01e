"""The gallery cannot rot: each of its designs is drawn small, and they show what an artwork can be made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from platen_cli.documents.exhibits import exhibits
from platen_contracts import artwork, layers
from platen_contracts.common import FileRef
from platen_contracts.message import Part
from platen_render.worker.answers import Answers

from .gallery import DESIGNS, page

EXHIBITS = exhibits(DESIGNS)
SMALL = 200
NAMED = [f"{number}-{it.artwork.artwork_id}-{it.side}" for number, it in enumerate(EXHIBITS, 1)]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=NAMED)
def test_a_design_is_drawn_with_the_warnings_it_is_to_have(exhibit: Any) -> None:
    printed = exhibit.printed(SMALL)
    assert tuple(printed.warnings) == exhibit.warned
    assert set(printed.views) == {"preview"} | ({"mockup"} if "mockup" in exhibit.output else set())


def test_a_page_names_every_file_beside_it() -> None:
    html, files = page([(exhibit, exhibit.printed(SMALL)) for exhibit in EXHIBITS[-6:]])
    assert all(f'"{name}"' in html for name in files)
    assert {Path(name).suffix for name in files} == {".png", ".jpg", ".tif", ".pdf", ".webp"}
    assert "warning: outside_safe_area" in html


def test_every_artwork_is_shown_and_there_are_twelve_at_least() -> None:
    shown = {exhibit.artwork.artwork_id for exhibit in EXHIBITS}
    assert len(shown) >= 12
    assert shown == {yaml.safe_load(path.read_text("utf-8"))["artwork_id"] for path in DESIGNS.glob("artworks/*.yaml")}
    families = [Answers(it.artwork, it.answers).names("family") for it in EXHIBITS if it.artwork.artwork_id == "family"]
    assert {len(names) for names in families} == {1, 2, 3, 4, 5, 6}


def test_every_field_of_an_artwork_and_every_word_it_may_hold_is_shown_somewhere() -> None:
    written = "\n".join(path.read_text("utf-8") for path in DESIGNS.glob("artworks/*.yaml"))
    models = [it for module in (artwork, layers) for it in vars(module).values() if isinstance(it, type) and issubclass(it, Part)]
    fields = {field for model in models if model is not FileRef for field in model.model_fields}
    assert {field for field in fields - {"name"} if f"{field}:" not in written} == set()
    assert {blend for blend in get_args(layers.Blend) if f"blend: {blend}" not in written} == set()
