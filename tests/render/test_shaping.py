"""Our shaping beside that of an independent renderer: Pango, with its own bidi and itemising, out of the package pyvips-binary.

Nothing of the machine is asked for, neither its Pango nor its fonts: where Pango is not there these tests fail, none is skipped.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import fontpkg
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from platen_render.worker.paint import no_photos, raster

from .conftest import Studio

SIZE = 80
STRINGS = {
    "Noto Sans": [
        "Zoë Ångström", "fi ffi office", "Đặng Thị Hương", "AVATAR To Ty", "Łukasz Żółć", "x\u0331 e\u0301 n\u0303",
        "Ελένη Παπαδοπούλου", "Γιώργος", "Екатерина Щукина", "Їжак й Ґанок",
    ],
    "Noto Sans Arabic": ["محمد الأنصاري", "مُحَمَّد", "لا إله", "السلام عليكم", "فاطمة الزهراء", "پرویز گل", "١٢٣ كتاب", "ععع ههه"],
    "Heebo": ["שלום עולם", "אברהם בן דוד", "(מזל) טוב", "12 שקל"],
    "Noto Sans Thai": ["กัญญารัตน์", "ปี่ ป่ ปี้", "น้ำ ก๋วยเตี๋ยว", "ศรีสุวรรณ ที่", "เพื่อน"],
    "Noto Sans Devanagari": ["क्षत्रिय", "हिन्दी", "श्रीकृष्ण", "विद्यार्थी", "ॐ र्क"],
    "Pacifico": ["Happy Birthday", "Привет мир"],
    "Noto Sans JP": ["日本語", "東京 かな カナ", "「ありがとう」。"],
    "Noto Sans KR": ["한글 사랑", "안녕하세요"],
}  # fmt: skip
CASES = [(family, text) for family, texts in STRINGS.items() for text in texts]

Ink = npt.NDArray[np.float64]


def ours(family: str, text: str) -> Ink:
    layer = {"kind": "text", "text": text, "x": 20, "y": 20, "width": 1160, "height": 260, "font": family, "fallback": []}
    artwork = Studio().artwork(layer | {"size": SIZE, "wrap": False}).model_copy(update={"width_px": 1200, "height_px": 300})
    pixels, _ = raster(artwork, "front", {}, {}, no_photos, 1200, 300)
    return cropped(pixels[..., 3] / 255)


def pangos(family: str, text: str) -> Ink:
    code = family.removeprefix("Noto Sans ")
    cjk = files("justmytype_intl_cjk") / f"fonts/ofl/notosans{code.lower()}/NotoSans{code}[wght].ttf"
    file = str(cjk if code in ("JP", "KR") else fontpkg.path(family))
    image: Any = pyvips.Image.text(text, font=f"{family} {SIZE}", fontfile=file, dpi=72)
    return cropped(np.frombuffer(image.write_to_memory(), np.uint8).reshape(image.height, image.width) / 255)


def cropped(ink: Ink) -> Ink:
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.5), np.flatnonzero(ink.max(axis=0) > 0.5)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def apart(one: Ink, other: Ink) -> float:
    """The strongest blot, a square of 5 x 5 pixels, that only one of the two has, where they fit best: edges that are
    hinted otherwise make lines, a lost mark or a letter in another form makes blots."""
    height, width = max(one.shape[0], other.shape[0]) + 4, max(one.shape[1], other.shape[1]) + 4
    base = np.pad(one, ((2, height - one.shape[0] - 2), (2, width - one.shape[1] - 2)))
    blots: list[float] = []
    for top in range(height - other.shape[0] + 1):
        for left in range(width - other.shape[1] + 1):
            laid = np.pad(other, ((top, height - other.shape[0] - top), (left, width - other.shape[1] - left)))
            sums = np.pad(np.abs(base - laid).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
            blots.append(float((sums[5:, 5:] - sums[:-5, 5:] - sums[5:, :-5] + sums[:-5, :-5]).max()) / 25)
    return min(blots)


@pytest.mark.parametrize(("family", "text"), CASES)
def test_a_text_looks_as_pango_sets_it(family: str, text: str) -> None:
    one, other = ours(family, text), pangos(family, text)
    assert abs(one.shape[0] - other.shape[0]) <= 3
    assert abs(one.shape[1] - other.shape[1]) <= 3
    assert apart(one, other) < 0.6


def test_a_mark_left_out_or_letters_unjoined_would_be_seen() -> None:
    assert apart(ours("Noto Sans Thai", "ปี่"), pangos("Noto Sans Thai", "ปี")) > 0.9
    unjoined = "م\u200cح\u200cم\u200cد"
    assert apart(ours("Noto Sans Arabic", "محمد"), pangos("Noto Sans Arabic", unjoined)) > 0.9
