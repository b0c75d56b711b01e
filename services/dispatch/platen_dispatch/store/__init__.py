"""The rows of dispatch: `states` for the desk, `claims` for the worker."""

from platen_dispatch.store.claims import Claim, Claims
from platen_dispatch.store.states import DispatchStore

__all__ = ["Claim", "Claims", "DispatchStore"]
