"""What a side is handed over as: the print file that the vendor's product asks for, and small pictures of it for people."""

from platen_render.worker.outputs.press import MEDIA_TYPES, Printed, files_of, press
from platen_render.worker.outputs.views import MAX_VIEW_BYTES, PREVIEW_SIDE, webp

__all__ = ["MAX_VIEW_BYTES", "MEDIA_TYPES", "PREVIEW_SIDE", "Printed", "files_of", "press", "webp"]
