"""The structure around the pixels: whole to its end, and nothing else hidden in it.

A file that is a photo to one program and an archive, a document or a page of the web to another (a polyglot) hides the other in
the metadata or behind the end. What cameras append there (padding, a second JPEG, a short film) is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from platen_render.worker.problems import RenderProblem

Part = tuple[int, int]
"""Start and end of bytes that are not pixels."""

_ACTIVE = re.compile(
    rb"%PDF-|<\?php|<script|<html|<!doctype html|<svg[\s>]|<iframe|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|PK\x03\x04", re.I
)
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557
"""Bytes from the end in which programs look for the end of a zip archive."""


class Broken(Exception):
    """The file ends too early, or is not built as its kind is."""


def check_container(data: bytes, media_type: str, field: str | None) -> None:
    """Raises `photo_corrupt` and `photo_polyglot`; each names `field`."""
    try:
        parts = list(_PARTS[media_type](data))
    except Broken as why:
        remedy = "export the photo again and upload it again"
        raise RenderProblem("photo_corrupt", field, f"the photo is damaged: {why}", remedy) from None
    if any(_ACTIVE.search(data, start, end) for start, end in parts) or _ends_as_zip(data):
        remedy = "export the photo again with a photo program, which leaves everything else behind"
        raise RenderProblem("photo_polyglot", field, "the photo holds another file of an active kind", remedy)


def _ends_as_zip(data: bytes) -> bool:
    place = data.rfind(_ZIP_END, max(0, len(data) - _ZIP_TAIL))
    if place < 0 or place + 22 > len(data):
        return False
    size, offset = (int.from_bytes(data[place + at : place + at + 4], "little") for at in (12, 16))
    return size >= 46 and size + offset <= place


_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.S)


def _jpeg(data: bytes) -> Iterator[Part]:
    """Every segment, and what stands behind the end of the image."""
    place = 2
    while True:
        marker = _MARKER.search(data, place)
        if marker is None:
            raise Broken("it ends too early")
        kind, place = marker[1][0], marker.end()
        if kind == 0xD9:
            yield place, len(data)
            return
        if kind in (0x01, 0xD8):
            continue
        length = int.from_bytes(data[place : place + 2])
        if length < 2 or place + length > len(data):
            raise Broken("it ends too early")
        yield place, place + length
        place += length


def _png(data: bytes) -> Iterator[Part]:
    place = 8
    while place + 12 <= len(data):
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        end = place + 12 + length
        if end > len(data) or not kind.isalpha():
            break
        if kind not in (b"IDAT", b"fdAT"):
            yield place, end
        if kind == b"IEND":
            yield end, len(data)
            return
        place = end
    raise Broken("it ends too early")


def _webp(data: bytes) -> Iterator[Part]:
    end = int.from_bytes(data[4:8], "little") + 8
    if end > len(data) or end < 20:
        raise Broken("it ends too early")
    place = 12
    while place + 8 <= end:
        following = place + 8 + int.from_bytes(data[place + 4 : place + 8], "little")
        if following > end:
            raise Broken("it ends too early")
        if data[place : place + 4] not in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            yield place, following
        place = following + (following & 1)
    yield end, len(data)


def _heic(data: bytes) -> Iterator[Part]:
    """Boxes at the top. `mdat` holds the pixels, and Exif and XMP besides."""
    place, kinds = 0, set[bytes]()
    while place + 8 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16])
        elif size == 0:
            size = len(data) - place
        if size < 8 or place + size > len(data):
            if {b"meta", b"mdat"} <= kinds:
                break
            raise Broken("it ends too early")
        kinds.add(kind)
        if kind != b"mdat":
            yield place, place + size
        place += size
    if not {b"meta", b"mdat"} <= kinds:
        raise Broken("it ends too early")
    yield place, len(data)


_PARTS: Mapping[str, Callable[[bytes], Iterator[Part]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/heic": _heic,
}
