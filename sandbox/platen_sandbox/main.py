"""`platen-sandbox`: one process with shops and vendors."""

from pathlib import Path
from typing import Annotated

import typer

from .app import create_app
from .model import Plan
from .server import listen, server_of


def serve(
    http: Annotated[
        str, typer.Option(envvar="PLATEN_HTTP", help="host:port to listen on; port 0 takes any free one.")
    ] = "127.0.0.1:8190",
    state: Annotated[
        Path | None, typer.Option(envvar="PLATEN_SANDBOX_STATE", help="File that keeps orders and ledger across restarts.")
    ] = None,
    pace: Annotated[
        str, typer.Option(envvar="PLATEN_SANDBOX_PACE", help='Seconds from confirmed to shipped: "2", "1-3", or "manual".')
    ] = "1-3",
    rate_limit: Annotated[int, typer.Option(min=1, help="Calls per minute and vendor account; Printful allows 120.")] = 6000,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve WooCommerce shops at /shops/{shop} and Printful accounts at /vendors/{account}; steer at /sandbox."""
    host, _, port = http.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise _stop(f"--http is {http!r}; allowed: host:port, for example 127.0.0.1:8190")
    plan = plan_of(pace)
    if state is not None and (not state.parent.is_dir() or state.is_dir()):
        raise _stop(f"--state is {str(state)!r}; allowed: a file in a folder that exists")
    try:
        listener = listen(host.strip("[]"), int(port))
    except OSError as error:
        raise _stop(f"--http is {http!r}: {error.strerror}; stop what uses it or name another port") from None
    typer.echo(f"sandbox listening on http://{host}:{listener.getsockname()[1]}")
    server_of(create_app(state, plan, rate_limit), log_level=log_level, access_log=log_level == "debug").run(sockets=[listener])


def plan_of(pace: str) -> Plan:
    if pace == "manual":
        return Plan(mode="manual")
    least, _, most = pace.partition("-")
    try:
        bounds = (float(least), float(most or least))
    except ValueError:
        bounds = (1.0, 0.0)
    if not 0 <= bounds[0] <= bounds[1]:
        raise _stop(f'--pace is {pace!r}; allowed: seconds ("2"), a range ("1-3") or "manual"')
    return Plan(pace=bounds)


def _stop(message: str) -> typer.Exit:
    typer.echo(f"platen-sandbox: {message}", err=True)
    return typer.Exit(2)


def main() -> None:
    typer.run(serve)
