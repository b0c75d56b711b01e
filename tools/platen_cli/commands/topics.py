"""`platen topics`: the broker's topics against the catalogue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from platen_contracts.topics import CATALOGUE
from rich.table import Table

from platen_cli.documents.topics_page import kept
from platen_cli.errors import UserError
from platen_cli.provision import TopicReport, TopicState, describe_topics, provision_topics
from platen_cli.stack import Given
from platen_cli.stack.run import read_run
from platen_cli.stack.settings import data_folder

from .common import DataOption, console, patiently, say

app = typer.Typer(no_args_is_help=True, help="The broker's topics against the catalogue.")


@app.command()
def provision(
    data: DataOption = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a broker that does not answer yet.")] = 30,
) -> None:
    """Create what is missing and correct settings; partitions are never changed."""
    bootstrap, prefix = _broker(data)
    tell(asyncio.run(patiently(lambda: provision_topics(bootstrap, prefix=prefix), wait)))


@app.command()
def describe(data: DataOption = None) -> None:
    """List every topic of the catalogue, and how the broker's one differs."""
    bootstrap, prefix = _broker(data)
    reports = asyncio.run(describe_topics(bootstrap, prefix=prefix))
    table = Table("topic", "kind", "written by", "read by", "parts", "kept", "state", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for report in reports:
        topic = CATALOGUE[report.name.removeprefix(prefix)]
        state = report.detail or str(report.state)
        words = [report.name, str(topic.kind), ", ".join(topic.writers), ", ".join(topic.readers)]
        table.add_row(*words, str(report.partitions or "-"), kept(topic), state)
    console.print(table)
    wrong = [report for report in reports if report.state is not TopicState.UNCHANGED]
    if wrong:
        raise UserError(
            f"{len(wrong)} of {len(reports)} topics differ from the catalogue; `platen topics provision` corrects them"
        )


def tell(reports: Sequence[TopicReport]) -> None:
    """One line per topic that was touched or differs, and the sum."""
    for report in reports:
        if report.state is not TopicState.UNCHANGED:
            say("topics", f"{report.name}: {report.state}" + (f" ({report.detail})" if report.detail else ""))
    sums = Counter(str(report.state) for report in reports)
    say("topics", f"{len(reports)} in the catalogue: " + ", ".join(f"{count} {state}" for state, count in sorted(sums.items())))


def _broker(data: Path | None) -> tuple[str, str]:
    """Bootstrap and prefix: of the environment, else of the run that is up."""
    given = Given.from_environment()
    if given.kafka:
        return given.kafka, given.topic_prefix
    run = read_run(data_folder(data))
    return run["kafka"], run["topic_prefix"]
