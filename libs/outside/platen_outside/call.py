"""One call outside, from the lane's turn to the class of what came back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import httpx

from platen_outside.failures import Answer, Failure, Throttled, classify, classify_error
from platen_outside.governor import Governor, RatePolicy

TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=5.0)
"""Seconds per step."""

DEADLINE_S = 60.0
"""For the whole exchange: a body that drips is not waited for."""

MAX_BODY = 8 * 1024 * 1024
"""Bytes of an answer; a larger one counts as unreadable."""

PAUSE_S = 60.0
"""How long a lane waits when the other side says "too many" and not for how long."""

PATIENCE_S = 30.0
"""How long one call waits for its turn before the caller hears that the lane is closed."""


def now_utc() -> datetime:
    return datetime.now(UTC)


def _tells_none(_headers: Mapping[str, str]) -> None:
    return None


class Outside:
    """The calls to one account. Redirects are not followed: a POST that became a GET would look like success.

    `throttled`: the statuses that mean "too many". `told_rate`: the limit that an answer's headers (lower case) tell, if any.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        governor: Governor,
        *,
        throttled: frozenset[int] = frozenset({429}),
        deadline_s: float = DEADLINE_S,
        told_rate: Callable[[Mapping[str, str]], RatePolicy | None] = _tells_none,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._client, self.governor, self._now = client, governor, now
        self._throttled, self._deadline_s, self._told_rate = throttled, deadline_s, told_rate

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: object = None,
        headers: dict[str, str] | None = None,
        safe: bool | None = None,
    ) -> Answer | Failure:
        """Sends it once. `safe`: sending it again changes nothing; by default true of GET alone.

        Throttled with status 0 means that the lane is closed or full for longer than PATIENCE_S: nothing was sent.
        """
        is_safe = method == "GET" if safe is None else safe
        if not await self.governor.enter(PATIENCE_S):
            return Throttled(self.governor.paused_for() or PATIENCE_S, 0)
        request = self._client.build_request(method, path, params=params, json=json, headers=headers)
        try:
            async with asyncio.timeout(self._deadline_s):
                status, answered, body = await self._exchange(request)
        except (httpx.HTTPError, TimeoutError, _TooLargeError) as error:
            return classify_error(error, safe=is_safe)
        if (rate := self._told_rate(answered)) is not None:
            self.governor.adopt(rate)
        outcome = classify(status, answered, body, safe=is_safe, now=self._now(), throttled=self._throttled)
        if isinstance(outcome, Throttled):
            self.governor.pause(PAUSE_S if outcome.retry_after is None else outcome.retry_after)
        return outcome

    async def _exchange(self, request: httpx.Request) -> tuple[int, dict[str, str], bytes]:
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_BODY:
                    raise _TooLargeError
            return response.status_code, dict(response.headers), bytes(body)
        finally:
            await response.aclose()


class _TooLargeError(Exception):
    """The answer is larger than MAX_BODY."""
