import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from platen_render.worker import RenderProblem, assets_of

from .conftest import Studio
from .drawn import draw

Picture = Callable[..., bytes]
NAMES = ["Zoë Ångström", "محمد الأنصاري", "กัญญารัตน์ ศรีสุวรรณ"]


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def alpha(data: bytes) -> np.ndarray:
    return np.asarray(decoded(data))[..., 3]


def problem_of(studio: Studio, artwork, answers=None, profile=None, side: str = "front") -> RenderProblem:
    with pytest.raises(RenderProblem) as problem:
        draw(artwork, side, answers or {}, profile or studio.profile(), studio.assets)
    return problem.value


def test_a_full_size_print_file_is_3600_by_4800_rgba_at_300_dpi(studio: Studio, picture: Picture) -> None:
    artwork = studio.artwork(studio.image(picture()), studio.text())
    data = draw(artwork, "front", {"name": "Anna"}, studio.profile(3600, 4800), studio.assets)
    image = decoded(data)
    assert (image.format, image.size, image.mode) == ("PNG", (3600, 4800), "RGBA")
    physical = data[data.index(b"pHYs") + 4 :][:9]
    assert (int.from_bytes(physical[:4], "big"), int.from_bytes(physical[4:8], "big"), physical[8]) == (11811, 11811, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_drawn_inside_its_box_and_nowhere_else(studio: Studio, name: str) -> None:
    ink = alpha(draw(studio.artwork(studio.text()), "front", {"name": name}, studio.profile(), {})) > 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert 150 <= rows[0] < rows[-1] < 250
    assert 20 <= columns[0] < columns[-1] < 280
    assert ink.sum() > 1000


def test_different_names_give_different_files_and_the_same_name_the_same_bytes(studio: Studio, picture: Picture) -> None:
    artwork = studio.artwork(studio.image(picture(mode="RGBA")), studio.text(font="Pacifico"))
    files = [draw(artwork, "front", {"name": name}, studio.profile(), studio.assets) for name in [*NAMES, *NAMES]]
    assert files[:3] == files[3:]
    assert len(set(files)) == 3


def test_text_has_the_layers_colour(studio: Studio) -> None:
    pixels = np.asarray(decoded(draw(studio.artwork(studio.text()), "front", {"name": "HHH"}, studio.profile(), {})))
    assert (pixels[pixels[..., 3] == 255][:, :3] == [0x10, 0x20, 0x30]).all()


@pytest.mark.parametrize(("align", "side"), [("left", 0), ("right", -1)])
def test_aligned_text_starts_at_its_edge_of_the_box(studio: Studio, align: str, side: int) -> None:
    artwork = studio.artwork(studio.text(align=align))
    columns = np.flatnonzero(alpha(draw(artwork, "front", {"name": "H"}, studio.profile(), {})).any(axis=0))
    assert abs(columns[side] - {0: 20, -1: 280}[side]) < 10


def test_a_long_name_is_shrunk_and_a_short_one_is_not(studio: Studio) -> None:
    def height(name: str) -> int:
        return int(alpha(draw(studio.artwork(studio.text()), "front", {"name": name}, studio.profile(), {})).any(axis=1).sum())

    assert height("H") == height("HH")
    assert height("H" * 20) < height("H") / 2


def test_the_print_file_is_the_artwork_scaled_to_the_profile(studio: Studio, picture: Picture) -> None:
    artwork = studio.artwork(studio.image(picture(), x=150, width=150), studio.text())
    small = draw(artwork, "front", {"name": "Anna"}, studio.profile(150, 200), studio.assets)
    large = draw(artwork, "front", {"name": "Anna"}, studio.profile(600, 800), studio.assets)
    shrunk = np.asarray(decoded(large).resize((150, 200)), int)
    assert np.abs(shrunk - np.asarray(decoded(small), int)).mean() < 6


def test_layers_lie_over_each_other_in_their_order_and_gaps_stay_transparent(studio: Studio, picture: Picture) -> None:
    red = io.BytesIO()
    Image.new("RGB", (4, 4), "#ff0000").save(red, "PNG")
    below, above = studio.image(picture(), width=100, height=100), studio.image(red.getvalue(), x=50, width=50, height=50)
    pixels = np.asarray(decoded(draw(studio.artwork(below, above), "front", {}, studio.profile(), studio.assets)))
    assert (pixels[:50, 50:100] == [255, 0, 0, 255]).all()
    assert (pixels[100:, 100:, 3] == 0).all()


def test_a_half_transparent_background_keeps_its_colours(studio: Studio) -> None:
    faint = io.BytesIO()
    Image.new("RGBA", (4, 4), (200, 100, 40, 128)).save(faint, "PNG")
    pixels = np.asarray(
        decoded(draw(studio.artwork(studio.image(faint.getvalue())), "front", {}, studio.profile(), studio.assets)), int
    )
    assert np.abs(pixels - [200, 100, 40, 128]).max() <= 1


def test_lines_of_a_text_stand_below_each_other(studio: Studio) -> None:
    artwork = studio.artwork(studio.text(size_px=30))
    one, two = (alpha(draw(artwork, "front", {"name": name}, studio.profile(), {})) for name in ("HH", "HH\nHH"))
    assert two.any(axis=1).sum() == pytest.approx(2 * one.any(axis=1).sum(), abs=2)


def test_a_fixed_text_needs_no_answer(studio: Studio) -> None:
    layer = studio.text(text="Forever")
    del layer["option"]
    assert alpha(draw(studio.artwork(layer), "front", {}, studio.profile(), {})).any()


def test_an_optional_text_left_open_is_left_out(studio: Studio) -> None:
    artwork = studio.artwork(studio.text(), name={"label": "Name", "required": False})
    assert not alpha(draw(artwork, "front", {}, studio.profile(), {})).any()


def test_the_files_to_fetch_are_named_once_each(studio: Studio, picture: Picture) -> None:
    layer = studio.image(picture())
    assert [file.sha256 for file in assets_of(studio.artwork(layer, layer), "front")] == [layer["file"]["sha256"]]


def test_text_that_cannot_fit_names_the_field_and_how_much_would_fit(studio: Studio) -> None:
    problem = problem_of(studio, studio.artwork(studio.text(min_size_px=40)), {"name": "Wolfeschlegelsteinhausen"})
    assert (problem.code, problem.field) == ("text_does_not_fit", "name")
    assert "Wolfe" not in problem.remedy


@pytest.mark.parametrize("answers", [{}, {"name": "  "}])
def test_a_missing_required_answer_is_named(studio: Studio, answers: dict[str, str]) -> None:
    problem = problem_of(studio, studio.artwork(studio.text()), answers)
    assert (problem.code, problem.field) == ("answer_missing", "name")


@pytest.mark.parametrize(
    ("option", "answer"),
    [
        ({"label": "Name", "max_length": 3}, "Anna"),
        ({"label": "Name", "kind": "choice", "choices": ["Anna", "Bo"]}, "Cy"),
        ({"label": "Name"}, ["Anna", "Bo"]),
    ],
)
def test_an_answer_that_the_option_does_not_allow_is_refused(studio: Studio, option: dict, answer: object) -> None:
    problem = problem_of(studio, studio.artwork(studio.text(), name=option), {"name": answer})
    assert (problem.code, problem.field) == ("answer_invalid", "name")


def test_an_unknown_side_is_answered_with_the_known_ones(studio: Studio) -> None:
    problem = problem_of(studio, studio.artwork(studio.text()), side="sleeve")
    assert (problem.code, "front" in problem.remedy) == ("side_unknown", True)


@pytest.mark.parametrize(("width", "height"), [(400, 400), (300, 390), (20_000, 20_000)])
def test_a_profile_that_the_artwork_cannot_fill_is_refused(studio: Studio, width: int, height: int) -> None:
    artwork = studio.artwork(studio.text())
    assert problem_of(studio, artwork, {"name": "Anna"}, studio.profile(width, height)).code == "size_wrong"


def test_a_layer_stretched_beyond_all_measure_is_refused(studio: Studio, picture: Picture) -> None:
    artwork = studio.artwork(studio.image(picture(), width=1_000_000_000, height=1_000_000_000))
    assert problem_of(studio, artwork).code == "size_wrong"


def test_a_media_type_that_nobody_prints_is_refused(studio: Studio) -> None:
    problem = problem_of(studio, studio.artwork(studio.text()), profile=studio.profile(media_type="image/gif"))
    assert problem.code == "output_unsupported"
