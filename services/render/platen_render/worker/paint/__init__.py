"""What an artwork's side looks like for a buyer's answers, on any canvas and at any scale.

A preview is the same code at a lower scale; a PDF page is another canvas.
"""

from platen_render.worker.paint.scene import Photos, Warned, any_photo, no_photos
from platen_render.worker.paint.side import assets_of, paint, photos_of, raster

__all__ = ["Photos", "Warned", "any_photo", "assets_of", "no_photos", "paint", "photos_of", "raster"]
