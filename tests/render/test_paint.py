"""What each part of an artwork draws, and what is refused with which code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts.common import FileRef
from platen_contracts.layers import TextLayer
from platen_render.worker import RenderProblem
from platen_render.worker.fonts import chain
from platen_render.worker.images import Pixels
from platen_render.worker.layout import set_text
from platen_render.worker.paint import Warned, no_photos, raster
from platen_render.worker.paint.pictures import placement_of

from tests.examples import examples

from .conftest import Studio

RED, BLUE = "#ff0000", "#0000ff"
PHOTO = FileRef(sha256="1" * 64, size=1, media_type="image/jpeg")
SQUARE = {"kind": "shape", "width": 100, "height": 100, "figure": {"kind": "rectangle"}, "colour": RED}


def halves(_: str) -> pyvips.Image:
    """A photo of 200 x 100 pixels, red on its left and blue on its right."""
    pixels = np.zeros((100, 200, 4), np.uint8)
    pixels[:, :100] = (255, 0, 0, 255)
    pixels[:, 100:] = (0, 0, 255, 255)
    return pyvips.Image.new_from_memory(pixels.tobytes(), 200, 100, 4, "uchar").copy(interpretation="srgb")


def seen(studio: Studio, *layers: Any, answers: Any = None, scale: float = 1, **options: Any) -> tuple[Pixels, list[Warned]]:
    artwork = studio.artwork(*layers, **options)
    photos = halves if PHOTO in (answers or {}).values() else no_photos
    return raster(artwork, "front", answers or {}, studio.assets, photos, round(300 * scale), round(400 * scale))


def at(pixels: Pixels, x: int, y: int) -> tuple[int, ...]:
    return tuple(int(band) for band in pixels[y, x])


def ink(pixels: Pixels) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is not transparent."""
    rows, columns = np.flatnonzero(pixels[..., 3].any(axis=1)), np.flatnonzero(pixels[..., 3].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def refusal(work: Callable[[], object]) -> tuple[str, str | None] | None:
    try:
        work()
    except RenderProblem as problem:
        return problem.code, problem.field
    return None


def problem_of(studio: Studio, *layers: Any, answers: Any = None, **options: Any) -> tuple[str, str | None, str]:
    with pytest.raises(RenderProblem) as problem:
        seen(studio, *layers, answers=answers, **options)
    return problem.value.code, problem.value.field, problem.value.remedy


def test_opacity_blend_and_rotation_are_kept(studio: Studio) -> None:
    faint, _ = seen(studio, SQUARE | {"opacity": 0.5})
    assert at(faint, 50, 50) == (255, 0, 0, 128)
    mixed, _ = seen(studio, SQUARE, SQUARE | {"colour": BLUE, "blend": "screen"})
    assert at(mixed, 50, 50) == (255, 0, 255, 255)
    turned, _ = seen(studio, SQUARE | {"x": 100, "y": 100, "height": 20, "rotation": 90})
    assert ink(turned) == (140, 60, 159, 159)


def test_a_shadow_falls_and_an_outline_surrounds(studio: Studio) -> None:
    pixels, _ = seen(studio, SQUARE | {"x": 50, "y": 50, "shadow": {"x": 20, "y": 10, "colour": "#00ff00"}})
    assert at(pixels, 160, 155) == (0, 255, 0, 255)
    outlined, _ = seen(studio, SQUARE | {"x": 50, "y": 50, "outline": {"width": 5, "colour": BLUE}})
    assert (at(outlined, 46, 100), at(outlined, 51, 100)) == ((0, 0, 255, 255), (255, 0, 0, 255))
    assert ink(outlined) == (45, 45, 154, 154)


def test_an_outline_follows_whatever_is_opaque_in_a_group(studio: Studio) -> None:
    group = {"kind": "group", "x": 50, "y": 50, "width": 100, "height": 100, "outline": {"width": 10, "colour": BLUE}}
    pixels, _ = seen(studio, group | {"layers": [SQUARE | {"figure": {"kind": "ellipse"}}]})
    left, top, right, bottom = ink(pixels)
    assert all(abs(edge - meant) <= 3 for edge, meant in zip((left, top, right, bottom), (40, 40, 159, 159), strict=True))
    assert at(pixels, 52, 52)[3] == 0


def test_a_mask_shows_what_is_inside_its_figure_or_outside(studio: Studio) -> None:
    mask = {"figure": {"kind": "ellipse"}}
    inside, _ = seen(studio, SQUARE | {"mask": mask})
    outside, _ = seen(studio, SQUARE | {"mask": mask | {"invert": True}})
    assert (at(inside, 50, 50)[3], at(inside, 2, 2)[3]) == (255, 0)
    assert (at(outside, 50, 50)[3], at(outside, 2, 2)[3]) == (0, 255)


def test_a_gradient_runs_along_its_angle(studio: Studio) -> None:
    down = {"kind": "linear", "angle": 90, "stops": [{"at": 0, "colour": RED}, {"at": 1, "colour": BLUE}]}
    pixels, _ = seen(studio, SQUARE | {"colour": down})
    assert at(pixels, 5, 1)[0] > 245
    assert at(pixels, 95, 98)[2] > 245
    assert at(pixels, 5, 50) == at(pixels, 95, 50)


RULE = {"option": "pet"}


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ({"all": [RULE | {"equals": "dog"}]}, True),
        ({"all": [RULE | {"equals": "dog"}, RULE | {"equals": "cat"}]}, False),
        ({"any": [RULE | {"equals": "dog"}, RULE | {"equals": "cat"}]}, True),
        ({"any": [RULE | {"equals": "cow"}, RULE | {"equals": "cat"}]}, False),
        ({"none": [RULE | {"equals": "dog"}]}, False),
        ({"all": [RULE | {"differs": "cat"}], "none": [RULE | {"equals": "cat"}]}, True),
        ({"all": [RULE | {"answered": False}]}, False),
        ({"all": [{"option": "family", "count": 2}]}, True),
        ({"all": [{"option": "family", "count": 3}]}, False),
        ({"all": [{"option": "wish", "equals": ""}]}, True),
    ],
)
def test_a_layer_is_shown_by_the_answers(studio: Studio, condition: Any, shown: bool) -> None:
    options = {
        "pet": {"kind": "choice", "label": "Pet", "choices": ["dog", "cat", "cow"]},
        "family": {"kind": "names", "label": "Family"},
        "wish": {"label": "Wish", "required": False},
    }
    answers = {"pet": "dog", "family": ["Anna", "Bo"]}
    pixels, _ = seen(studio, SQUARE | {"show_if": condition}, answers=answers, **options)
    assert bool(pixels.any()) is shown


