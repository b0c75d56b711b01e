"""The colours of a vendor's press."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

import pyvips

from platen_render.worker.problems import RenderProblem

_FIELD = "profile.icc"
_SIGNATURE, _SPACE = slice(36, 40), slice(16, 20)
_SPACES = {b"CMYK": "cmyk"}


def to_press(image: pyvips.Image, icc: bytes | None) -> pyvips.Image:
    """sRGB pixels without alpha as CMYK through the profile `icc`, which goes with them. Raises `output_unsupported`."""
    if icc is None:
        raise _unfit("the colour profile is not in the object store", "push the catalog again")
    if icc[_SIGNATURE] != b"acsp" or icc[_SPACE] not in _SPACES:
        raise _unfit(
            "the file is no ICC profile of a CMYK press", "use the output profile (.icc) that the vendor gives for its press"
        )
    with _as_file(icc) as path:
        try:
            converted = image.icc_transform(path, input_profile="srgb", intent="relative", black_point_compensation=True, depth=8)
            return converted.copy_memory()
        except pyvips.Error:
            raise _unfit("the colour profile cannot be used", "ask the vendor for its profile again") from None


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    with NamedTemporaryFile(prefix="platen-icc-", suffix=".icc") as file:
        file.write(data)
        file.flush()
        yield file.name


def _unfit(message: str, remedy: str) -> RenderProblem:
    return RenderProblem("output_unsupported", _FIELD, message, remedy)
