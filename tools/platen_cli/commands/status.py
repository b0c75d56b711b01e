"""`platen status`: what runs, where, whether it is ready, how far behind it is."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from platen_cli.errors import UserError
from platen_cli.provision.databases import hide_password
from platen_cli.stack.lag import lags
from platen_cli.stack.run import Run, read_run
from platen_cli.stack.settings import data_folder
from platen_cli.wire import json_object

from .common import DataOption, console


def status(data: DataOption = None, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what runs, ports, readiness, restarts, and the lag of each consumer group. Exits 1 if a part is not ready."""
    run = read_run(data_folder(data))
    seen = asyncio.run(_look(run))
    if as_json:
        print(json.dumps(seen, indent=2))
    else:
        _show(run, seen)
    if not all(service["ready"] for service in seen["services"].values()) or seen["kafka"]["problem"]:
        raise typer.Exit(1)


async def _look(run: Run) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        answers = await asyncio.gather(*(_readiness(client, service["ready_url"]) for service in run["services"].values()))
    services = {
        name: {**service, "ready": ready, "reason": reason}
        for (name, service), (ready, reason) in zip(run["services"].items(), answers, strict=True)
    }
    lag: dict[str, int] = {}
    problem = ""
    try:
        lag = await lags(run["kafka"], run["topic_prefix"])
    except UserError as why:
        problem = str(why)
    return {
        "pid": run["pid"],
        "started": run["started"],
        "services": services,
        "kafka": {"bootstrap": run["kafka"], "own": "kafka" in run["own"], "lag": lag, "problem": problem},
        "postgres": {"admin": hide_password(run["postgres_admin"]), "own": "postgres" in run["own"]},
        "objects": run["objects"],
    }


async def _readiness(client: httpx.AsyncClient, url: str) -> tuple[bool, str]:
    try:
        answer = await client.get(url)
    except httpx.HTTPError as problem:
        return False, f"does not answer ({type(problem).__name__})"
    return answer.status_code == 200, "" if answer.status_code == 200 else reasons(answer.text)


def reasons(answer: str) -> str:
    """Each part that `/ready` names with its reason and remedy, a line each; what is no answer of ours, as it is."""
    troubles = json_object(answer.encode()).get("reasons")
    try:
        lines = ["; ".join(filter(None, (f"{it['part']}: {it['reason']}", it["remedy"]))) for it in troubles or ()]
    except (TypeError, KeyError):
        lines = []
    return "\n".join(lines) or " ".join(answer.split())[:120]


def _show(run: Run, seen: dict[str, Any]) -> None:
    table = Table("service", "address", "pid", "ready", "restarts", box=None, pad_edge=False)
    for name, service in seen["services"].items():
        ready = "[green]yes[/]" if service["ready"] else "[red]no[/]"
        table.add_row(name, service["url"], str(service["pid"] or "-"), ready, str(service["restarts"]))
    console.print(table)
    for name, service in seen["services"].items():
        for line in service["reason"].splitlines():
            console.print(f"{name}: {line}", markup=False, highlight=False)
    for name in ("kafka", "postgres"):
        whose = "brought by this run" if name in run["own"] else "given"
        console.print(f"{name:<9} {seen[name].get('bootstrap') or seen[name].get('admin')} ({whose})")
    console.print(f"objects   {seen['objects']}")
    groups = Table("consumer group", "lag", box=None, pad_edge=False)
    for group, behind in seen["kafka"]["lag"].items():
        groups.add_row(group, str(behind))
    console.print(groups if seen["kafka"]["lag"] else seen["kafka"]["problem"] or "no consumer group has read anything yet")