def test_a_choice_swaps_colours_and_pictures(studio: Studio, picture: Callable[..., bytes]) -> None:
    option = {"kind": "choice", "label": "Look", "choices": ["a", "b", "c"]}
    tinted = SQUARE | {"colour": {"option": "look", "colours": {"a": RED, "b": BLUE}}}
    assert at(seen(studio, tinted, answers={"look": "b"}, look=option)[0], 5, 5) == (0, 0, 255, 255)
    assert problem_of(studio, tinted, answers={"look": "c"}, look=option)[:2] == ("artwork_invalid", "layers.0.colour")
    first, second = (studio.image(picture(seed, 20))["file"] for seed in (10, 20))
    layer = {"kind": "image", "option": "look", "files": {"a": first, "b": second}, "width": 50, "height": 50}
    drawn = [seen(studio, layer, answers={"look": look}, look=option)[0] for look in "ab"]
    assert (drawn[0] != drawn[1]).any()
    assert problem_of(studio, layer, answers={"look": "c"}, look=option)[:2] == ("artwork_invalid", "layers.0.files")


@pytest.mark.parametrize("answer", [["Anna", "Bo"], "Anna, Bo", "Anna\nBo"])
def test_names_are_laid_out_by_how_many_there_are(studio: Studio, answer: Any) -> None:
    name = {"kind": "text", "option": "family", "width": 100, "height": 50, "font": "Noto Sans", "size": 30}
    layouts = {"2": [name | {"item": 1}, name | {"item": 2, "y": 200}]}
    layer = {"kind": "names", "option": "family", "width": 100, "height": 300, "layouts": layouts}
    option = {"kind": "names", "label": "Family", "max_count": 3}
    pixels, _ = seen(studio, layer, answers={"family": answer}, family=option)
    assert pixels[:60].any()
    assert pixels[200:260].any()
    assert problem_of(studio, layer, answers={"family": ["A"]}, family=option)[:2] == ("answer_invalid", "family")
    assert problem_of(studio, layer, answers={"family": list("ABCD")}, family=option)[2] == "enter 1 to 3 names"


