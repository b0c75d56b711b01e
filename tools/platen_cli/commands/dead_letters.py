"""`platen dead-letters`: what could not be honoured, why, and sending it again once the cause is mended."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from platen_cli.errors import UserError
from platen_cli.recovery.finding import find
from platen_cli.recovery.letters import Letter, Since, Wanted
from platen_cli.recovery.pile import Found, Pile
from platen_cli.recovery.reach import Reach, reach
from platen_cli.recovery.redrive import Redriven, redrive, why_not

from .common import DataOption, FromOption, ToOption, console, say

aside = Console(stderr=True, highlight=False, soft_wrap=True)
app = typer.Typer(no_args_is_help=True, help="Records that could not be honoured: find them, look at them, send them again.")

SHORT = 12
"""Digits of an id that are shown, and are enough to name one."""

ServiceOption = Annotated[str, typer.Option("--service", help="Only those of this service, such as orders.")]
TopicOption = Annotated[str, typer.Option("--topic", help="Only those that came from this topic, such as dispatch.results.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Only those whose reason holds these words.")]
OrderOption = Annotated[str, typer.Option("--order", help="Only those whose key or value holds this: an order's id or number.")]


@app.command("list")
def list_letters(
    service: ServiceOption = "",
    topic: TopicOption = "",
    reason: ReasonOption = "",
    order: OrderOption = "",
    since: FromOption = None,
    until: ToOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one object a line, with whole ids.")] = False,
    data: DataOption = None,
) -> None:
    """List the dead letters: where each came from, who gave up and why, and whether it was redriven. Nobody's data is shown."""
    where, wanted = reach(data), Wanted((), service, topic, reason, order, since, until)
    with Pile() as pile:
        asyncio.run(find(where, wanted, pile, values=False, tell=_tell_aside))
        for chunk in pile.chunks():
            if as_json:
                for found in chunk:
                    print(json.dumps(_as_json(*found), ensure_ascii=False))
            else:
                console.print(_listed(chunk))
        if not (pile or as_json):
            console.print("there are no dead letters" if wanted.is_everything else "no such dead letter")


@app.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As listed, or the beginning of it.")],
    save: Annotated[Path | None, typer.Option("--save", help="Write the value to this file, byte for byte.")] = None,
    data: DataOption = None,
) -> None:
    """Show one dead letter whole. Its headers and value may hold personal data, as the original did."""
    where = reach(data)
    with Pile() as pile:
        asyncio.run(find(where, Wanted((letter_id,)), pile))
        ((letter, since),) = next(pile.chunks())
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, words in (
        ("id", letter.id),
        ("from", f"{_place(letter)}, key {_key(letter.key)}"),
        ("reader", f"{letter.reader}, at {letter.time.isoformat()}"),
        ("reason", letter.reason),
        ("redriven", why_not(since) or "no"),
        *((f"  {name}", "(none)" if value is None else _words(value)) for name, value in letter.headers),
    ):
        table.add_row(name, words)
    console.print(table)
    if save is not None:
        save.write_bytes(letter.value or b"")
        say("platen", f"{letter.size} bytes in {save}")
    else:
        console.print(_words(letter.value) if letter.value is not None else "(no value)", markup=False)


