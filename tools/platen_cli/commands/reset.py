"""`platen reset`: an empty data folder."""

from __future__ import annotations

import shutil

from platen_cli.demo.place import SANDBOX_STATE
from platen_cli.errors import UserError
from platen_cli.local import reap
from platen_cli.stack.run import only_run
from platen_cli.stack.settings import data_folder

from .common import DataOption, say

OWN = ("kafka", "postgres", "objects", "logs", "run.json", "run.partial", SANDBOX_STATE, "lock")
"""What a run makes in its data folder; anything else there is not ours to remove."""


def reset(data: DataOption = None) -> None:
    """Remove everything the runs in the data folder have kept. Refuses while one is up."""
    folder = data_folder(data)
    if not folder.exists():
        say("platen", f"nothing kept in {folder}")
        return
    with only_run(folder):
        for ended in reap(folder):
            say("leftovers", f"ended {ended} of a killed run")
        try:
            for name in OWN:
                path = folder / name
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        except OSError as problem:
            raise UserError(f"{problem.filename}: cannot be removed ({problem.strerror})") from None
    if not any(folder.iterdir()):
        folder.rmdir()
    say("platen", f"{folder} is clear")
