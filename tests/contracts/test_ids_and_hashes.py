import re
from unicodedata import normalize

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from platen_contracts.common import ArtworkRef, FileRef, OutputProfile
from platen_contracts.ids import derived_id, order_id
from platen_contracts.input_hash import input_hash

MUG = ArtworkRef(artwork_id="family-mug", version=3)
PROFILE = OutputProfile(profile_id="mug-11oz", version=1, width_px=2700, height_px=1050)
PHOTO = FileRef(sha256="ab" * 32, size=10, media_type="image/jpeg")
texts = st.text(max_size=20)
answers = st.dictionaries(st.text(min_size=1, max_size=8), texts | st.lists(texts, max_size=3) | st.just(PHOTO), max_size=5)


@given(parts=st.lists(st.text() | st.integers()))
def test_a_derived_id_is_32_hex_digits_and_always_the_same(parts: list[object]) -> None:
    assert re.fullmatch("[0-9a-f]{32}", derived_id(*parts))
    assert derived_id(*parts) == derived_id(*parts)


def test_ids_written_down_before_are_still_made() -> None:
    assert order_id("atelier-nour", "1001", "17") == "82be45e629f5580b96482b8d53830748"
    assert derived_id("order", "atelier-nour", "1001", "17") == "82be45e629f5580b96482b8d53830748"


def test_parts_do_not_run_into_each_other() -> None:
    assert len({derived_id("a", "bc"), derived_id("ab", "c"), derived_id("abc"), derived_id("a", "b", "c")}) == 4


@given(given_answers=answers)
def test_a_hash_does_not_depend_on_unicode_composition(given_answers: dict[str, str | list[str] | FileRef]) -> None:
    decomposed = {normalize("NFD", name): _decomposed(answer) for name, answer in given_answers.items()}
    composed = {normalize("NFC", name) for name in given_answers}
    assume(len(composed) == len(given_answers))
    assert input_hash(MUG, PROFILE, "front", given_answers) == input_hash(MUG, PROFILE, "front", decomposed)


def _decomposed(answer: str | list[str] | FileRef) -> str | list[str] | FileRef:
    if isinstance(answer, str):
        return normalize("NFD", answer)
    return answer if isinstance(answer, FileRef) else [normalize("NFD", text) for text in answer]


@given(given_answers=answers, data=st.data())
def test_a_hash_does_not_depend_on_the_order_of_the_answers(
    given_answers: dict[str, str | list[str] | FileRef], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(given_answers.items()))))
    assert input_hash(MUG, PROFILE, "front", given_answers) == input_hash(MUG, PROFILE, "front", shuffled)


def test_everything_that_a_print_file_is_drawn_from_is_in_its_hash() -> None:
    hashes = [
        input_hash(MUG, PROFILE, "front", {"name": "Zoë"}),
        input_hash(MUG, PROFILE, "back", {"name": "Zoë"}),
        input_hash(MUG, PROFILE, "front", {"name": "Zoe"}),
        input_hash(MUG, PROFILE, "front", {"name": ["Zoë"]}),
        input_hash(MUG, PROFILE, "front", {"names": "Zoë"}),
        input_hash(MUG, PROFILE, "front", {"name": PHOTO}),
        input_hash(MUG, PROFILE, "front", {"name": PHOTO.model_copy(update={"sha256": "cd" * 32})}),
        input_hash(MUG.model_copy(update={"version": 4}), PROFILE, "front", {"name": "Zoë"}),
        input_hash(MUG, PROFILE.model_copy(update={"version": 2}), "front", {"name": "Zoë"}),
        input_hash(MUG, PROFILE, "front", {}),
    ]
    assert len(set(hashes)) == len(hashes)
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)


def test_the_size_and_type_of_a_photo_change_nothing_since_its_bytes_are_the_same() -> None:
    same = PHOTO.model_copy(update={"size": 11, "media_type": "application/octet-stream"})
    assert input_hash(MUG, PROFILE, "front", {"p": PHOTO}) == input_hash(MUG, PROFILE, "front", {"p": same})


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("น้ำ", "8578046b46ad216891ef58ca7b5e5dbedf81f6b6d41d322eba09d225c5215206"),
        ("الله", "f4d39dc86d3b46edb2ae2432a31acdce2e4948fdccfbdfac13770b72762b8055"),
        ("Ångström", "daa9fab6eb97607b7b0e405e9d799ef672dbf413373c1c2241bfe4af0d0d84c5"),
    ],
)
def test_a_hash_written_down_stays_what_it_is(text: str, known: str) -> None:
    assert input_hash(MUG, PROFILE, "front", {"name": text}) == known
