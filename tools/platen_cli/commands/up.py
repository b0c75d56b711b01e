"""`platen up`: the whole system in the foreground."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from platen_cli.provision.databases import hide_password
from platen_cli.stack import Stack
from platen_cli.stack.settings import data_folder

from .common import DataOption, PortChoice, PortsOption, console, run_until_told, say, show_notes


def up(
    data: DataOption = None,
    ports: PortsOption = PortChoice.FIXED,
    service: Annotated[list[str] | None, typer.Option(help="Only this service (repeatable); all by default.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Keep the services' lines in DATA/logs, off the terminal.")] = False,
) -> None:
    """Start Kafka and Postgres (unless PLATEN_KAFKA, PLATEN_POSTGRES_ADMIN name yours), set them up, run every service."""
    show_notes()
    stack = Stack(
        data_folder(data),
        ports=ports.value,
        services=service,
        on_line=(lambda name, line: None) if quiet else say,
        on_progress=say,
    )

    async def work() -> None:
        async with stack:
            console.print(_summary(stack))
            say("platen", f"up; data in {stack.data}; Ctrl-C stops, `platen status` looks, `platen reset` clears")
            await asyncio.Event().wait()

    run_until_told(work)


def _summary(stack: Stack) -> Table:
    table = Table("part", "address", box=None, pad_edge=False)
    for name, url in stack.urls.items():
        table.add_row(name, url)
    table.add_row("kafka", stack.bootstrap)
    table.add_row("postgres", hide_password(stack.postgres_admin))
    table.add_row("objects", stack.objects)
    return table
