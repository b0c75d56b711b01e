"""Faults on demand: what to do to which call or callback, how often, and the middleware that does it."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .clock import now, rfc3339
from .model import Json

Kind = Literal["slow", "throttle", "error", "refuse", "drop_reply", "duplicate_callbacks", "reorder_callbacks"]
KINDS: tuple[str, ...] = get_args(Kind)
CALLBACK_KINDS = frozenset({"duplicate_callbacks", "reorder_callbacks"})
MATCHES = frozenset({"method", "path", "external_id", "recipient", "body"})
HTML_ERROR = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"


@dataclass
class Fault:
    """`times` None means until it is deleted; `hits` counts what it did. See `README.md` for the params of each kind."""

    id: int
    target: str
    kind: Kind
    match: dict[str, str] = field(default_factory=dict)
    times: int | None = 1
    params: Json = field(default_factory=dict)
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def to_json(self) -> Json:
        return asdict(self)


@dataclass(frozen=True)
class Call:
    """One request as a fault sees it: `target` is `shop/{id}` or `vendor/{id}`."""

    target: str
    method: str
    path: str
    body: bytes

    def meets(self, match: dict[str, str]) -> bool:
        return all(self._meets(name, wanted) for name, wanted in match.items())

    def _meets(self, name: str, wanted: str) -> bool:
        if name == "method":
            return self.method == wanted.upper()
        if name == "path":
            return wanted in self.path
        if name == "body":
            return wanted.encode() in self.body
        given = self.json
        if name == "external_id":
            return wanted in str(given.get("external_id", "")) or f"@{wanted}" in self.path
        recipient = given.get("recipient")
        return isinstance(recipient, dict) and wanted in str(recipient.get("name", ""))

    @property
    def json(self) -> Json:
        try:
            given = json.loads(self.body)
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}


class Faults:
    """Every fault set and not yet deleted, first set first served."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last_id = 0

    def add(self, given: Json) -> Fault:
        """Raises ValueError with one line that names the field, the value seen and what is allowed."""
        unknown = set(given) - {"target", "kind", "match", "times", "params"}
        if unknown:
            raise ValueError(f"unknown field {sorted(unknown)[0]!r}; allowed: target, kind, match, times, params")
        target, kind, match, times = given.get("target"), given.get("kind"), given.get("match") or {}, given.get("times", 1)
        params = given.get("params") or {}
        if not isinstance(target, str) or target.partition("/")[0] not in ("shop", "vendor") or not target.partition("/")[2]:
            raise ValueError(f"target is {target!r}; allowed: shop/<id> or vendor/<id>, <id> may be *")
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; allowed: {', '.join(KINDS)}")
        if not isinstance(match, dict) or not set(match) <= MATCHES:
            raise ValueError(f"match is {match!r}; allowed keys: {', '.join(sorted(MATCHES))}")
        if times is not None and times != "forever" and (not isinstance(times, int) or times < 1):
            raise ValueError(f'times is {times!r}; allowed: a number from 1, or "forever"')
        if not isinstance(params, dict):
            raise ValueError(f"params is {params!r}; allowed: an object with the params of the kind")
        self._last_id += 1
        fault = Fault(
            id=self._last_id,
            target=target,
            kind=kind,
            match={name: str(value) for name, value in match.items()},
            times=None if times == "forever" else times,
            params=params,
        )
        self._faults.append(fault)
        return fault

    def all(self) -> list[Fault]:
        return list(self._faults)

    def clear(self, fault_id: int | None = None) -> int:
        """Removes one fault, or all; returns how many there were."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]
        return before - len(self._faults)

    def take_for(self, call: Call) -> list[Fault]:
        """The faults that befall this call, each counted as used: any slowness, then at most one other."""
        taken: list[Fault] = []
        for fault in self._faults:
            decided = any(earlier.kind != "slow" for earlier in taken)
            if fault.kind in CALLBACK_KINDS or fault.spent or (decided and fault.kind != "slow"):
                continue
            if _aims_at(fault.target, call.target) and call.meets(fault.match):
                fault.hits += 1
                taken.append(fault)
        return taken

    def take_callback(self, target: str, kind: Kind) -> Fault | None:
        for fault in self._faults:
            if fault.kind == kind and not fault.spent and _aims_at(fault.target, target):
                fault.hits += 1
                return fault
        return None


def _aims_at(pattern: str, target: str) -> bool:
    return pattern == target or pattern == f"{target.partition('/')[0]}/*"


class FaultMiddleware:
    """Stands before the APIs of shops and vendors: reads the whole request, does to it what the faults say, and records it.

    `record` gets every call, with what was answered, what was really done and which fault had a hand in it.
    """

    def __init__(self, app: ASGIApp, faults: Faults, record: Any) -> None:
        self._app = app
        self._faults = faults
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = _target(scope)
        if target is None:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        query = scope["query_string"].decode("latin-1")
        call = Call(target, scope["method"], scope["path"] + (f"?{query}" if query else ""), body)
        answer = _Answer()
        faults = self._faults.take_for(call)
        at = rfc3339(now())
        for fault in faults:
            if fault.kind == "slow":
                await asyncio.sleep(float(fault.params.get("seconds", 2.0)))
        fault = next((fault for fault in faults if fault.kind != "slow"), None)
        works = fault is None or fault.kind == "drop_reply" or (fault.kind == "error" and bool(fault.params.get("after_work")))
        if works:
            await self._app(scope, _replay(body), answer.take)
        if fault is not None and fault.kind != "drop_reply":
            worked_as = answer.seen() if works else None
            await _response(fault, target)(scope, _replay(body), answer.restart().take)
        else:
            worked_as = None
        dropped = fault is not None and fault.kind == "drop_reply"
        self._record(call, at, answer.seen(), worked_as, fault.kind if fault else None)
        if dropped:
            await _hang_up(scope, receive)
        else:
            await answer.give(send)


class _Answer:
    """A response caught before it leaves."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def take(self, message: Message) -> None:
        self._messages.append(message)

    def restart(self) -> "_Answer":
        self._messages.clear()
        return self

    def seen(self) -> tuple[int, Json]:
        status = next((m["status"] for m in self._messages if m["type"] == "http.response.start"), 0)
        body = b"".join(m.get("body", b"") for m in self._messages if m["type"] == "http.response.body")
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = {}
        return status, parsed if isinstance(parsed, dict) else {}

    async def give(self, send: Send) -> None:
        for message in self._messages:
            await send(message)


