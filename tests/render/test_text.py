import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_render.worker import RenderProblem
from platen_render.worker.fonts import FALLBACKS, chain
from platen_render.worker.text import NOTDEF, Line, embedding_levels, itemise, shape, visual_order

from tests.examples import examples

FACES = chain("Noto Sans", "name")


def glyph_ids(text: str) -> list[int]:
    return [glyph.glyph_id for glyph in shape(text, FACES, "name").glyphs]


def families(line: Line) -> list[str]:
    return list(dict.fromkeys(glyph.face.family for glyph in line.glyphs))


def test_arabic_letters_join_so_their_glyphs_differ_from_the_isolated_forms() -> None:
    joined = glyph_ids("محمد")
    isolated = [glyph_ids(letter)[0] for letter in "محمد"]
    assert NOTDEF not in joined
    assert not set(joined[1:]) & set(isolated)  # joined[0] is the last letter, which joins only to its right


def test_arabic_reads_from_right_to_left() -> None:
    clusters = [glyph.cluster for glyph in shape("محمد", FACES, "name").glyphs]
    assert clusters == sorted(clusters, reverse=True)


def test_lam_and_alef_become_one_ligature_or_a_joined_pair() -> None:
    assert glyph_ids("لا") != [glyph_ids("ا")[0], glyph_ids("ل")[0]]


def test_a_thai_tone_mark_moves_up_over_a_vowel() -> None:
    over_consonant = shape("ป่", FACES, "name").outline().computeTightBounds().top()
    over_vowel = shape("ปี่", FACES, "name").outline().computeTightBounds().top()
    assert over_vowel < over_consonant


def test_each_script_comes_from_the_first_face_of_the_chain_that_has_it() -> None:
    assert families(shape("Anna", FACES, "name")) == ["Noto Sans"]
    assert families(shape("กัญญา", FACES, "name")) == ["Noto Sans Thai"]
    assert set(families(shape("Anna محمد", FACES, "name"))) == {"Noto Sans", "Noto Sans Arabic"}


def test_the_layers_own_font_comes_before_the_fallbacks() -> None:
    assert families(shape("Anna", chain("Pacifico", "name"), "name")) == ["Pacifico"]


def test_a_space_between_two_arabic_words_does_not_split_their_run() -> None:
    assert [run.face.family for run in itemise("محمد علي", FACES, "name")] == ["Noto Sans Arabic"]


def test_a_sign_between_two_directions_comes_from_the_layers_own_font() -> None:
    line = shape("Anna محمد & Bo", chain("Pacifico", "name"), "name")
    assert next(glyph.face.family for glyph in line.glyphs if glyph.cluster == line.text.index("&")) == "Pacifico"


def test_what_follows_a_sign_of_a_fallback_comes_from_the_layers_own_font_again() -> None:
    line = shape("Heebo → 900", chain("Heebo", "name"), "name")
    fonts = {character: glyph.face.family for glyph in line.glyphs for character in line.text[glyph.cluster]}
    assert fonts["9"] == fonts["0"] == "Heebo" != fonts["→"]


def test_a_sign_that_is_no_emoji_has_the_colour_of_the_text_where_some_font_allows() -> None:
    star, smile = shape("★", FACES, "name").glyphs[0], shape("😀", FACES, "name").glyphs[0]
    assert star.face.colour is None
    assert smile.face.colour is not None


def test_a_mark_on_a_letter_of_another_script_is_still_drawn() -> None:
    assert len(families(shape("ا\u0e31", FACES, "name"))) == 2


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("abc", [0, 0, 0]),
        ("אב 12", [1, 1, 1, 2, 2]),
        ("a (ב) c", [0, 0, 0, 1, 0, 0, 0]),
        ("levels: [ Level(7)", [0] * 18),
        ("", []),
    ],
)
def test_embedding_levels_follow_uax_9(text: str, levels: list[int]) -> None:
    assert embedding_levels(text) == levels


def test_a_latin_name_inside_arabic_keeps_its_own_direction_in_visual_order() -> None:
    text = "مرحبا Anna أهلا"
    seen = [text[run.start : run.end].strip() for run in visual_order(itemise(text, FACES, "name"))]
    assert [part for part in seen if part] == ["أهلا", "Anna", "مرحبا"]


def test_a_decomposed_letter_looks_like_the_composed_one() -> None:
    assert glyph_ids("Ame\u0301lie") == glyph_ids("Am\u00e9lie")


def test_a_mark_stays_in_the_face_of_its_base() -> None:
    line = shape("x\u0331", FACES, "name")
    assert len(families(line)) == 1


def test_every_character_that_no_allowed_font_has_is_named() -> None:
    with pytest.raises(RenderProblem) as problem:
        shape("Anna 漢字", chain("Pacifico", "name", fallback=["Noto Sans"]), "name")
    assert (problem.value.code, problem.value.field) == ("glyph_missing", "name")
    assert "U+6F22, U+5B57" in problem.value.message
    assert "\u6f22" not in problem.value.remedy


def test_an_unknown_font_is_answered_with_the_allowed_ones() -> None:
    with pytest.raises(RenderProblem, match=r"Comic Sans.*Pacifico") as problem:
        chain("Comic Sans", "layers.1")
    assert problem.value.code == "font_unknown"


@examples(150)
@given(st.text(st.sampled_from("abÅé (1)-محمدلاกัญปี่้\u200d\u200f\u2066\u2069"), max_size=25))
def test_every_character_of_any_mix_is_shaped_exactly_once(text: str) -> None:
    line = shape(text, FACES, "name")
    assert all(glyph.glyph_id != NOTDEF for glyph in line.glyphs)
    runs = itemise(line.text, FACES, "name")
    assert [place for run in runs for place in range(run.start, run.end)] == list(range(len(line.text)))
    assert sorted(run.start for run in visual_order(runs)) == [run.start for run in runs]


def test_every_fallback_is_an_installed_font_with_a_real_height() -> None:
    assert all(face.ascent > 0 and face.descent > 0 for family in FALLBACKS for face in chain(family, "x"))
