"""The encoder of print files in PNG: strips, each filtered and compressed the way that suits it.

Photos come out smallest with the average filter and matches of distance 1 alone, which is also the fastest that zlib has; flat
graphics with the filter Up and a search for longer matches. Both are tried only where the first leaves little. Against libpng's
usual choice (adaptive filter, level 6) that takes a tenth of the time for files of the same size: see docs/performance.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from platen_render.worker.images import Pixels

STRIP = 32
_FLAT = 0.12
"""A strip that shrinks to less than this is no photo."""
_MM_PER_INCH = 25.4
_UP, _AVERAGE = 2, 3
_RGBA = 6
_PERCEPTUAL = b"\0"

Rows = npt.NDArray[np.uint8]


def png(pixels: Pixels, dpi: int) -> bytes:
    """RGBA pixels (alpha not multiplied in) as sRGB PNG with its dots per inch. The same pixels give the same bytes."""
    height, width, _ = pixels.shape
    per_metre = round(dpi / _MM_PER_INCH * 1000)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _RGBA, 0, 0, 0)),
            _chunk(b"sRGB", _PERCEPTUAL),
            _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
            *(_chunk(b"IDAT", piece) for piece in _zlib_stream(pixels.reshape(height, width * 4))),
            _chunk(b"IEND", b""),
        )
    )


def _zlib_stream(rows: Rows) -> Iterator[bytes]:
    """Strips know nothing of each other, so that each may be compressed in its own way; together they are one stream."""
    yield b"\x78\x01"
    checksum = 1
    above = np.zeros(rows.shape[1], np.uint8)
    for top in range(0, len(rows), STRIP):
        strip = rows[top : top + STRIP]
        packed, checksum = _smallest(strip, above, checksum)
        yield packed
        above = strip[-1]
    yield b"\x03\x00" + struct.pack(">I", checksum)


def _smallest(strip: Rows, above: Rows, checksum: int) -> tuple[bytes, int]:
    shifted = np.empty_like(strip)
    shifted[0], shifted[1:] = above, strip[:-1]
    filtered = _averaged(strip, shifted)
    packed = _deflated(filtered, 1, zlib_ng.Z_RLE)
    if len(packed) < len(filtered) * _FLAT:
        flat = _filtered(_UP, strip - shifted)
        searched = _deflated(flat, 4, zlib_ng.Z_DEFAULT_STRATEGY)
        if len(searched) < len(packed):
            filtered, packed = flat, searched
    return packed, zlib_ng.adler32(filtered, checksum)


def _averaged(strip: Rows, above: Rows) -> memoryview:
    left = np.zeros_like(strip)
    left[:, 4:] = strip[:, :-4]
    mean: Rows = (left & above) + np.right_shift(left ^ above, np.uint8(1))
    return _filtered(_AVERAGE, strip - mean)


def _filtered(kind: int, rest: Rows) -> memoryview:
    lines = np.empty((rest.shape[0], rest.shape[1] + 1), np.uint8)
    lines[:, 0], lines[:, 1:] = kind, rest
    return lines.data.cast("B")


def _deflated(data: memoryview, level: int, strategy: int) -> bytes:
    packer = zlib_ng.compressobj(level, zlib_ng.DEFLATED, -15, 9, strategy)
    return packer.compress(data) + packer.flush(zlib_ng.Z_FULL_FLUSH)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib_ng.crc32(data, zlib_ng.crc32(kind)))