@app.command("redrive")
def redrive_letters(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As listed; or choose by the options.")] = None,
    service: ServiceOption = "",
    topic: TopicOption = "",
    reason: ReasonOption = "",
    order: OrderOption = "",
    since: FromOption = None,
    until: ToOption = None,
    value: Annotated[Path | None, typer.Option("--value", help="One letter: send this file's bytes as its value.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="One letter: send it under this key.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if it was redriven already, or its key holds newer news.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    data: DataOption = None,
) -> None:
    """Send dead letters again, once: to their own topic and key, under their own ids, byte for byte.

    Mend the cause first. Whoever has handled the record already ignores it; who gives up again leaves a new dead letter.
    """
    wanted = Wanted(tuple(ids or ()), service, topic, reason, order, since, until)
    if wanted.is_everything:
        raise UserError("say which, by ids or options such as --topic, --reason, --order; `platen dead-letters list` shows all")
    corrected = None if value is None else _bytes_of(value)
    where = reach(data)
    right_key = None if key is None else key.encode()
    left = asyncio.run(_redrive(where, wanted, corrected, right_key, force, dry_run))
    if left:
        raise typer.Exit(1)


async def _redrive(where: Reach, wanted: Wanted, value: bytes | None, key: bytes | None, force: bool, dry_run: bool) -> int:
    """How many were left."""
    with Pile() as pile:
        await find(where, wanted, pile, tell=_tell_aside)
        total = len(pile)
        for option, given, what in (("--value", value, "value"), ("--key", key, "key")):
            if given is not None and total != 1:
                raise UserError(f"{option}: a corrected {what} is for one dead letter; {total} were chosen")
        count = Counter[str]()
        redriving = redrive(where, pile.chunks(), value=value, key=key, force=force, dry_run=dry_run)
        try:
            async with aclosing(redriving):
                async for done in redriving:
                    for each in done:
                        count[_tell(each, value, key, dry_run)] += 1
                    if count.total() < total:
                        _tell_aside(f"{count.total():,} of {total:,} dead letters")
        except asyncio.CancelledError:
            say("platen", "interrupted; run it again: what was sent already is left")
            raise
        say("platen", f"of {total} dead letters, {count['sent']} redriven, {count['left']} left")
        return count["left"]


def _tell(done: Redriven, value: bytes | None, key: bytes | None, dry_run: bool) -> str:
    """Says what became of it, and returns the word for that."""
    letter = done.letter
    name = f"{letter.id[:SHORT]} ({letter.reason})"
    under = f"key {_key(letter.key)}" if key is None else f"corrected key {_key(key)}"
    what = "its own value" if value is None else f"a corrected value of {len(value)} bytes"
    if done.why_not:
        word, line = "left", f"{name}: {done.why_not}"
    elif dry_run:
        place = letter.topic if key is not None else f"{letter.topic}[{letter.partition}]"
        word, line = "would send", f"{name} to {place}, {under}, {what}"
    else:
        place = f"{letter.topic}[{done.partition}] at {done.offset}"
        word, line = "sent", f"{name} to {place}, {under}, id {letter.message_id or '-'}, {what}"
    say(word, line)
    return word


def _tell_aside(line: str) -> None:
    """How far it is: not part of what was asked for, which may be read by a program."""
    aside.print(line)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UserError(f"--value {path}: {problem.strerror}") from None


def _listed(chunk: Sequence[Found]) -> Table:
    table = Table("id", "given up", "reader", "from", "key", "bytes", "redriven", "reason", box=None, pad_edge=False)
    for letter, since in chunk:
        again = "yes" if since.redriven else "no"
        given_up, key = f"{letter.time:%Y-%m-%d %H:%M:%S}", _key(letter.key)
        table.add_row(letter.id[:SHORT], given_up, letter.reader, _place(letter), key, str(letter.size), again, letter.reason)
    return table


def _place(letter: Letter) -> str:
    return f"{letter.topic}[{letter.partition}] {letter.offset}"


def _key(key: bytes | None) -> str:
    return "-" if key is None else _words(key)[:40]


def _words(raw: bytes) -> str:
    """As text where it is text, else as Python would write the bytes."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return repr(raw)
    return text if text.isprintable() else repr(text)


def _as_json(letter: Letter, since: Since) -> dict[str, object]:
    return {
        "id": letter.id,
        "service": letter.service,
        "reader": letter.reader,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "time": letter.time.isoformat(),
        "reason": letter.reason,
        "key": None if letter.key is None else _words(letter.key),
        "bytes": letter.size,
        "message_id": letter.message_id,
        "type": letter.type,
        "redriven": list(since.redriven),
    }
