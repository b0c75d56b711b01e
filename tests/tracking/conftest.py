"""A scene and a vendor for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from platen_sandbox.testing import running_sandbox

from .scene import Prints, Scene, open_scene


@pytest.fixture
async def scene(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Scene]:
    async with open_scene(await database("platen_tracking")) as scene:
        yield scene


@pytest.fixture
async def prints(scene: Scene) -> AsyncIterator[Prints]:
    """Ships only when a test says so."""
    async with running_sandbox(pace=None) as sandbox:
        yield Prints(sandbox, scene.files)
