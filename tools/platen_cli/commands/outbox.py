"""`platen outbox`: messages that Kafka would not take, and trying them again."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from platen_cli.recovery import outbox
from platen_cli.recovery.reach import reach

from .common import DataOption, ServiceArgument, console, say

app = typer.Typer(help="Messages that Kafka would not take, and why; let them be tried again.")


@app.callback(invoke_without_command=True)
def show(context: typer.Context, data: DataOption = None) -> None:
    """List every parked message: service, topic, key, why, and how many wait behind it. Exits 1 if there are any."""
    if context.invoked_subcommand is not None:
        return
    found = asyncio.run(outbox.parked(reach(data)))
    table = Table("service", "topic", "key", "message", "behind", "why", box=None, pad_edge=False)
    for each in found:
        table.add_row(each.service, each.topic, each.key, each.message_id[:12], str(each.behind), each.error)
    console.print(table if found else "nothing is parked")
    if found:
        say("platen", "mend the cause (a topic's max.message.bytes, a policy of the cluster), then `platen outbox retry SERVICE`")
        raise typer.Exit(1)


@app.command("retry")
def retry(
    service: ServiceArgument,
    topic: Annotated[str | None, typer.Option(help="Only what is meant for this one, such as orders.status.")] = None,
    data: DataOption = None,
) -> None:
    """Let what is parked be tried again, in its order. Mend the cause first, or it is parked again."""
    count = asyncio.run(outbox.retry(reach(data), service, topic))
    say(service, f"{count} parked messages are tried again")
