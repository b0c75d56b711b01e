import hashlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from platen_contracts.common import FileRef
from platen_render.worker import RenderProblem
from platen_render.worker.images import stretched

Picture = Callable[..., bytes]


def ref(data: bytes, media_type: str = "image/png") -> FileRef:
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)


def problem_of(data: bytes | None, file: FileRef) -> RenderProblem:
    with pytest.raises(RenderProblem) as problem:
        stretched(data, file, 20, 20, "layers.0")
    assert problem.value.field == "layers.0"
    return problem.value


def bomb(width: int, height: int) -> bytes:
    """A valid PNG of one colour that is small as a file and huge as pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width // 8 + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("form", "mode", "media_type"),
    [
        ("PNG", "RGBA", "image/png"),
        ("PNG", "L", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGBA", "image/webp"),
    ],
)
def test_every_usual_kind_of_image_becomes_rgba_of_the_asked_size(
    picture: Picture, form: str, mode: str, media_type: str
) -> None:
    data = picture(mode=mode, form=form)
    pixels = stretched(data, ref(data, media_type), 21, 33, "layers.0")
    assert (pixels.shape, pixels.dtype) == ((33, 21, 4), np.uint8)
    assert pixels[..., :3].std() > 10
    assert (mode == "RGBA") or (pixels[..., 3] == 255).all()


def test_an_image_with_a_colour_profile_is_brought_to_srgb(picture: Picture) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, tagged = picture(), picture(icc_profile=profile)
    difference = stretched(plain, ref(plain), 30, 40, "x").astype(int) - stretched(tagged, ref(tagged), 30, 40, "x")
    assert np.abs(difference).max() <= 2


def test_an_image_that_is_not_there_is_missing(picture: Picture) -> None:
    assert problem_of(None, ref(picture())).code == "asset_missing"


def test_a_small_file_of_huge_dimensions_is_refused_before_it_is_decoded() -> None:
    data = bomb(20_000, 20_000)
    assert len(data) < 200_000
    problem = problem_of(data, ref(data))
    assert (problem.code, "20000 x 20000" in problem.message) == ("asset_too_large", True)


@pytest.mark.parametrize(("form", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
@pytest.mark.parametrize("lost", [40, 4000])
def test_a_truncated_image_is_corrupt(picture: Picture, form: str, media_type: str, lost: int) -> None:
    data = picture(200, 200, form=form)[:-lost]
    assert problem_of(data, ref(data, media_type)).code == "asset_corrupt"


def test_a_photo_taken_sideways_stands_upright() -> None:
    sideways, target = Image.new("RGB", (400, 200)), io.BytesIO()
    sideways.paste("#ffffff", (0, 0, 200, 200))
    turned = sideways.getexif()
    turned[ExifTags.Base.Orientation] = 6  # to be turned clockwise: its left side is its top
    sideways.save(target, "JPEG", exif=turned)
    pixels = stretched(target.getvalue(), ref(target.getvalue(), "image/jpeg"), 20, 40, "layers.0")
    assert pixels[:18, :, :3].min() > 240
    assert pixels[22:, :, :3].max() < 15


def test_bytes_that_do_not_match_their_name_are_corrupt(picture: Picture) -> None:
    assert problem_of(picture(31, 40), ref(picture(30, 40))).code == "asset_corrupt"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "image/svg+xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "image/png"),
        (b"%PDF-1.7", "application/pdf"),
        (b"GIF89a", "image/jpeg"),
        (b"", "image/png"),
        (b"\x89PNG\r\n\x1a\n", "image/jpeg"),
    ],
)
def test_any_other_or_mislabelled_file_is_unsupported(data: bytes, media_type: str) -> None:
    assert problem_of(data, ref(data, media_type)).code == "asset_unsupported"


def test_a_png_of_nothing_but_its_signature_is_corrupt() -> None:
    data = b"\x89PNG\r\n\x1a\n"
    assert problem_of(data, ref(data)).code == "asset_corrupt"
