"""`platen replay`: a slice of a topic becomes one Retry per order."""

from __future__ import annotations

import asyncio
import getpass
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, CommandReply
from rich.table import Table

from platen_cli.errors import UserError
from platen_cli.recovery.reach import reach
from platen_cli.recovery.replay import Found, Replies, Run, Slice, find, retry

from .common import DataOption, console, moment, say


def replay(
    topic: Annotated[str, typer.Argument(help="Any topic, such as dispatch.results or orders.dead-letter.")],
    since: Annotated[
        datetime,
        typer.Option("--from", parser=moment, metavar="TIME", help="Records from then on: 2026-11-23T06:00 (UTC), or 2h (ago)."),
    ],
    until: Annotated[
        datetime | None, typer.Option("--to", parser=moment, metavar="TIME", help="Records from before then; now by default.")
    ] = None,
    order: Annotated[str, typer.Option("--order", help="Only this order, by its id or number.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask what would happen; nothing does.")] = False,
    run: Annotated[
        str, typer.Option("--run", help="A run to send again: 32 hex digits, as a run says; what it has sent is not done twice.")
    ] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the replies.")] = 30,
    data: DataOption = None,
) -> None:
    """Retry every order that a slice of a topic speaks of, once each. Nothing is ever printed twice.

    `orders` decides each Retry with what it knows today: only an order that is Failed to send is sent again, and dispatch looks
    it up at the vendor first. Each Retry names the version that was read; it is refused if the order has changed since.
    """
    where = reach(data)
    # A run that is repeated was answered, in part, before.
    answered_since, run = (since, run) if run else (None, uuid4().hex)
    if not re.fullmatch(r"[0-9a-f]{32}", run):
        raise UserError(f"--run {run}: 32 hex digits are expected, as an earlier run has said")
    spoken = asyncio.run(find(where, Slice(topic, since, until or datetime.now(UTC)), order))
    say("platen", f"{spoken.records} records of {topic} speak of {len(spoken.orders)} orders; run {run}")
    if spoken.nobody:
        say("platen", f"{spoken.nobody} names in them are of no order that orders.status knows")
    if not spoken.orders:
        return
    asked = Run(run, getpass.getuser(), dry_run, answered_since)
    replies = asyncio.run(retry(where, spoken.orders, asked, wait))
    _show(spoken.orders, replies, dry_run)
    if len(replies) < len(spoken.orders):
        missing = len(spoken.orders) - len(replies)
        raise UserError(
            f"{missing} replies did not come within {wait:g} s; see that orders is ready, then give --run {run} again"
        )


def _show(orders: Sequence[Found], replies: Replies, dry_run: bool) -> None:
    table = Table("order", "id", "was", "version", "reply", "why", box=None, pad_edge=False)
    for one in orders:
        word, why = _told(replies.get(one.order_id), dry_run)
        table.add_row(one.number, one.order_id, one.status, str(one.version), word, why)
    console.print(table)
    sums = Counter(_told(replies.get(one.order_id), dry_run)[0] for one in orders)
    say("platen", f"{len(orders)} orders: " + ", ".join(f"{count} {word}" for word, count in sorted(sums.items())))


def _told(reply: CommandReply | None, dry_run: bool) -> tuple[str, str]:
    match reply:
        case CommandApplied(status=status):
            return ("would be retried" if dry_run else "retried"), f"it stays {status.value} until dispatch answers"
        case CommandIgnored(reason=reason):
            return "ignored", reason
        case CommandRefused(code=code, reason=reason):
            return "refused", f"{code}: {reason}"
        case _:
            return "no reply", "not yet"
