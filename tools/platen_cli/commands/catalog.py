"""`platen catalog`: check and publish a folder of documents."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from platen_cli.catalog import push, read_catalog
from platen_cli.errors import UserError
from platen_cli.stack.run import is_running, read_run
from platen_cli.stack.settings import data_folder

from .common import DataOption, console

app = typer.Typer(no_args_is_help=True, help="Artworks, listings, shops and vendors.")
Folder = Annotated[Path, typer.Argument(help="Holds vendors.yaml, shops.yaml, listings.yaml and artworks/.")]


@app.command("check")
def check(folder: Folder) -> None:
    """Explain every mistake in the folder, and publish nothing."""
    catalog = read_catalog(folder)
    console.print(
        f"{folder} is fine: {len(catalog.artworks)} artworks, {len(catalog.listings)} listings, "
        f"{len(catalog.shops)} shops, {len(catalog.vendors)} vendors"
    )


@app.command("push")
def push_folder(folder: Folder, data: DataOption = None) -> None:
    """Publish the folder to the running system (`platen up`, or PLATEN_KAFKA and PLATEN_OBJECTS)."""
    catalog = read_catalog(folder)
    kafka, objects = os.environ.get("PLATEN_KAFKA"), os.environ.get("PLATEN_OBJECTS")
    prefix = os.environ.get("PLATEN_TOPIC_PREFIX", "")
    if not kafka or not objects:
        if not is_running(data_folder(data)):
            raise UserError("nothing to push to: start `platen up`, or set PLATEN_KAFKA and PLATEN_OBJECTS")
        run = read_run(data_folder(data))
        kafka, objects, prefix = kafka or run["kafka"], objects or run["objects"], prefix or run["topic_prefix"]
    count = asyncio.run(push(catalog, kafka, objects, prefix))
    console.print(f"published {count} documents and {len(catalog.pictures)} pictures")
