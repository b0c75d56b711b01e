"""What goes wrong when, drawn from a seed. Pure: the same seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SERVICES = ("sync", "orders", "render", "dispatch", "tracking", "console")
TARGETS = ("vendor/north", "vendor/south", "shop/gifts")
REDELIVERED = (
    "sync.orders", "render.requests", "render.results", "dispatch.requests", "dispatch.results", "tracking.updates",
    "orders.commands", "orders.replies", "orders.history", "sync.results", "sync.commands",
)  # fmt: skip
"""Not the compacted ones: an old state put behind a newer one is no redelivery but a lie."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault. `at` and everything named `seconds` in seconds; it is over by itself after those."""

    at: float
    kind: str
    target: str = ""
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        given = " ".join(f"{name}={value}" for name, value in self.given.items())
        return f"{self.at:6.2f} s  {self.kind} {self.target} {given}".rstrip()


def schedule(seed: int, seconds: float) -> Sequence[Step]:
    """About one fault in three seconds, the heavy ones more seldom."""
    rng = random.Random(f"faults {seed}")
    kinds = [make for make, weight in _KINDS for _ in range(weight)]
    steps: list[Step] = []
    at = rng.uniform(0.5, 3)
    while at < seconds:
        steps.append(rng.choice(kinds)(rng, round(at, 2)))
        at += rng.expovariate(1 / 3)
    return steps


Make = Callable[[random.Random, float], Step]


def _kill(rng: random.Random, at: float) -> Step:
    return Step(at, "kill", rng.choice(SERVICES))


def _restart(rng: random.Random, at: float) -> Step:
    return Step(at, "restart", rng.choice(SERVICES))


def _freeze(rng: random.Random, at: float) -> Step:
    longest = rng.choice((2.0, 6.0, 14.0))
    return Step(at, "freeze", rng.choice(SERVICES), {"seconds": round(rng.uniform(0.5, longest), 1)})


def _guest(rng: random.Random, at: float) -> Step:
    given = {"seconds": round(rng.uniform(2, 12), 1), "ends": rng.choice(("terminate", "kill", "freeze"))}
    return Step(at, "guest", rng.choice(SERVICES), given)


def _kafka(rng: random.Random, at: float) -> Step:
    return Step(at, rng.choice(("kill", "freeze")), "kafka", {"seconds": round(rng.uniform(0, 5), 1)})


def _postgres(rng: random.Random, at: float) -> Step:
    return Step(at, rng.choice(("kill", "freeze")), "postgres", {"seconds": round(rng.uniform(0, 3), 1)})


def _sandbox(rng: random.Random, at: float) -> Step:
    return Step(at, "kill", "sandbox")


def _connections(rng: random.Random, at: float) -> Step:
    return Step(at, "cut", rng.choice(SERVICES))


def _outside(rng: random.Random, at: float) -> Step:
    kind, params = rng.choice(_OUTSIDE)
    given: dict[str, Any] = {"times": rng.randint(1, 6), "kind": kind, "params": dict(params)}
    if kind in ("drop_reply", "error") and rng.random() < 0.7:
        given["match"] = {"method": "POST"}
    target = rng.choice(TARGETS[:2] if kind.endswith("callbacks") else TARGETS)
    return Step(at, "outside", target, given)


def _again(rng: random.Random, at: float) -> Step:
    return Step(at, "again", rng.choice(REDELIVERED), {"records": rng.randint(1, 30)})


def _poison(rng: random.Random, at: float) -> Step:
    return Step(at, "poison", "", {"records": rng.randint(1, 4), "draw": rng.randrange(1 << 30)})


_OUTSIDE: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("slow", {"seconds": 2}),
    ("throttle", {"status": 429, "retry_after": 1}),
    ("error", {"status": 503}),
    ("error", {"status": 500, "after_work": True}),
    ("error", {"status": 502, "html": True, "after_work": True}),
    ("drop_reply", {}),
    ("duplicate_callbacks", {"copies": 3}),
    ("reorder_callbacks", {"window_s": 1}),
)

_KINDS: Sequence[tuple[Make, int]] = (
    (_kill, 5), (_restart, 2), (_freeze, 3), (_guest, 2), (_kafka, 2), (_postgres, 2), (_sandbox, 1), (_connections, 3),
    (_outside, 6), (_again, 3), (_poison, 2),
)  # fmt: skip
