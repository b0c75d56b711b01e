"""What becomes of a request, an artwork, a job's end, an order's word and a file that may be done with. Pure."""

from platen_render.decide.files import on_file_due, on_order, on_order_gone
from platen_render.decide.requests import on_artwork, on_drawing_failed, on_file_made, on_requested

__all__ = [
    "on_artwork", "on_drawing_failed", "on_file_due", "on_file_made", "on_order", "on_order_gone", "on_requested",
]  # fmt: skip
