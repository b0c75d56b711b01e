"""What a file is, by its bytes alone."""

from __future__ import annotations

import re

from platen_render.worker.problems import RenderProblem

MAX_BYTES = 50 * 1024 * 1024
"""More than a phone of 100 megapixels writes."""

MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/heic"})
"""What a photo may be."""

USE_ANOTHER = "use a JPEG, PNG, WebP or HEIC photo"

_SAME = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/heif": "image/heic"}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
"""Of still pictures in HEVC. Sequences, and AV1 in the same container, are none."""

_BEFORE_SVG = rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*"

_OTHERS = (
    ("an SVG drawing", re.compile(_BEFORE_SVG + rb"<svg[\s>]", re.I | re.S)),
    ("a PDF", re.compile(rb"[\s\S]{0,1023}?%PDF-")),
    ("a PostScript file", re.compile(rb"%!PS|\xc5\xd0\xd3\xc6")),
    ("a font", re.compile(rb"\x00\x01\x00\x00[\x00-\x01].|OTTO|true\x00|ttcf|wOFF|wOF2", re.S)),
    ("a GIF", re.compile(rb"GIF8[79]a")),
    ("a TIFF or camera raw file", re.compile(rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+")),
    ("an AVIF picture or a film", re.compile(rb".{4}ftyp", re.S)),
    ("a Photoshop file", re.compile(rb"8BPS")),
    ("an icon or bitmap", re.compile(rb"\x00\x00[\x01\x02]\x00|BM.{4}\x00\x00\x00\x00", re.S)),
    ("a zip archive or office document", re.compile(rb"PK(\x03\x04|\x05\x06)")),
    ("a compressed file", re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!")),
    ("a program", re.compile(rb"MZ|\x7fELF|#!|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe")),
    ("a page of the web", re.compile(rb"\s*(?:<!doctype html|<html|<script|<\?php)", re.I)),
)  # fmt: skip


def media_type_of(data: bytes, declared: str, field: str | None) -> str:
    """One of `MEDIA_TYPES`, by the bytes; `declared` must say the same or nothing.

    Raises `photo_too_large`, `photo_unsupported` and `photo_mislabelled`; each names `field`.
    """
    if len(data) > MAX_BYTES:
        raise RenderProblem(
            "photo_too_large", field, f"the photo has {len(data):,} bytes; {MAX_BYTES:,} are allowed", "use a smaller photo"
        )
    found = _sniffed(data)
    if found is None:
        raise RenderProblem("photo_unsupported", field, f"the file is {_described(data)}", USE_ANOTHER)
    named = declared.split(";")[0].strip().lower()
    if named not in _SAYS_NOTHING and _SAME.get(named, named) != found:
        message = f"the file calls itself {named[:80]!r} and is {found}"
        raise RenderProblem("photo_mislabelled", field, message, f"give the file its real type; {USE_ANOTHER}")
    return found


def _sniffed(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/heic" if _is_heic(data) else None


def _is_heic(data: bytes) -> bool:
    """By its major brand, or for a general one by those it says it is compatible with."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4]), 256)
    brands = {data[place : place + 4] for place in range(16, end, 4)}
    return data[8:12] in _BRANDS or (data[8:12] in (b"mif1", b"msf1") and bool(brands & _BRANDS))


def _described(data: bytes) -> str:
    if not data:
        return "empty"
    return next((name for name, pattern in _OTHERS if pattern.match(data[:2048])), "of an unknown kind")
