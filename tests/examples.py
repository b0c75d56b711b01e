"""How many examples a property is tried on: the same ones in every run, so that what fails is of the change that is tested.

PLATEN_EXAMPLES=5000 (`make soak-properties`) tries as many others, each time new ones.
"""

from __future__ import annotations

import os

from hypothesis import settings

MORE = os.environ.get("PLATEN_EXAMPLES")


def examples(count: int) -> settings:
    """Decorates a property that wants other than 100 examples; as many as are asked for, where some are."""
    return settings(max_examples=int(MORE or count), derandomize=MORE is None, deadline=None)
