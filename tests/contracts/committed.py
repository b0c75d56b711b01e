"""The contracts as they were: what is in topics and in other people's code already."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

from platen_contracts.generate import SCHEMAS

PACKAGE = SCHEMAS.parent

SETTLED = "df6ca560"
"""The commit at which the contracts were settled; compared with until a release is tagged."""


def committed(folder: str) -> dict[str, str]:
    """Path below `folder` ("schemas" or "examples") to text, as of `PLATEN_CONTRACTS_BASE`, the last release, or `SETTLED`.

    In a clone that does not reach so far back it is the last commit; outside a git checkout the files on disk are all there is.
    """
    if _git("rev-parse", "--is-inside-work-tree") is None:
        return {
            path.relative_to(PACKAGE / folder).as_posix(): path.read_text("utf-8") for path in (PACKAGE / folder).rglob("*.json")
        }
    base = os.environ.get("PLATEN_CONTRACTS_BASE") or _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    base = base or _git("rev-parse", "--verify", "--quiet", f"{SETTLED}^{{commit}}") or "HEAD"
    packed = subprocess.run(["git", "archive", base, folder], cwd=PACKAGE, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.name.endswith(".json")]
        return {name.removeprefix(f"{folder}/"): file.read().decode() for name, file in files if file is not None}


def _git(*words: str) -> str | None:
    try:
        told = subprocess.run(["git", *words], cwd=PACKAGE, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return told.stdout.strip() if told.returncode == 0 else None
