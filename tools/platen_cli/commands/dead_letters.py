"""`platen dead-letters`: what could not be honoured, why, and sending it again once the cause is mended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from platen_cli.errors import UserError
from platen_cli.recovery.letters import Letter, Since, Wanted, letters, since_then
from platen_cli.recovery.reach import Reach, reach
from platen_cli.recovery.redrive import Redriven, redrive, why_not

from .common import DataOption, FromOption, ToOption, console, say

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
    found, fates = asyncio.run(_look(where, wanted))
    if as_json:
        for letter in found:
            print(json.dumps(_as_json(letter, fates[letter.id]), ensure_ascii=False))
        return
    table = Table("id", "given up", "reader", "from", "key", "bytes", "redriven", "reason", box=None, pad_edge=False)
    for letter in found:
        again = "yes" if fates[letter.id].redriven else "no"
        given_up, key = f"{letter.time:%Y-%m-%d %H:%M:%S}", _key(letter.key)
        table.add_row(letter.id[:SHORT], given_up, letter.reader, _place(letter), key, str(letter.size), again, letter.reason)
    console.print(table if found else "no such dead letter")


@app.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As listed, or the beginning of it.")],
    save: Annotated[Path | None, typer.Option("--save", help="Write the value to this file, byte for byte.")] = None,
    data: DataOption = None,
) -> None:
    """Show one dead letter whole. Its headers and value may hold personal data, as the original did."""
    where = reach(data)
    (letter,), fates = asyncio.run(_look(where, Wanted((letter_id,)), values=True))
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, words in (
        ("id", letter.id),
        ("from", f"{_place(letter)}, key {_key(letter.key)}"),
        ("reader", f"{letter.reader}, at {letter.time.isoformat()}"),
        ("reason", letter.reason),
        ("redriven", why_not(fates[letter.id]) or "no"),
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
    found, fates = asyncio.run(_look(where, wanted, values=True))
    for option, given, what in (("--value", value, "value"), ("--key", key, "key")):
        if given is not None and len(found) != 1:
            raise UserError(f"{option} {given}: a corrected {what} is for one dead letter; {len(found)} were chosen")
    right_key = None if key is None else key.encode()
    done = asyncio.run(redrive(where, found, fates, value=corrected, key=right_key, force=force, dry_run=dry_run))
    _tell(done, corrected, right_key, dry_run)


async def _look(where: Reach, wanted: Wanted, *, values: bool = False) -> tuple[list[Letter], Mapping[str, Since]]:
    found = await letters(where, wanted, values=values)
    return found, await since_then(where, found)


def _tell(done: Sequence[Redriven], value: bytes | None, key: bytes | None, dry_run: bool) -> None:
    what = "its own value" if value is None else f"a corrected value of {len(value)} bytes"
    for each in done:
        letter = each.letter
        name = f"{letter.id[:SHORT]} ({letter.reason})"
        under = f"key {_key(letter.key)}" if key is None else f"corrected key {_key(key)}"
        if each.why_not:
            say("left", f"{name}: {each.why_not}")
        elif dry_run:
            place = letter.topic if key is not None else f"{letter.topic}[{letter.partition}]"
            say("would send", f"{name} to {place}, {under}, {what}")
        else:
            place = f"{letter.topic}[{each.partition}] at {each.offset}"
            say("sent", f"{name} to {place}, {under}, id {letter.message_id or '-'}, {what}")
    sent, left = sum(each.offset is not None for each in done), sum(bool(each.why_not) for each in done)
    say("platen", f"of {len(done)} dead letters, {sent} redriven, {left} left")
    if left:
        raise typer.Exit(1)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UserError(f"--value {path}: {problem.strerror}") from None


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


def _as_json(letter: Letter, fate: Since) -> dict[str, object]:
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
        "redriven": fate.redriven,
    }
