"""uvicorn, taught to hang up on a caller without a reply."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol


class HangUpProtocol(H11Protocol):
    """Puts the connection into `scope["state"]["transport"]`, for the fault that drops the reply."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.app_state = {**self.app_state, "transport": transport}


class EmbeddedServer(uvicorn.Server):
    """Leaves the signals to the process it is a guest of."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def server_of(app: Starlette, embedded: bool = False, **settings: Any) -> uvicorn.Server:
    config = uvicorn.Config(app, http=HangUpProtocol, timeout_graceful_shutdown=3, **settings)
    return EmbeddedServer(config) if embedded else uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any free one. Raises OSError where the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it every answer would take 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
