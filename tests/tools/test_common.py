"""A command that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from platen_cli.commands import common


def told_twice(monkeypatch: pytest.MonkeyPatch, same_wish_s: float) -> list[str]:
    """What has happened once a command is sent SIGINT, and again while it stops."""
    happened: list[str] = []
    monkeypatch.setattr(common, "SAME_WISH_S", same_wish_s)
    monkeypatch.setattr(os, "_exit", lambda code: happened.append(f"exit {code}"))

    async def work() -> None:
        # Signals are heard in the order in which they are sent: behind this one, the second has been.
        heard = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGUSR1)
            await heard.wait()
            happened.append("clean")

    common.run_until_told(work)
    return happened


def test_a_signal_that_comes_twice_at_once_is_one_wish_to_stop_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_twice(monkeypatch, 3600) == ["clean"]


def test_a_later_signal_ends_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_twice(monkeypatch, 0) == ["exit 130", "clean"]