PHOTO_LAYER = {"kind": "photo", "option": "photo", "placement": "lie", "width": 100, "height": 100, "good_dpi": 0}
PHOTO_OPTIONS: Any = {
    "photo": {"kind": "photo", "label": "Photo", "required": False},
    "lie": {"kind": "placement", "label": "Lie", "required": False},
}


@pytest.mark.parametrize(
    ("placement", "left", "right"),
    [
        ("", RED, BLUE),
        ("x=0", RED, RED),
        ("crop=0.5,0,0.5,1", BLUE, BLUE),
        ("rotate=180", BLUE, RED),
        ("zoom=2 x=0.1", RED, RED),
    ],
)
def test_a_photo_lies_as_the_buyer_laid_it(studio: Studio, placement: str, left: str, right: str) -> None:
    answers = {"photo": PHOTO, "lie": placement}
    for scale in (1, 0.25):
        pixels, _ = seen(studio, PHOTO_LAYER, answers=answers, scale=scale, **PHOTO_OPTIONS)
        places = [(round(x * scale), round(50 * scale)) for x in (10, 90)]
        for (x, y), colour in zip(places, (left, right), strict=True):
            assert at(pixels, x, y) == ((255, 0, 0, 255) if colour == RED else (0, 0, 255, 255))


@pytest.mark.parametrize("turned", [90, 45, 30, -100, 170])
@pytest.mark.parametrize("fit", ["cover", "contain"])
def test_a_photo_turned_still_covers_its_box_or_lies_inside_it(studio: Studio, turned: int, fit: str) -> None:
    layer = PHOTO_LAYER | {"x": 40, "y": 40, "width": 160, "height": 90, "fit": fit}
    pixels, _ = seen(studio, layer, answers={"photo": PHOTO, "lie": f"rotate={turned} x=0 y=1"}, **PHOTO_OPTIONS)
    box = pixels[40:130, 40:200, 3]
    if fit == "cover":
        assert box[1:-1, 1:-1].min() == 255
    else:
        touches = [edge.any() for edge in (box[:3], box[-3:], box[:, :3], box[:, -3:])]
        assert (touches[:2] == [True, True] or touches[2:] == [True, True], bool(box[0, 0])) == (True, False)


def test_a_photo_may_lie_wholly_inside_its_box(studio: Studio) -> None:
    pixels, _ = seen(studio, PHOTO_LAYER | {"fit": "contain"}, answers={"photo": PHOTO}, **PHOTO_OPTIONS)
    assert ink(pixels) == (0, 25, 99, 74)


def test_a_photo_left_out_is_no_fault_where_it_is_optional(studio: Studio) -> None:
    assert not seen(studio, PHOTO_LAYER, **PHOTO_OPTIONS)[0].any()


def test_a_photo_too_small_for_paper_is_warned_of_or_refused(studio: Studio) -> None:
    answers = {"photo": PHOTO}
    _, warned = seen(studio, PHOTO_LAYER | {"good_dpi": 301}, answers=answers, **PHOTO_OPTIONS)
    assert [(warning.code, warning.field) for warning in warned] == [("photo_blurred", "photo")]
    assert not seen(studio, PHOTO_LAYER | {"good_dpi": 300}, answers=answers, **PHOTO_OPTIONS)[1]
    code, field, remedy = problem_of(studio, PHOTO_LAYER | {"min_dpi": 450}, answers=answers, **PHOTO_OPTIONS)
    assert (code, field) == ("photo_too_small", "photo")
    assert "1.5 times as large" in remedy


HOSTILE_PLACEMENTS = [
    "zoom=nan",
    "zoom=1e9",
    "crop=0,0,0,0",
    "crop=1,2",
    "x=-1",
    "rotate=inf",
    "frame=1",
    "zoom",
    "zoom=1 zoom",
    "x=0x1",
]


@pytest.mark.parametrize("text", HOSTILE_PLACEMENTS)
def test_a_placement_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(RenderProblem) as problem:
        placement_of(text, "lie")
    assert (problem.value.code, problem.value.field) == ("answer_invalid", "lie")


@examples(200)
@given(st.text(st.sampled_from("zoomcrprtae=,.-0123456789 xy\n"), max_size=40))
def test_any_placement_is_read_or_refused(text: str) -> None:
    assert refusal(lambda: placement_of(text, "lie")) in (None, ("answer_invalid", "lie"))


