"""What is handed over, as the vendor's product asks for it."""

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from platen_contracts.common import FileRef
from platen_render.worker import RenderProblem
from platen_render.worker.outputs import MAX_VIEW_BYTES, Printed, files_of, press

from .conftest import Studio

Picture = Callable[..., bytes]
ANNA = {"name": "Anna"}
CMYK = bytes(pyvips.Image.profile_load("cmyk"))
SRGB = bytes(pyvips.Image.profile_load("srgb"))


def kept(studio: Studio, data: bytes, media_type: str) -> FileRef:
    file = FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)
    studio.assets[file.sha256] = data
    return file


def red(studio: Studio) -> dict[str, Any]:
    target = io.BytesIO()
    Image.new("RGB", (4, 4), "#e01020").save(target, "PNG")
    return studio.image(target.getvalue(), x=0, y=0, width=150, height=400)


def pressed(studio: Studio, media_type: str, **profile: Any) -> Printed:
    artwork = studio.artwork(red(studio), studio.text())
    return press(artwork, "front", ANNA, studio.profile(media_type=media_type, **profile), studio.assets)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/tiff", "application/pdf"])
@pytest.mark.parametrize("colours", [None, CMYK])
def test_the_same_inputs_give_the_same_bytes(studio: Studio, media_type: str, colours: bytes | None) -> None:
    icc = None if colours is None else kept(studio, colours, "application/vnd.iccprofile")
    assert pressed(studio, media_type, icc=icc) == pressed(studio, media_type, icc=icc)


def test_a_png_has_alpha_its_dots_per_inch_and_says_that_its_colours_are_srgb(studio: Studio) -> None:
    data = pressed(studio, "image/png", dpi=150).data
    image = opened(data)
    assert (image.mode, image.size, round(image.info["dpi"][0]), image.info["srgb"]) == ("RGBA", (300, 400), 150, 0)
    assert (image.getpixel((10, 10)), image.getpixel((290, 10))) == ((0xE0, 0x10, 0x20, 255), (0, 0, 0, 0))
    place = data.index(b"sRGB")
    assert struct.unpack(">I", data[place + 5 : place + 9])[0] == zlib.crc32(b"sRGB\x00")


def test_a_jpeg_is_on_white_with_its_dots_per_inch_and_profile(studio: Studio) -> None:
    image = opened(pressed(studio, "image/jpeg", dpi=150).data)
    assert (image.format, image.mode, image.size, round(image.info["dpi"][0])) == ("JPEG", "RGB", (300, 400), 150)
    assert image.getpixel((290, 10)) == (255, 255, 255)
    assert b"sRGB" in image.info["icc_profile"] or len(image.info["icc_profile"]) > 300


def test_a_tiff_is_rgb_with_alpha_without_a_profile(studio: Studio) -> None:
    image = opened(pressed(studio, "image/tiff").data)
    assert (image.format, image.mode, image.size, round(image.info["dpi"][0])) == ("TIFF", "RGBA", (300, 400), 300)


def test_a_tiff_for_a_press_is_cmyk_through_the_vendors_profile(studio: Studio) -> None:
    icc = kept(studio, CMYK, "application/vnd.iccprofile")
    image = opened(pressed(studio, "image/tiff", icc=icc).data)
    assert (image.mode, image.size, image.info["icc_profile"]) == ("CMYK", (300, 400), CMYK)
    cyan, magenta, yellow, _ = image.getpixel((10, 10))  # type: ignore[misc]
    assert (cyan < 60, magenta > 200, yellow > 180) == (True, True, True)
    assert max(image.getpixel((290, 10))) <= 2  # type: ignore[arg-type]
    back = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(CMYK)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert back is not None
    assert np.abs(np.array(back.getpixel((10, 10))) - (0xE0, 0x10, 0x20)).max() < 40


@pytest.mark.parametrize("data", [SRGB, b"nothing", CMYK[:200], CMYK[:128] + bytes(len(CMYK) - 128)])
def test_a_profile_that_is_of_no_press_is_refused_with_a_remedy(studio: Studio, data: bytes) -> None:
    with pytest.raises(RenderProblem) as problem:
        pressed(studio, "image/tiff", icc=kept(studio, data, "application/vnd.iccprofile"))
    assert (problem.value.code, problem.value.field) == ("output_unsupported", "profile.icc")


def test_a_profile_that_is_not_there_is_told(studio: Studio) -> None:
    icc = FileRef(sha256="0" * 64, size=1, media_type="application/vnd.iccprofile")
    with pytest.raises(RenderProblem, match="push the catalog again"):
        pressed(studio, "image/tiff", icc=icc)


def test_an_output_that_no_one_makes_is_refused(studio: Studio) -> None:
    with pytest.raises(RenderProblem, match="use one of: image/png, image/jpeg, image/tiff, application/pdf"):
        pressed(studio, "image/gif")


def test_a_pdf_has_the_prints_size_and_its_texts_as_vectors(studio: Studio) -> None:
    data = press(studio.artwork(studio.text()), "front", ANNA, studio.profile(media_type="application/pdf", dpi=150), {}).data
    assert data.startswith(b"%PDF-")
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    assert (float(box[1]), float(box[2])) == (144, 192)
    assert b"/Subtype /Image" not in data
    assert b"/CreationDate" not in data


def test_a_preview_is_a_small_webp_however_rich_the_print(studio: Studio, picture: Picture) -> None:
    artwork = studio.artwork(studio.image(picture(1500, 2000)))
    printed = press(artwork, "front", {}, studio.profile(1500, 2000), studio.assets)
    image = opened(printed.views["preview"])
    assert image.format == "WEBP"
    assert max(image.size) <= 800
    assert len(printed.views["preview"]) <= MAX_VIEW_BYTES
    assert set(press(artwork, "front", {}, studio.profile(1500, 2000), studio.assets, views=False).views) == set()


@pytest.mark.parametrize("media_type", ["image/png", "application/pdf"])
def test_a_mockup_shows_the_print_where_it_lies_on_the_product(studio: Studio, media_type: str) -> None:
    shirt = io.BytesIO()
    Image.new("RGB", (600, 600), "#2040f0").save(shirt, "PNG")
    photo = kept(studio, shirt.getvalue(), "image/png")
    mockups = {"front": {"photo": photo.model_dump(), "x": 200, "y": 100, "width": 150, "height": 200}}
    printed = pressed(studio, media_type, mockups=mockups)
    image = opened(printed.views["mockup"]).convert("RGB")
    assert image.size == (600, 600)
    for place, colour in {(220, 120): (224, 16, 32), (340, 120): (32, 64, 240), (10, 10): (32, 64, 240)}.items():
        assert np.abs(np.array(image.getpixel(place)) - colour).max() < 24
    assert files_of(studio.profile(mockups=mockups), "front") == [photo]
    assert files_of(studio.profile(mockups=mockups), "back") == []


def test_a_mockup_that_cannot_be_made_is_a_warning_and_the_print_is_made(studio: Studio) -> None:
    photo = FileRef(sha256="0" * 64, size=1, media_type="image/png")
    printed = pressed(studio, "image/png", mockups={"front": {"photo": photo.model_dump(), "width": 10, "height": 10}})
    assert (set(printed.views), list(printed.warnings)) == ({"preview"}, ["mockup_missing profile.mockups"])
