"""The HTTP side of every service: /health, /ready, /metrics, and the service's own routes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator, Sequence

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .health import Health


class PortBusy(Exception):
    """The address cannot be listened on; the message is one line with the remedy."""


def listen(address: tuple[str, int]) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises `PortBusy`."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer takes 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as problem:
        listener.close()
        raise PortBusy(f"PLATEN_HTTP: {host}:{port}: {problem.strerror}; give a free host:port, or port 0 for any") from None
    listener.setblocking(False)
    return listener


def application(health: Health, routes: Sequence[BaseRoute]) -> Starlette:
    async def alive(_: Request) -> Response:
        return PlainTextResponse("alive")

    async def ready(_: Request) -> Response:
        return JSONResponse(health.as_json(), status_code=200 if health.ready else 503)

    async def figures(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    own = [Route("/health", alive), Route("/ready", ready), Route("/metrics", figures)]
    return Starlette(routes=[*own, *routes])


class Web:
    """Serves from `start` until `stop`."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3)
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        self._serving = asyncio.ensure_future(self._server.serve(sockets=[self._listener]))

    async def stop(self) -> None:
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._listener.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the service's: it drains before its HTTP goes away."""
        yield
