"""The rows of sync: `states` for the desk, `due` for what poll and worker ask."""

from platen_sync.store.states import SyncStore

__all__ = ["SyncStore"]
