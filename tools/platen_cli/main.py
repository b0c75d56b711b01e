"""The `platen` command: wiring of the sub-commands, and the one place where a user's mistake becomes one line."""

from __future__ import annotations

import sys

import typer

from .commands import audit, catalog, dead_letters, demo, docs, lanes, outbox, replay, reset, setup, status, topics, trace, up
from .errors import UserError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Runs and looks after Platen.", pretty_exceptions_enable=False)
app.command("up")(up.up)
app.command("status")(status.status)
app.command("reset")(reset.reset)
app.command("setup")(setup.setup)
app.command("demo")(demo.demo)
app.command("docs")(docs.docs)
app.add_typer(catalog.app, name="catalog")
app.add_typer(topics.app, name="topics")
app.add_typer(lanes.app, name="lanes")
app.add_typer(outbox.app, name="outbox")
app.add_typer(dead_letters.app, name="dead-letters")
app.command("replay")(replay.replay)
app.command("audit")(audit.audit)
app.command("trace")(trace.trace)


def main() -> None:
    try:
        app()
    except UserError as problem:
        print(f"platen: {problem}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
