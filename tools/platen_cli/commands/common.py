"""What the sub-commands share: options, words, and running until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from platen_contracts.topics import SERVICES
from rich.console import Console
from rich.text import Text

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder that keeps data between runs (PLATEN_DATA; default .platen).")
]


class PortChoice(StrEnum):
    FIXED = "fixed"
    AUTO = "auto"


PortsOption = Annotated[
    PortChoice, typer.Option("--ports", help="Fixed ports (console 8100, sync 8101, …, kafka 8192) or any free ones.")
]

# What is missing is told by this name.
ServiceArgument = Annotated[str, typer.Argument(metavar="|".join(SERVICES), help="Whose it is.")]

COLOURS = {
    "sync": "cyan",
    "orders": "green",
    "render": "magenta",
    "dispatch": "yellow",
    "tracking": "blue",
    "console": "bright_cyan",
    "sandbox": "bright_magenta",
}
# A file or a pipe has no width to fit; a table must not be cut there.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)


def say(name: str, line: str) -> None:
    """One line with the part's name in front, in the part's colour."""
    console.print(Text(f"{name:<10}", style=COLOURS.get(name, "bold")) + Text("│ ", style="dim") + Text.from_ansi(line))


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say("platen", record.getMessage())


def show_notes() -> None:
    """Shows what the library logs under `platen`, such as that Kafka is being fetched."""
    notes = logging.getLogger("platen")
    notes.setLevel(logging.INFO)
    notes.addHandler(_Said())
    notes.propagate = False


SAME_WISH_S = 1.0
"""A signal this soon after the first is the same wish: `uv run` passes on what the whole process group was sent already."""


def run_until_told(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs the work; Ctrl-C or SIGTERM cancels it, so that it stops in good order; a later one ends everything at once."""

    async def guarded() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        told: float | None = None

        def tell() -> None:
            nonlocal told
            if told is None:
                told = loop.time()
                say("platen", "stopping; once more to end everything at once")
                task.cancel()
            elif loop.time() - told >= SAME_WISH_S:
                # The kernel ends the children with this process.
                os._exit(130)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, tell)
        try:
            await work()
        except asyncio.CancelledError:
            if told is None:
                raise

    asyncio.run(guarded())


def moment(text: str) -> datetime:
    """`2026-11-23T06:00`, with or without a zone (UTC then), or how long ago: `90s`, `15m`, `2h`, `3d`."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if ago:
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[ago[2]])
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a time like 2026-11-23T06:00 (UTC) nor an age like 90s, 15m, 2h, 3d"
        ) from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


FromOption = Annotated[
    datetime | None,
    typer.Option("--from", parser=moment, metavar="TIME", help="From then on: 2026-11-23T06:00 (UTC), or 2h (ago)."),
]
ToOption = Annotated[datetime | None, typer.Option("--to", parser=moment, metavar="TIME", help="Until before then.")]
