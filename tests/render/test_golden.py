"""The pictures of the documents in goldens/ and docs/artworks.md: to the eye the same everywhere, to the byte the same twice."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from platen_contracts import artwork, layers
from platen_contracts.common import FileRef
from platen_contracts.message import Part
from platen_render.worker.images import Pixels

from .golden import FOLDER, NAMES, VERSION, VERSIONS, Golden, decoded, drawn_otherwise, told, with_text_keys

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "artworks.md").read_text("utf-8")
EXAMPLE: dict[str, Any] = with_text_keys(yaml.safe_load(PAGE.partition("```yaml\n")[2].partition("```")[0]))
ANSWERS = {"family": ["Anna", "Bo", "محمد"], "colour": "red", "wish": "All the best 😀"}


def difference(drawn: Pixels, golden: Pixels) -> tuple[float, float]:
    """The mean of what differs over all bands, and the share of pixels that clearly do; transparent ones have no colour."""
    assert drawn.shape == golden.shape
    both = [pixels.astype(int) * np.where(pixels[..., 3:] > 0, 1, 0) for pixels in (drawn, golden)]
    apart = np.abs(both[0] - both[1])
    return float(apart.mean()), float((apart.max(axis=-1) > 40).mean())


@pytest.mark.parametrize("name", NAMES)
def test_a_document_looks_like_its_picture(name: str) -> None:
    mean, share = difference(decoded(Golden.named(name).file()), decoded((FOLDER / f"{name}.png").read_bytes()))
    assert mean < 0.5
    assert share < 0.002


def test_the_example_of_the_page_looks_like_its_picture() -> None:
    mean, share = difference(decoded(Golden.of(EXAMPLE, ANSWERS).file(800)), decoded((DOCS / "artwork-example.png").read_bytes()))
    assert mean < 0.5
    assert share < 0.002


def test_a_letter_moved_by_a_hair_is_told_from_its_picture() -> None:
    golden = Golden.named("scripts")
    layer = golden.artwork.sides["front"].layers[0].model_copy(update={"x": 26})
    moved = golden.artwork.sides["front"].model_copy(update={"layers": [layer, *golden.artwork.sides["front"].layers[1:]]})
    other = Golden(golden.artwork.model_copy(update={"sides": {"front": moved}}), golden.answers, golden.assets)
    _, share = difference(decoded(other.file()), decoded((FOLDER / "scripts.png").read_bytes()))
    assert share > 0.002


def test_two_drawings_and_one_of_a_fresh_process_have_the_same_bytes() -> None:
    first = [hashlib.sha256(Golden.named(name).file()).hexdigest() for name in NAMES]
    assert first == [hashlib.sha256(Golden.named(name).file()).hexdigest() for name in NAMES]
    script = (
        "import hashlib; from tests.render.golden import NAMES, Golden\n"
        "for name in reversed(NAMES): print(hashlib.sha256(Golden.named(name).file()).hexdigest())"
    )
    fresh = subprocess.run([sys.executable, "-c", script], cwd=DOCS.parent, check=True, capture_output=True, text=True).stdout
    assert fresh.split() == first[::-1]


def test_the_page_speaks_of_every_field() -> None:
    models = [it for module in (artwork, layers) for it in vars(module).values() if isinstance(it, type) and issubclass(it, Part)]
    fields = {field for model in models if model is not FileRef for field in model.model_fields}
    words = set(re.findall(r"[a-z_]+", PAGE))
    assert fields - words == set()


def test_a_version_of_the_renderer_draws_in_one_way() -> None:
    pictures = {name: (FOLDER / f"{name}.png").read_bytes() for name in NAMES}
    versions = json.loads(VERSIONS.read_text("utf-8"))
    advice = "raise version in services/render/pyproject.toml, then `uv sync --all-packages` and `python -m tests.render.golden`"
    assert versions.get(VERSION) == told(pictures), advice


def test_a_picture_that_is_changed_within_a_version_is_noticed() -> None:
    recorded = told({"mug": b"one way"})
    assert drawn_otherwise(recorded, {"mug": b"another way", "cap": b"new"}) == ["mug"]
    assert drawn_otherwise(recorded, {"mug": b"one way", "cap": b"new"}) == []
