"""Ports of this machine: whether one is free, and picking free ones."""

from __future__ import annotations

import socket

from platen_cli.errors import UserError

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on that port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def ensure_free(port: int, what: str) -> None:
    """Raises UserError in one line when something else already listens on the port that `what` wants."""
    if not is_free(port):
        raise UserError(f"port {port} for {what} is busy; end what listens there or run with --ports auto")
