"""A running sandbox, clients as an adapter would have them, and a host that serves print files and takes callbacks."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from PIL import Image
from platen_sandbox.server import listen, server_of
from platen_sandbox.testing import Sandbox, running_sandbox
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Json = dict[str, Any]


def picture(width: int = 60, height: int = 80, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (30, 90, 160)).save(out, form, dpi=(300, 300))
    return out.getvalue()


@dataclass
class Host:
    """GET answers `files[path]`, after the errors in `troubles`; POST is kept in `posts`, with the next of `answers`, or 200."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    troubles: list[int] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        if request.method == "POST":
            self.posts.append((dict(request.headers), await request.body()))
            return Response(status_code=self.answers.pop(0) if self.answers else 200)
        self.fetched.append(request.url.path)
        if self.troubles:
            return Response(status_code=self.troubles.pop(0))
        content = self.files.get(request.url.path)
        return Response(content) if content is not None else Response(status_code=404)

    def serve(self, path: str, content: bytes) -> str:
        self.files[path] = content
        return self.url + path


@asynccontextmanager
async def running_host() -> AsyncIterator[Host]:
    host = Host()
    listener = listen("127.0.0.1", 0)
    host.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = Starlette(routes=[Route("/{path:path}", host.handle, methods=["GET", "POST"])])
    server = server_of(app, embedded=True, log_level="warning")
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield host
    finally:
        server.should_exit = True
        await serving
        listener.close()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with running_host() as host:
        yield host


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Production at once: a confirmed order ships as soon as its files are checked."""
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def slow_sandbox() -> AsyncIterator[Sandbox]:
    """Production by hand: a confirmed order waits for `step(..., "ship")`."""
    async with running_sandbox(pace=None) as sandbox:
        yield sandbox


def shop_client(sandbox: Sandbox, shop: str = "north") -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{sandbox.shop(shop)}/wp-json", auth=(f"ck_{shop}", f"cs_{shop}"), trust_env=False)


def vendor_client(sandbox: Sandbox, account: str = "acme") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer token-{account}"}
    return httpx.AsyncClient(base_url=sandbox.vendor(account), headers=headers, trust_env=False)


@pytest.fixture
async def shop(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with shop_client(sandbox) as client:
        yield client


@pytest.fixture
async def vendor(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with vendor_client(sandbox) as client:
        yield client


@pytest.fixture
async def slow_vendor(slow_sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with vendor_client(slow_sandbox) as client:
        yield client


RECIPIENT = {
    "name": "Ada Lovelace",
    "address1": "12 St James's Square",
    "city": "London",
    "country_code": "GB",
    "zip": "SW1Y 4JH",
}


def vendor_order(external_id: str = "ext1", url: str = "http://127.0.0.1:9/none.png", **changes: Any) -> Json:
    items = [{"external_id": "line-1", "variant_id": 1, "quantity": 2, "files": [{"type": "default", "url": url}]}]
    return {"external_id": external_id, "recipient": RECIPIENT, "items": items, **changes}
