"""Put on PYTHONPATH by tests: a service started so can be killed between two steps of its work, without a hook in its code."""

import os
import sys
from pathlib import Path

FOLDER = os.environ.get("PLATEN_CRASH_FOLDER", "")
_words = sys.orig_argv
_module = _words[_words.index("-m") + 1] if "-m" in _words else ""

if FOLDER and _module.startswith("platen_") and _module != "platen_sandbox":
    import crash_points

    crash_points.arm(Path(FOLDER) / _module.removeprefix("platen_"))
