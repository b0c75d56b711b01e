"""`platen trace`: everything that any topic tells of one order."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from platen_cli.recovery.reach import reach
from platen_cli.recovery.trace import trace as find

from .common import DataOption, FromOption, console


def trace(
    name: Annotated[
        str, typer.Argument(help="An order's id or number (#1001), or a correlation id, as logs and messages bear it.")
    ],
    since: FromOption = None,
    data: DataOption = None,
) -> None:
    """Show every record of an order on any topic, by time, each with the correlation id of the work that it belongs to."""
    for each in asyncio.run(find(reach(data), name, since)):
        moment = each.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        console.print(f"{moment} {each.correlation[:8]:<8} {each.line.rstrip()}", markup=False, soft_wrap=True)
