"""`platen lanes`: what each service reads, and the stop limit undone."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from platen_cli.recovery import lanes
from platen_cli.recovery.reach import reach

from .common import DataOption, ServiceArgument, console, say

app = typer.Typer(help="The lanes of each service: lag, paused ones and why; let a paused one go on.")


@app.callback(invoke_without_command=True)
def show(context: typer.Context, data: DataOption = None) -> None:
    """List every lane that has read something: service, lane, consumer group, lag, and why it is paused."""
    if context.invoked_subcommand is not None:
        return
    found, problems = asyncio.run(lanes.lanes(reach(data)))
    table = Table("service", "lane", "group", "lag", "paused", box=None, pad_edge=False)
    for lane in found:
        lag = "-" if lane.lag is None else str(lane.lag)
        table.add_row(lane.service, lane.name, lane.group, lag, lane.paused or "no")
    console.print(table if found else "no lane has read anything yet")
    for problem in problems:
        say("platen", problem)
    if any(lane.paused for lane in found):
        say("platen", "mend the cause (`platen dead-letters` shows it), then `platen lanes resume SERVICE LANE`")
        raise typer.Exit(1)


@app.command("resume")
def resume(
    service: ServiceArgument,
    lane: Annotated[str, typer.Argument(help="Such as facts; `platen lanes` lists them.")],
    data: DataOption = None,
) -> None:
    """Let a paused lane go on where it stopped. Mend the cause first, or it pauses again."""
    reason = asyncio.run(lanes.resume(reach(data), service, lane))
    say(service, f"lane {lane} goes on within seconds; it was paused because {reason}")
