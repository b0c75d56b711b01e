"""What became of a request: an answer, or one of five failures. Source of the classes: reference/apis.md 3(b).

The question that matters is whether the other side may have done it. A request that only reads (`safe`) can always be sent
again; one that writes may be sent again only when no byte of it left this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

MAX_PAUSE_S = 3600.0
"""No header may close a lane for longer than this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx with a JSON body."""

    status: int
    body: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Transient:
    """It was not done: either nothing was sent, or the request only reads. Sending it again is safe."""

    cause: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Too many calls: the whole lane waits. `retry_after` in seconds, None if the other side did not say."""

    retry_after: float | None
    status: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been done. Look it up; never just send it again."""

    cause: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not done, and not going to be as it stands. `body` is the JSON, or the text when it is none."""

    status: int
    body: object = field(repr=False)
    is_json: bool = True


@dataclass(frozen=True, slots=True)
class AuthFailed:
    """The account's credentials are not accepted: its whole lane stops, with one alert."""

    status: int


Failure = Transient | Throttled | Unknown | Rejected | AuthFailed

_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


def classify_error(error: Exception, *, safe: bool) -> Transient | Unknown:
    """An exception of the transport. Its text is dropped: it may hold the address asked for."""
    cause = type(error).__name__
    return Transient(cause) if safe or isinstance(error, _NOTHING_SENT) else Unknown(cause)


def classify(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    safe: bool,
    now: datetime,
    throttled: frozenset[int] = frozenset({429}),
) -> Answer | Failure:
    """A response, read in full. `throttled` are the statuses by which this vendor or shop says "too many"."""
    if status in throttled:
        return Throttled(retry_after(headers, now), status)
    if status in (401, 403):
        return AuthFailed(status)
    if status >= 500 or status in _MAYBE_DONE:
        if safe and status == 503 and (wait := retry_after(headers, now)) is not None:
            return Throttled(wait, status)
        return Transient(f"HTTP {status}") if safe else Unknown(f"HTTP {status}")
    parsed, is_json = _read(body)
    if status >= 300:
        return Rejected(status, parsed, is_json)
    if not is_json:
        cause = f"HTTP {status} with a body that is not JSON"
        return Transient(cause) if safe else Unknown(cause)
    return Answer(status, parsed)


_MAYBE_DONE = frozenset({408, 425})
"""Statuses under 500 by which a proxy on the way gives up."""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `Retry-After` (seconds or a date) or `X-Ratelimit-Reset` (seconds, or a Unix time); None if unsaid."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    for name in ("retry-after", "x-ratelimit-reset"):
        if (value := named.get(name)) and (seconds := _seconds(value, now)) is not None:
            return min(max(seconds, 0.0), MAX_PAUSE_S)
    return None


def _seconds(value: str, now: datetime) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return _until(value, now)
    if number != number:  # NaN
        return None
    return number - now.timestamp() if number > _A_UNIX_TIME else number


_A_UNIX_TIME = 1_000_000_000


def _until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()


def _read(body: bytes) -> tuple[object, bool]:
    try:
        return json.loads(body), True
    except (ValueError, RecursionError):
        return body[:2000].decode("utf-8", "replace"), False
