"""`platen replay`: a slice of a topic becomes one Retry per order."""

from __future__ import annotations

import asyncio
import getpass
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, CommandReply
from rich.table import Table

from platen_cli.errors import UserError
from platen_cli.recovery.reach import reach
from platen_cli.recovery.replay import Found, Replies, Run, Slice, check_topic, find, retry

from .common import DataOption, console, moment, say

NAMED = 3
"""Orders that a line of the table names; with those that have come to the same, it would be as long as there are orders."""


def _known(topic: str) -> str:
    """A wrong topic is told before what else is missing."""
    check_topic(topic)
    return topic


def replay(
    topic: Annotated[str, typer.Argument(callback=_known, help="Any topic, such as dispatch.results or orders.dead-letter.")],
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
        words = f"{'--dry-run ' if dry_run else ''}--run {run}"
        raise UserError(
            f"{missing} replies did not come within {wait:g} s; see that orders is ready, then give the same with {words}"
        )


def _show(orders: Sequence[Found], replies: Replies, dry_run: bool) -> None:
    """A line for each status and answer; every order by itself is in the console and in `platen trace`."""
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in orders:
        word, why = _told(replies.get(one.order_id), dry_run)
        alike[word, one.status, why].append(one.number)
    table = Table("orders", "which", "was", "reply", "why", box=None, pad_edge=False)
    for (word, status, why), numbers in sorted(alike.items()):
        more = ", …" if len(numbers) > NAMED else ""
        table.add_row(str(len(numbers)), ", ".join(numbers[:NAMED]) + more, status, word, why)
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
