"""What tests share: one broker and one cluster per run, a database per test from a template of each service."""

from .databases import drop_database, fresh_database
from .keeper import end, share

__all__ = ["drop_database", "end", "fresh_database", "share"]
