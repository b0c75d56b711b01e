"""The lanes of every service: how far behind each is, and which were paused because too much went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from platen_contracts.topics import SERVICES
from platen_messaging import pauses

from platen_cli.errors import UserError
from platen_cli.stack.lag import lags

from .reach import VARIABLE, Reach, engine_at


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane. `lag` None: it has never read anything. `paused` is the reason, empty while it runs."""

    service: str
    name: str
    group: str
    lag: int | None
    paused: str


async def lanes(where: Reach) -> tuple[list[Lane], list[str]]:
    """(every lane that has read something or is paused, sorted; what could not be looked at, and why)."""
    reasons: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    for service, url in where.databases.items():
        try:
            paused = await _paused(url)
        except UserError as problem:
            problems.append(f"{service}: whether a lane is paused is not known: {problem}")
        else:
            reasons |= {(service, lane): reason for lane, reason in paused.items()}
    if unset := [service for service in SERVICES if service not in where.databases]:
        problems.append(f"{', '.join(unset)}: whether a lane is paused is not known: {VARIABLE}<SERVICE> is not set")
    behind = _by_lane(await lags(where.kafka, where.prefix), where.prefix)
    found = [
        Lane(service, name, f"{where.prefix}{service}.{name}", behind.get((service, name)), reasons.get((service, name), ""))
        for service, name in sorted({*behind, *reasons})
    ]
    return found, problems


async def resume(where: Reach, service: str, lane: str) -> str:
    """Lets a paused lane go on where it stopped; returns why it was paused. Raises `UserError` if it was not."""
    url = where.database(service)
    paused = await _paused(url)
    if lane not in paused:
        others = ", ".join(f"{service} {name}" for name in paused) or "none"
        raise UserError(f"{service} {lane}: this lane is not paused; paused lanes of {service}: {others}")
    async with engine_at(url) as engine:
        await pauses.resume(engine, lane)
    return paused[lane]


async def _paused(url: str) -> Mapping[str, str]:
    async with engine_at(url) as engine:
        return await pauses.paused(engine)


def _by_lane(behind: Mapping[str, int], prefix: str) -> dict[tuple[str, str], int]:
    """Consumer groups are called `<prefix><service>.<lane>`; others are nobody's here."""
    named: dict[tuple[str, str], int] = {}
    for group, lag in behind.items():
        service, dot, lane = group.removeprefix(prefix).partition(".")
        if dot and service in SERVICES:
            named[service, lane] = lag
    return named
