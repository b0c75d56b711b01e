"""`platen audit`: the promises I1 to I8, checked from outside on a system as it stands."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Annotated

import typer
from platen_contracts.topics import SERVICES

from platen_cli.audit import Evidence, audit_twice, gather, summary, told
from platen_cli.recovery.reach import Reach, reach

from .common import DataOption, console, say

JUDGED_MS = 6 * 24 * 3600 * 1000
"""Services forget what they sent after seven days."""


def audit(
    sandbox: Annotated[
        str, typer.Option("--sandbox", help="A sandbox's address: its vendors' books are looked at; the run's own by default.")
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Dead letters count as violations.")] = False,
    data: DataOption = None,
) -> None:
    """Check from outside (every topic, every service's database) that nothing was lost, doubled or skipped. Changes nothing.

    For a system at rest: it looks twice, and tells what both looks found. Exits 1 if there is anything.
    """
    where = reach(data)
    sandbox = sandbox or where.sandbox
    if not sandbox:
        say("platen", "no sandbox is known (--sandbox URL names one), so vendors' own books are not looked at")
    for service in _unknown(where):
        say("platen", f"the database of {service} is not known, so it is not judged")
    verdict, evidence = asyncio.run(audit_twice(lambda: _look(where, sandbox, strict)))
    for line in told(verdict, evidence):
        console.print(line, markup=False, soft_wrap=True)
    if verdict.counts["dead letters"]:
        say("platen", "`platen dead-letters list` shows the dead letters")
    say("platen", summary(verdict))
    if verdict.violations:
        raise typer.Exit(1)


def _unknown(where: Reach) -> list[str]:
    return [service for service in SERVICES if service not in where.databases]


async def _look(where: Reach, sandbox: str, strict: bool) -> Evidence:
    evidence = await gather(where.kafka, where.databases, where.prefix, sandbox=sandbox)
    evidence = replace(evidence, since=int(time.time() * 1000) - JUDGED_MS)
    return evidence if strict else replace(evidence, spoiled=evidence.buried)