def test_words_and_characters_that_are_not_printed_are_refused_without_quoting_them(studio: Studio) -> None:
    option = {"label": "Name", "forbidden_characters": "<>", "forbidden_words": ["Darn"]}
    for answer, told in (("a<b>", "take out U+003C, U+003E"), ("oh DARN it", "choose other words"), ("a\x07b", "take them out")):
        assert problem_of(studio, studio.text(), answers={"name": answer}, name=option) == ("answer_invalid", "name", told)
    assert seen(studio, studio.text(), answers={"name": "darning"}, name=option)[0].any()


def test_a_text_near_the_cut_is_warned_of(studio: Studio) -> None:
    artwork = studio.artwork(studio.text(x=0, width=300, align="left")).model_copy(update={"safe": 10, "bleed": 5})
    _, warned = raster(artwork, "front", {"name": "Anna"}, {}, no_photos, 300, 400)
    assert [(warning.code, warning.field) for warning in warned] == [("outside_safe_area", "name")]


def test_a_template_is_filled_and_left_out_with_its_answers(studio: Studio) -> None:
    layer = studio.text(template="{{The}} {name} Family")
    del layer["option"]
    option = {"label": "Name", "required": False}
    assert seen(studio, layer, answers={"name": "Müller"}, name=option)[0].any()
    assert not seen(studio, layer, name=option)[0].any()


def test_a_text_is_shrunk_then_wrapped_then_refused(studio: Studio) -> None:
    def lines(text: str, **changes: Any) -> int:
        pixels, _ = seen(studio, studio.text(min_size=30, height=140, **changes), answers={"name": text})
        rows = pixels[..., 3].any(axis=1).astype(int)
        return int((np.diff(rows) == 1).sum())

    assert lines("HHHH HHHH") == 1
    assert lines("HHHH HHHH HHHH") == 2
    assert lines("HHHH HHHH HHHH HHHH HHHH") == 3
    assert problem_of(studio, studio.text(min_size=30, wrap=False), answers={"name": "HHHH HHHH HHHH"})[0] == "text_does_not_fit"
    assert problem_of(studio, studio.text(min_size=30), answers={"name": "HHHH " * 20})[:2] == ("text_does_not_fit", "name")


def test_letters_stand_upright_at_the_top_of_a_circle_and_at_the_bottom_of_its_inside(studio: Studio) -> None:
    box = {"x": 50, "y": 50, "width": 200, "height": 200, "size": 40}
    top, _ = seen(studio, studio.text(**box, curve={"kind": "circle"}), answers={"name": "T"})
    bottom, _ = seen(studio, studio.text(**box, curve={"kind": "circle", "inside": True, "start": 180}), answers={"name": "T"})
    for pixels, half in ((top, slice(50, 100)), (bottom, slice(200, 250))):
        letter = pixels[half, :, 3] > 128
        assert letter.any()
        widths = [int(row.sum()) for row in letter if row.any()]
        assert widths[1] > 3 * widths[-2]  # the bar of a T is above


def test_a_text_on_a_curve_stays_in_its_box_or_is_refused(studio: Studio) -> None:
    for curve in ({"kind": "arc", "angle": 170}, {"kind": "arc", "angle": -90}, {"kind": "wave"}, {"kind": "circle"}):
        pixels, _ = seen(studio, studio.text(curve=curve), answers={"name": "Anna محمد"})
        left, top, right, bottom = ink(pixels)
        assert left >= 19
        assert right <= 280
        assert top >= 149
        assert bottom <= 250
        assert problem_of(studio, studio.text(curve=curve, min_size=40), answers={"name": "Anna " * 20})[0] == "text_does_not_fit"


def test_arabic_on_a_curve_is_one_joined_body_as_on_a_line(studio: Studio) -> None:
    def bodies(pixels: Pixels) -> int:
        found: Any = pyvips.Image.new_from_memory((pixels[..., 3] > 96).astype(np.uint8).tobytes(), 1200, 1600, 1, "uchar")
        return int(found.labelregions(segments=True)[1]["segments"])

    straight, _ = seen(studio, studio.text(), answers={"name": "محمد"}, scale=4)
    bent, _ = seen(studio, studio.text(curve={"kind": "arc", "angle": 120}), answers={"name": "محمد"}, scale=4)
    assert bodies(bent) == bodies(straight)


