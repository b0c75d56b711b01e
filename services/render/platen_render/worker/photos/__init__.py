"""The buyer's photos: told what they are by their bytes, checked before and while they are decoded, brought upright and to sRGB.

Meant for the drawing processes: what hostile bytes do to a decoder, they do to a process that may die.
"""

from platen_render.worker.photos.decode import MAX_PIXELS, Inspected, inspect, opened, photos_from, small
from platen_render.worker.photos.kinds import MAX_BYTES, MEDIA_TYPES, media_type_of

__all__ = [
    "MAX_BYTES", "MAX_PIXELS", "MEDIA_TYPES", "Inspected", "inspect", "media_type_of", "opened", "photos_from", "small",
]  # fmt: skip