def _target(scope: Scope) -> str | None:
    if scope["type"] != "http":
        return None
    room, _, rest = scope["path"].lstrip("/").partition("/")
    kind = {"shops": "shop", "vendors": "vendor"}.get(room)
    return f"{kind}/{rest.partition('/')[0]}" if kind else None


def _response(fault: Fault, target: str) -> Response:
    params = fault.params
    vendor = target.startswith("vendor/")
    if fault.kind == "throttle":
        wait = str(params.get("retry_after", 1))
        message = str(params.get("message", "Too many requests. Please try again later."))
        headers = {"Retry-After": wait, "X-Ratelimit-Limit": "120", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": wait}
        return _refusal(vendor, int(params.get("status", 429)), str(params.get("code", "TooManyRequests")), message, headers)
    if fault.kind == "error":
        status = int(params.get("status", 503))
        if params.get("html"):
            return HTMLResponse(str(params.get("body", HTML_ERROR)), status_code=status)
        return _refusal(vendor, status, "InternalServerError", str(params.get("message", "Internal server error")), {})
    return _refusal(
        vendor, int(params.get("status", 400)), str(params.get("code", "BadRequest")), str(params.get("message", "Refused")), {}
    )


def _refusal(vendor: bool, status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    if vendor:
        body: Json = {"code": status, "result": message, "error": {"reason": code, "message": message}}
    else:
        body = {"code": code, "message": message, "data": {"status": status}}
    return JSONResponse(body, status_code=status, headers=headers)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Closes the connection without a word; needs the transport that `server.HangUpProtocol` puts into the scope."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass
