"""A catalog is a folder of documents: vendors, shops, listings, artworks and their pictures."""

from .push import push
from .read import Catalog, read_catalog

__all__ = ["Catalog", "push", "read_catalog"]
