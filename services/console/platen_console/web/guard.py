"""Who may come in: login with the token, no forged posts, no foreign content."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer
from platen_contracts.common import Actor
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platen_console.settings import ADMIN, is_loopback

COOKIE = "platen_console"
SESSION_SECONDS = 12 * 3600
OPEN_TO_ALL = ("/login", "/static/")
LOCAL_OPERATOR = "operator"
ACCOUNT_NAME = "small letters, digits, dot, dash and underscore, and first a letter or digit"
_OPERATOR = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")

_HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # With no-referrer, browsers would send Origin: null with a form, and the Origin is what posts are judged by.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Sessions:
    """Signed cookies that say who logged in, and as what: each kind of actor has a token of its own (`Settings.tokens`).

    Without any token everyone on this machine is let in, and may erase.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._signers = {kind: URLSafeTimedSerializer(it, salt=f"platen-console-session-{kind}") for kind, it in tokens.items()}

    @property
    def open(self) -> bool:
        return not self._tokens

    def log_in(self, token: str, name: str) -> str | None:
        """The cookie's value, or None where the token is wrong."""
        given = token.encode("utf-8", "replace")
        for kind, own in self._tokens.items():
            if hmac.compare_digest(given, own.encode()):
                return self._signers[kind].dumps(name)
        return None

    def operator(self, request: Request) -> Actor | None:
        """Who is logged in; None for nobody."""
        if self.open:
            return Actor(kind=ADMIN, name=LOCAL_OPERATOR)
        for kind, signer in self._signers.items():
            try:
                said = signer.loads(request.cookies.get(COOKIE, ""), max_age=SESSION_SECONDS)
            except BadData:
                continue
            return Actor(kind=kind, name=said) if isinstance(said, str) and is_account_name(said) else None
        return None


def is_account_name(text: str) -> bool:
    """An account name as `Actor` wants it: short, plain, and no person's full name."""
    return _OPERATOR.fullmatch(text) is not None


class Guard:
    """ASGI middleware around every page."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if "cache-control" not in headers:
                    headers["cache-control"] = "no-store"
            await send(message)

        request = Request(scope)
        answer = self._turned_away(request)
        if answer is None:
            scope.setdefault("state", {})["operator"] = self._sessions.operator(request)
        await (answer or self._app)(scope, receive, guarded)

    def _turned_away(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if self._sessions.open and not is_loopback(_name_of(host)):
            # Else any page on the web could point a name of its own at this machine and read along.
            return PlainTextResponse(f"Host {host!r}: without PLATEN_CONSOLE_TOKEN only localhost is served", 421)
        if request.method not in ("GET", "HEAD") and not _from_our_pages(request.headers, host):
            return PlainTextResponse("The Origin header does not name this console; open its own page and try again", 403)
        path = request.url.path
        if path.startswith(OPEN_TO_ALL) or self._sessions.operator(request) is not None:
            return None
        if request.method == "GET" and "live" not in request.query_params:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/login?next={quote(path + query)}", 303)
        return PlainTextResponse("Log in first, at /login", 401)


def inside(path: str) -> str:
    """`path` where it leads to a page of ours, else the first page."""
    split = urlsplit(path)
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and not split.scheme and not split.netloc
    return path if plain and path.isprintable() else "/orders"


def _from_our_pages(headers: Headers, host: str) -> bool:
    origin = headers.get("origin", "")
    return bool(host) and origin.startswith(("http://", "https://")) and urlsplit(origin).netloc == host


def _name_of(host: str) -> str:
    """Host without port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
