"""`platen docs`: the documents that are drawn from the catalogue and the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from platen_cli import documents
from platen_cli.errors import UserError

from .common import say


def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a document is out of date.")] = False,
    root: Annotated[Path, typer.Option(help="Folder of the repository.")] = Path(),
) -> None:
    """Write docs/topics.md, docs/asyncapi.yaml, the README's flow, the tables of docs/operations.md, docs/orders.md and
    docs/artworks.md, and the pictures of the last."""
    if not check:
        for name in documents.write(root):
            say("docs", f"wrote {name}")
    elif behind := documents.stale(root):
        raise UserError(f"{', '.join(behind)}: out of date; run `make docs` and commit")
