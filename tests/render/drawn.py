"""Print files alone, without pictures of them."""

from typing import Any

from platen_render.worker.outputs import press


def draw(*inputs: Any) -> bytes:
    """The bytes of `press`."""
    return press(*inputs, views=False).data
