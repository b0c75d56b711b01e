"""The main job on the real thing: a process per service, a real broker and database, a shop and vendors that keep books."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from platen_cli.demo.board import Board
from platen_cli.demo.place import own_stack
from platen_cli.demo.play import play
from platen_cli.stack import Stack

from tests.support import until

KILLED = ("sync", "orders", "render", "dispatch", "tracking", "console")


@pytest.mark.flow
@pytest.mark.timeout(400)
async def test_killing_each_service_in_turn_changes_nothing_in_the_result(tmp_path: Path) -> None:
    board = Board({})
    changes: asyncio.Queue[None] = asyncio.Queue()
    async with own_stack(tmp_path, auto_ports=True, show_lines=False) as place:
        assert place.stack is not None
        killer = asyncio.create_task(_kill_each(place.stack, changes))
        result = await play(place, 15, lambda _, __: changes.put_nowait(None), board, small=True, patience_s=240)
        assert killer.done(), "everything settled before each service was killed"
        stack = place.stack
        for service in KILLED:
            # Counted once its supervisor has buried it: the last one died while everything settled.
            await until(lambda service=service: stack.process(service).restarts)
    assert result.mistakes == []


async def _kill_each(stack: Stack, changes: asyncio.Queue[None]) -> list[str]:
    """SIGKILL to one service after the other, each after five more changes of orders; the supervisor brings them back."""
    killed: list[str] = []
    for service in KILLED:
        for _ in range(5):
            await changes.get()
        stack.process(service).kill()
        killed.append(service)
    return killed
