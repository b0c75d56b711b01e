"""What browsers and vendors ask of render: files behind links, uploads, previews while typing."""

from platen_render.web.files import Files
from platen_render.web.interactive import Interactive

__all__ = ["Files", "Interactive"]
