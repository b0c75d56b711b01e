"""The pages of the console: routes take requests, forms make commands of them, pages show what is known in words."""

from platen_console.web.routes import Console

__all__ = ["Console"]
