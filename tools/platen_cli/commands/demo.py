"""`platen demo`: the main job, with a sandbox shop and vendors, before your eyes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from platen_contracts.orders import OrderSnapshot
from rich.live import Live

from platen_cli.audit import Evidence, audit_twice, gather, summary, told
from platen_cli.demo import show
from platen_cli.demo.board import Board
from platen_cli.demo.check import report
from platen_cli.demo.place import Place, attached, own_stack
from platen_cli.demo.play import Result, play
from platen_cli.demo.story import SHOP
from platen_cli.errors import UserError
from platen_cli.stack import Stack
from platen_cli.stack.settings import data_folder

from .common import DataOption, PortChoice, PortsOption, console, run_until_told, say, show_notes


def demo(
    data: DataOption = None,
    ports: PortsOption = PortChoice.FIXED,
    orders: Annotated[int, typer.Option(min=1, max=5000, help="How many shop orders.")] = 25,
    once: Annotated[
        bool, typer.Option("--once", help="Check the result, write the report, stop; exit 1 if anything is off. On free ports.")
    ] = False,
    report_file: Annotated[Path | None, typer.Option("--json", help="File for the report.")] = None,
    attach: Annotated[bool, typer.Option("--attach", help="Play on a stack that runs, instead of starting one.")] = False,
    small: Annotated[bool, typer.Option("--small", help="Print files of 360×480 instead of 3600×4800 pixels.")] = False,
    patience: Annotated[float, typer.Option(min=1, help="Seconds until what is not settled counts as wrong.")] = 600,
) -> None:
    """Start everything with a sandbox shop and vendors; orders flow to Fulfilled before your eyes."""
    show_notes()
    if report_file is not None and not os.access(report_file.absolute().parent, os.W_OK):
        raise UserError(f"--json {report_file}: its folder is not there, or may not be written to")
    # A run that checks itself starts from nothing, unless told where; the one to look at keeps what it had.
    passing = Path(tempfile.mkdtemp(prefix="platen-demo-")) if once and data is None and not attach else None
    verdict: list[Result] = []

    async def work() -> None:
        async with AsyncExitStack() as cleanup:
            folder = passing or data_folder(data)
            if attach:
                place = attached(folder)
            else:
                place = await cleanup.enter_async_context(
                    own_stack(folder, auto_ports=once or ports is PortChoice.AUTO, show_lines=False)
                )
            result = await _play(place, orders, small, patience)
            if once and place.stack is not None:
                result.mistakes.extend(await _audited(place, place.stack, result.board))
            verdict.append(result)
            _tell(result, place, report_file)
            if not once:
                say("platen", "everything stays up; Ctrl-C stops it")
                await asyncio.Event().wait()

    try:
        run_until_told(work)
    finally:
        if passing is not None and verdict and not verdict[0].mistakes:
            shutil.rmtree(passing, ignore_errors=True)
        elif passing is not None:
            say("platen", f"what it kept, with the logs, stays in {passing}")
    if once and (not verdict or verdict[0].mistakes):
        raise typer.Exit(1)


async def _audited(place: Place, stack: Stack, board: Board) -> list[str]:
    """What the auditor has found, with traces; nobody buries anything in a demo."""
    accepted = frozenset((SHOP, shop_order) for shop_order in board.plans)

    async def look() -> Evidence:
        return await gather(place.kafka, stack.databases, place.topic_prefix, sandbox=place.sandbox, accepted=accepted)

    verdict, evidence = await audit_twice(look)
    say("audit", summary(verdict))
    return list(told(verdict, evidence))


async def _play(place: Place, orders: int, small: bool, patience: float) -> Result:
    board, began = Board({}), time.monotonic()
    if not console.is_terminal:
        news = show.News()

        def watch(_: Board, order: OrderSnapshot) -> None:
            if line := news.of(order):
                say("orders", line)

        return await play(place, orders, watch, board, small=small, patience_s=patience)
    # The whole table is printed at the end; until then, what fits on the screen can be redrawn in place.
    with Live(
        console=console, get_renderable=lambda: show.table(board, began, console.height), refresh_per_second=4, transient=True
    ):
        return await play(place, orders, _nothing, board, small=small, patience_s=patience)


def _nothing(board: Board, order: OrderSnapshot) -> None:
    """The live table draws itself."""


def _tell(result: Result, place: Place, report_file: Path | None) -> None:
    told = report(result.board, result.ledger, result.seconds, result.mistakes)
    console.print(show.table(result.board, time.monotonic() - result.seconds))
    for words in show.to_look_at(result.board, place):
        console.print(words)
    for mistake in result.mistakes:
        console.print(f"[red]off:[/] {mistake}")
    verdict = "[green]all as it should be[/]" if not result.mistakes else f"[red]{len(result.mistakes)} things are off[/]"
    console.print(f"{told['orders']} orders of {told['shop_orders']} shop orders in {told['seconds']} s: {verdict}")
    if report_file is not None:
        report_file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
