"""Ports of this machine: whether one is free, and picking free ones."""

from __future__ import annotations

import secrets
import socket

from platen_cli.errors import UserError

HOST = "127.0.0.1"


_FIRST, _LAST = 15_000, 32_000
"""Below what systems lend to outgoing connections (Linux from 32768 on): one of those that is free now may be lent to anybody
before the server that is to have it listens."""


def free_port(besides: int = 0) -> int:
    """A port that nothing listens on, and not `besides`; picked at random, so that two who ask get the same one hardly ever."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if port != besides and is_free(port):
            return port


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
