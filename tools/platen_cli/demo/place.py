"""Where the demo plays: on a stack of its own, or attached to one that runs."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from platen_contracts.topics import SERVICES

from platen_cli.commands.common import say
from platen_cli.errors import UserError
from platen_cli.stack import Stack
from platen_cli.stack.run import is_running, read_run
from platen_cli.stack.settings import is_runnable

from .story import SHOP, VENDORS

SANDBOX_STATE = "sandbox.jsonl"
"""The sandbox's orders, in the data folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """Addresses as this process sees them; `sandbox_inside` is the sandbox as the services see it."""

    kafka: str
    objects: str
    topic_prefix: str
    sandbox: str
    sandbox_inside: str
    urls: dict[str, str]
    stack: Stack | None = None


def secrets() -> dict[str, str]:
    """The environment that opens the sandbox's shop and accounts."""
    shops = {SHOP: {"key": f"ck_{SHOP}", "secret": f"cs_{SHOP}", "webhook_secret": f"webhook-{SHOP}"}}
    vendors = {vendor: {"token": f"token-{vendor}"} for vendor in VENDORS}
    return {"PLATEN_SHOP_SECRETS": json.dumps(shops), "PLATEN_VENDOR_SECRETS": json.dumps(vendors)}


@asynccontextmanager
async def own_stack(data: Path, *, auto_ports: bool, show_lines: bool) -> AsyncIterator[Place]:
    """A whole stack with the sandbox beside it, for as long as the context lasts."""
    stack = Stack(
        data,
        ports="auto" if auto_ports else "fixed",
        services=[*(name for name in SERVICES if is_runnable(name)), "sandbox"],
        env_of={
            "sync": {"PLATEN_SHOP_SECRETS": secrets()["PLATEN_SHOP_SECRETS"]},
            "dispatch": {"PLATEN_VENDOR_SECRETS": secrets()["PLATEN_VENDOR_SECRETS"]},
            "tracking": {"PLATEN_VENDOR_SECRETS": secrets()["PLATEN_VENDOR_SECRETS"]},
            "sandbox": {"PLATEN_SANDBOX_STATE": str(data / SANDBOX_STATE)},
        },
        on_line=say if show_lines else (lambda name, line: None),
        on_progress=say,
    )
    async with stack:
        sandbox = stack.urls["sandbox"]
        yield Place(stack.bootstrap, stack.objects, stack.given.topic_prefix, sandbox, sandbox, dict(stack.urls), stack)


def attached(data: Path) -> Place:
    """The stack that runs in `data`, or the one that PLATEN_KAFKA, PLATEN_OBJECTS and PLATEN_SANDBOX name.

    Raises `UserError` where there is neither.
    """
    kafka, objects, sandbox = (os.environ.get(name, "") for name in ("PLATEN_KAFKA", "PLATEN_OBJECTS", "PLATEN_SANDBOX"))
    if kafka and objects and sandbox:
        urls = {name: os.environ.get(f"PLATEN_URL_{name.upper()}", "") for name in SERVICES}
        prefix = os.environ.get("PLATEN_TOPIC_PREFIX", "")
        return Place(kafka, objects, prefix, sandbox, os.environ.get("PLATEN_SANDBOX_INSIDE", sandbox), urls)
    if not is_running(data):
        raise UserError(
            f"--attach: nothing runs in {data}; start `platen demo` first, or set PLATEN_KAFKA, PLATEN_OBJECTS, PLATEN_SANDBOX"
        )
    run = read_run(data)
    urls = {name: service["url"] for name, service in run["services"].items()}
    if "sandbox" not in urls:
        raise UserError(f"--attach: the stack in {data} has no sandbox; start it with `platen demo` instead of `platen up`")
    return Place(run["kafka"], run["objects"], run["topic_prefix"], urls["sandbox"], urls["sandbox"], urls)