def test_a_preview_is_the_same_picture_small(studio: Studio) -> None:
    layers = [SQUARE | {"rotation": 20, "shadow": {"x": 5, "y": 5, "blur": 5}}, studio.text(curve={"kind": "wave"})]
    large, _ = seen(studio, *layers, answers={"name": "Anna"}, scale=4)
    small, _ = seen(studio, *layers, answers={"name": "Anna"})
    shrunk = large[..., 3].reshape(400, 4, 300, 4).mean(axis=(1, 3))
    assert np.abs(shrunk - small[..., 3]).mean() < 2


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (SQUARE | {"figure": {"kind": "path", "path": "no path"}}, ("artwork_invalid", "layers.0.figure")),
        (SQUARE | {"figure": {"kind": "path", "path": "M0 0"}}, ("artwork_invalid", "layers.0.figure")),
        ({"kind": "text", "text": "A", "width": 9, "height": 9, "font": "Arial", "size": 5}, ("font_unknown", "layers.0")),
        (
            {"kind": "text", "text": "ก", "width": 9, "height": 9, "font": "Pacifico", "fallback": [], "size": 5},
            ("glyph_missing", "layers.0"),
        ),
    ],
)
def test_what_an_artwork_gets_wrong_is_named(studio: Studio, layer: Any, told: tuple[str, str]) -> None:
    assert problem_of(studio, layer)[:2] == told


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x00\x00", b"OTTO" + b"\xff" * 500, b"<svg/>"])
def test_a_font_that_cannot_be_read_is_refused(studio: Studio, data: bytes) -> None:
    file = FileRef.model_validate({**studio.image(data)["file"], "media_type": "font/ttf"})
    artwork = studio.artwork(studio.text(font="House")).model_copy(update={"fonts": {"House": file}})
    with pytest.raises(RenderProblem) as problem:
        raster(artwork, "front", {"name": "Anna"}, studio.assets, no_photos, 300, 400)
    assert problem.value.code in ("asset_unsupported", "asset_corrupt")
    assert problem.value.field == "fonts.House"


WILD = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)


@examples(60)
@given(text=WILD, curve=st.sampled_from([None, {"kind": "arc"}, {"kind": "circle"}, {"kind": "wave"}]))
def test_any_text_is_set_or_refused_with_a_code(text: str, curve: Any) -> None:
    studio = Studio()
    layer = studio.text(curve=curve, min_size=1)
    refused = refusal(lambda: seen(studio, layer, answers={"name": text}, scale=0.3))
    codes = ("answer_missing", "answer_invalid", "glyph_missing", "text_does_not_fit")
    assert refused in (None, *((code, "name") for code in codes))


def test_a_word_that_is_capitalised_grows_and_is_still_fitted(studio: Studio) -> None:
    layer = TextLayer.model_validate(studio.text(case="upper"))
    assert set_text("straße", layer, chain("Noto Sans", "name"), "name").ink.bounds().width() <= 260


@pytest.mark.parametrize(
    ("case", "language", "typed", "printed"),
    [
        ("title", "tr", "istanbul ışık", "İstanbul Işık"),
        ("title", "en", "istanbul mary o'neill", "Istanbul Mary O'neill"),
        ("title", "hr", "ǆep", "ǅep"),
        ("upper", "tr", "ışık in", "IŞIK İN"),
        ("lower", "tr", "IŞIK İN", "ışık in"),
        ("as_typed", "en", "McAdam", "McAdam"),
    ],
)
def test_letters_are_capitalised_by_the_rules_of_the_language(
    studio: Studio, case: str, language: str, typed: str, printed: str
) -> None:
    cased, plain = (
        seen(studio, studio.text(language=language, case=rule), answers={"name": text})[0]
        for text, rule in ((typed, case), (printed, "as_typed"))
    )
    assert cased.any()
    assert np.array_equal(cased, plain)


def test_a_pdf_that_fails_in_the_middle_leaves_nothing_that_kills_the_process_later() -> None:
    script = (
        "import gc, skia\n"
        "from platen_contracts.common import OutputProfile\n"
        "from platen_render.worker.outputs.pdf import pdf\n"
        "def broken(canvas):\n"
        "    canvas.saveLayer(None, skia.Paint(Alphaf=0.5))\n"
        "    canvas.drawRect(skia.Rect(0, 0, 5, 5), skia.Paint())\n"
        "    raise ValueError\n"
        "for _ in range(50):\n"
        "    try:\n"
        "        pdf(OutputProfile(profile_id='a', version=1, width_px=300, height_px=400), broken)\n"
        "    except ValueError as problem:\n"
        "        problem.kept = problem\n"
        "    gc.collect()\n"
        "print('alive')"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "alive\n")
