"""Takes due orders to their vendors: claims, leases, and the facts that come back."""

from platen_dispatch.worker.work import Worker

__all__ = ["Worker"]
