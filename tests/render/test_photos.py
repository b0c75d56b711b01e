"""What a buyer may send as a photo, and what is refused."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageCms
from platen_contracts.common import FileRef
from platen_render.worker import RenderProblem
from platen_render.worker.photos import MAX_BYTES, MAX_PIXELS, Inspected, inspect, opened, photos_from, small

Picture = Callable[..., bytes]
HEIC = (Path(__file__).parent / "photos" / "half_red.heic").read_bytes()
HEIC_WITH_ALPHA = (Path(__file__).parent / "photos" / "half_clear.heic").read_bytes()


def refusal(data: bytes, declared: str = "") -> str:
    with pytest.raises(RenderProblem) as problem:
        inspect(data, declared, "photo")
    assert problem.value.field == "photo"
    assert problem.value.remedy
    return problem.value.code


@pytest.mark.parametrize(
    ("form", "mode", "media_type"),
    [
        ("PNG", "RGBA", "image/png"),
        ("PNG", "LA", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "L", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGB", "image/webp"),
        ("WEBP", "RGBA", "image/webp"),
    ],
)
def test_every_usual_photo_becomes_rgba(picture: Picture, form: str, mode: str, media_type: str) -> None:
    data = picture(mode=mode, form=form)
    assert inspect(data, media_type) == inspect(data, "") == Inspected(media_type, 30, 40)
    pixels = opened(data, media_type)
    assert (pixels.bands, pixels.format, pixels.interpretation, pixels.numpy()[..., :3].std() > 10) == (4, "uchar", "srgb", True)


def test_a_photo_of_an_iphone_is_decoded_with_its_transparency() -> None:
    assert inspect(HEIC, "image/heif") == Inspected("image/heic", 120, 80)
    red, white = (opened(HEIC, "").numpy()[40, place] for place in (10, 110))
    assert (red[0] > 170, red[1] < 60, white[1] > 230, white[3]) == (True, True, True, 255)
    half = opened(HEIC_WITH_ALPHA, "").numpy()
    assert (half[30, 5, 3], half[30, 60, 3]) == (255, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_however_the_camera_was_held(orientation: int) -> None:
    upright = Image.new("RGB", (160, 240))
    upright.paste("#ffffff", (0, 0, 80, 120))
    undone = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    held = upright if orientation == 1 else upright.transpose(Image.Transpose(undone[orientation]))
    exif = held.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    target = io.BytesIO()
    held.save(target, "JPEG", exif=exif)
    assert inspect(target.getvalue(), "image/jpeg") == Inspected("image/jpeg", 160, 240)
    pixels = opened(target.getvalue(), "").numpy()[..., 0]
    assert pixels[:110, :70].min() > 240
    assert max(pixels[130:, :].max(), pixels[:, 90:].max()) < 15


def test_a_photo_with_a_colour_profile_is_brought_to_srgb() -> None:
    shifted = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    lab = ImageCms.profileToProfile(Image.new("RGB", (20, 20), "#3060c0"), srgb, shifted, outputMode="LAB")
    target = io.BytesIO()
    Image.new("RGB", (20, 20), "#3060c0").save(target, "PNG", icc_profile=srgb.tobytes())
    assert abs(opened(target.getvalue(), "").numpy()[5, 5, :3].astype(int) - (0x30, 0x60, 0xC0)).max() <= 2
    assert lab.mode == "LAB"


def test_a_colour_profile_that_does_not_fit_is_left_aside(picture: Picture) -> None:
    plain, spoilt = picture(), picture(icc_profile=b"\x00\x00\x02\x00nothing that a profile would say" * 9)
    assert (opened(plain, "").numpy() == opened(spoilt, "").numpy()).all()


def test_a_small_one_is_made_for_previews_and_none_is_enlarged(picture: Picture) -> None:
    image = small(picture(800, 400, form="JPEG"), "", 200)
    assert (image.width, image.height, image.bands) == (200, 100, 4)
    assert small(picture(80, 40), "", 200).width == 80


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(width: int, height: int) -> bytes:
    """One bit a pixel, all the same: small as a file, huge as pixels."""
    packer = zlib.compressobj(9)
    row = bytes(width // 8 + 2)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def made(size: tuple[int, int] = (40, 30), form: str = "PNG", **saving: object) -> bytes:
    target = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(target, form, **saving)  # pyright: ignore[reportArgumentType]
    return target.getvalue()


def with_png_size(data: bytes, width: int, height: int) -> bytes:
    head = struct.pack(">II", width, height) + data[24:29]
    return data[:8] + chunk(b"IHDR", head) + data[33:]


def with_jpeg_size(data: bytes, width: int, height: int) -> bytes:
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("evil.sh", "#!/bin/sh")
    return target.getvalue()


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    return data[:33] + chunk(kind, body) + data[33:]


def with_comment(data: bytes, words: bytes) -> bytes:
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(words) + 2) + words + data[2:]


PNG, JPEG, WEBP = made(), made(form="JPEG"), made(form="WEBP", lossless=True)

HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "bomb of 400 megapixels": ("photo_too_large", png_bomb(20_000, 20_000), "image/png"),
    "bomb of one long row": ("photo_too_large", png_bomb(200_000, 4), "image/png"),
    "png that lies about its size": ("photo_too_large", with_png_size(PNG, 60_000, 60_000), "image/png"),
    "png that lies a little": ("photo_corrupt", with_png_size(PNG, 40, 3000), "image/png"),
    "png of no size": ("photo_corrupt", with_png_size(PNG, 0, 0), "image/png"),
    "jpeg that lies about its size": ("photo_too_large", with_jpeg_size(JPEG, 65_500, 65_500), "image/jpeg"),
    "jpeg that lies a little": ("photo_corrupt", with_jpeg_size(JPEG, 40, 9000), "image/jpeg"),
    "too many bytes": ("photo_too_large", PNG + bytes(MAX_BYTES), "image/png"),
    "png cut in its pixels": ("photo_corrupt", PNG[:-400], "image/png"),
    "png without its end": ("photo_corrupt", PNG[:-12], "image/png"),
    "png of its signature": ("photo_corrupt", PNG[:8], "image/png"),
    "jpeg cut in its pixels": ("photo_corrupt", JPEG[:-200], "image/jpeg"),
    "jpeg of its signature": ("photo_corrupt", JPEG[:4], "image/jpeg"),
    "webp cut in its pixels": ("photo_corrupt", WEBP[:-200], "image/webp"),
    "webp cut and mended": ("photo_corrupt", b"RIFF" + struct.pack("<I", 32) + WEBP[8:40], "image/webp"),
    "heic cut in its pixels": ("photo_corrupt", HEIC[:-40], "image/heic"),
    "heic of its head": ("photo_corrupt", HEIC[:32], "image/heic"),
    "heic of noise": ("photo_corrupt", HEIC[:28] + bytes(len(HEIC) - 28), "image/heic"),
    "jpeg called png": ("photo_mislabelled", JPEG, "image/png"),
    "png called jpeg": ("photo_mislabelled", PNG, "image/jpeg"),
    "heic called jpeg": ("photo_mislabelled", HEIC, "image/jpeg"),
    "png called html": ("photo_mislabelled", PNG, "text/html; charset=utf-8"),
    "png called svg": ("photo_mislabelled", PNG, "image/svg+xml"),
    "svg": ("photo_unsupported", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    "svg called png": ("photo_unsupported", b"<?xml version='1.0'?>\n<!-- x -->\n<svg><script/></svg>", "image/png"),
    "svg with an entity bomb": ("photo_unsupported", b"<!DOCTYPE x [<!ENTITY a 'aa'>]><svg>&a;</svg>", "image/svg+xml"),
    "pdf": ("photo_unsupported", b"%PDF-1.7\n1 0 obj", "application/pdf"),
    "postscript": ("photo_unsupported", b"%!PS-Adobe-3.0 EPSF-3.0", "image/png"),
    "truetype font": ("photo_unsupported", b"\x00\x01\x00\x00\x00\x0f" + bytes(60), "font/ttf"),
    "opentype font": ("photo_unsupported", b"OTTO" + bytes(60), "image/png"),
    "woff2 font": ("photo_unsupported", b"wOF2" + bytes(60), "image/png"),
    "gif": ("photo_unsupported", made(form="GIF"), "image/gif"),
    "tiff": ("photo_unsupported", made(form="TIFF"), "image/tiff"),
    "bmp": ("photo_unsupported", made(form="BMP"), "image/bmp"),
    "zip": ("photo_unsupported", zipped(), "application/zip"),
    "gzip": ("photo_unsupported", zlib.compress(bytes(10**6), wbits=31), "image/png"),
    "fits, gzipped": ("photo_unsupported", zlib.compress(b"SIMPLE  =", wbits=31), "image/fits"),
    "film": ("photo_unsupported", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42", "image/heic"),
    "avif": ("photo_unsupported", b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avifmiaf", "image/heic"),
    "program": ("photo_unsupported", b"\x7fELF" + bytes(60), "image/png"),
    "page": ("photo_unsupported", b"<!DOCTYPE html><html><img src=x onerror=alert(1)>", "image/png"),
    "path for imagemagick": ("photo_unsupported", b"push graphic-context\nimage over 0,0 0,0 '|id'", "image/png"),
    "nothing": ("photo_unsupported", b"", "image/png"),
    "png with a zip behind": ("photo_polyglot", PNG + zipped(), "image/png"),
    "jpeg with a zip behind": ("photo_polyglot", JPEG + zipped(), "image/jpeg"),
    "jpeg with a zip and more behind": ("photo_polyglot", JPEG + zipped() + bytes(900), "image/jpeg"),
    "heic with a zip behind": ("photo_polyglot", HEIC + zipped(), "image/heic"),
    "webp with a page behind": ("photo_polyglot", WEBP + b"<html><script>alert(1)</script>", "image/webp"),
    "jpeg with php in its comment": ("photo_polyglot", with_comment(JPEG, b"<?php system($_GET[0]); ?>"), "image/jpeg"),
    "jpeg with a pdf in its comment": ("photo_polyglot", with_comment(JPEG, b"\n%PDF-1.4\n"), "image/jpeg"),
    "png with a script in its text": ("photo_polyglot", with_chunk(PNG, b"tEXt", b"Title\0<SCRIPT>alert(1)"), "image/png"),
    "png with a drawing in its text": ("photo_polyglot", with_chunk(PNG, b"iTXt", b"x\0\0\0\0\0<svg onload=x>"), "image/png"),
    "png with a rar behind": ("photo_polyglot", PNG + b"Rar!\x1a\x07\x00", "image/png"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_with_its_reason(name: str) -> None:
    code, data, declared = HOSTILE[name]
    assert refusal(data, declared) == code


def test_what_cameras_append_is_no_reason_to_refuse() -> None:
    film = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42" + bytes(5000)
    for trailer in (bytes(4096), JPEG, film, b"SEFH" + bytes(40) + b"SEFT"):
        assert inspect(JPEG + trailer, "image/jpeg").width == 40


def test_limits_leave_room_for_the_largest_camera_of_a_phone() -> None:
    assert MAX_PIXELS >= 108_000_000


def test_photos_for_painting_come_by_their_sha256_and_are_held_to_it(picture: Picture) -> None:
    files = {it: FileRef(sha256=it, size=9, media_type="image/png") for it in ("a" * 64, "b" * 64)}
    photos = photos_from(files, {"b" * 64: picture()}.get)
    for sha256, code in (("a" * 64, "photo_missing"), ("b" * 64, "photo_corrupt"), ("c" * 64, "photo_missing")):
        with pytest.raises(RenderProblem) as problem:
            photos(sha256)
        assert problem.value.code == code
