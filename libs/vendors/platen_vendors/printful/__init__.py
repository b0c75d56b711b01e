"""Printful, API v1."""

from platen_vendors.printful.calls import Printful

__all__ = ["Printful"]
