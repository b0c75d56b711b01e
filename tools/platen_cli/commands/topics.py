"""`platen topics`: the broker's topics against the catalogue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer
from platen_contracts.topics import CATALOGUE
from platen_messaging.rebuild import Comparison
from rich.table import Table

from platen_cli.documents.topics_page import kept
from platen_cli.errors import UserError
from platen_cli.provision import TopicReport, TopicState, describe_topics, provision_topics
from platen_cli.recovery.reach import Reach, reach
from platen_cli.recovery.rebuild import rebuilding
from platen_cli.waiting import patiently

from .common import DataOption, console, say

app = typer.Typer(no_args_is_help=True, help="The broker's topics against the catalogue, and against the databases.")


@app.command()
def provision(
    data: DataOption = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a broker that does not answer yet.")] = 30,
) -> None:
    """Create what is missing and correct settings; partitions are never changed."""
    where = reach(data)
    tell(asyncio.run(patiently(lambda: provision_topics(where.kafka, prefix=where.prefix), wait)))


@app.command()
def describe(data: DataOption = None) -> None:
    """List every topic of the catalogue, and how the broker's one differs."""
    where = reach(data)
    reports = asyncio.run(describe_topics(where.kafka, prefix=where.prefix))
    table = Table("topic", "kind", "written by", "read by", "parts", "kept", "state", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for report in reports:
        topic = CATALOGUE[report.name.removeprefix(where.prefix)]
        state = report.detail or str(report.state)
        words = [report.name, str(topic.kind), ", ".join(topic.writers), ", ".join(topic.readers)]
        table.add_row(*words, str(report.partitions or "-"), kept(topic), state)
    console.print(table)
    wrong = [report for report in reports if report.state is not TopicState.UNCHANGED]
    if wrong:
        raise UserError(
            f"{len(wrong)} of {len(reports)} topics differ from the catalogue; `platen topics provision` corrects them"
        )


@app.command()
def rebuild(
    topic: Annotated[
        str, typer.Argument(metavar="orders.status|orders.history|orders.private", help="One that a service can tell again.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Only compare and report.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds until what is missing has to be sent.")] = 60,
    data: DataOption = None,
) -> None:
    """Hold a topic against its service's database, and have sent again what it lacks. Exits 1 where they differ.

    Rows that the topic does not hold as they are go into the service's outbox, and its relay sends them. Readers ignore a
    version that they hold already.
    """
    sent, seen = asyncio.run(_rebuild(reach(data), topic, check, wait))
    if not check:
        say("platen", f"{topic}: {sent} records sent again" if sent else f"{topic}: nothing was missing")
    say("platen", f"{topic}: {seen.records} records, database {seen.in_database[:16]}, topic {seen.in_topic[:16]}")
    if seen.equal:
        say("platen", f"{topic} equals the database")
        return
    if seen.missing:
        some = ", ".join(seen.keys)
        say("platen", f"not in the topic as they are: {seen.missing} ({some}, …); without --check they are sent again")
    if seen.surplus:
        say("platen", f"in the topic and not in the database, which is older: {seen.surplus}; nothing is removed")
    raise typer.Exit(1)


async def _rebuild(where: Reach, topic: str, check: bool, wait: float) -> tuple[int, Comparison]:
    async with rebuilding(where, topic) as work:
        if check:
            return 0, await work.compare()
        done = await work.rebuild(wait)
        return done.sent, done.now


def tell(reports: Sequence[TopicReport]) -> None:
    """One line per topic that was touched or differs, and the sum."""
    for report in reports:
        if report.state is not TopicState.UNCHANGED:
            say("topics", f"{report.name}: {report.state}" + (f" ({report.detail})" if report.detail else ""))
    sums = Counter(str(report.state) for report in reports)
    say("topics", f"{len(reports)} in the catalogue: " + ", ".join(f"{count} {state}" for state, count in sorted(sums.items())))
