"""At most so many calls in a window, per account, and silence while the other side asks for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Seconds that only go forward, and a way to wait for them."""

    def now(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class MonotonicClock:
    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """`requests` in any `window_s` seconds, of which `burst` may come at once after a quiet time."""

    requests: int
    window_s: float
    burst: int

    def __post_init__(self) -> None:
        if not 0 < self.burst < self.requests:
            raise ValueError(f"burst: {self.burst} is not between 1 and {self.requests - 1}, one less than requests")

    def share(self, part: float) -> RatePolicy:
        """The policy for one of several processes that use the same account: `part` in (0, 1] of it."""
        requests = max(2, int(self.requests * part))
        return RatePolicy(requests, self.window_s, min(max(1, int(self.burst * part)), requests - 1))


class Governor:
    """One lane to one account. Calls pass in the order they came.

    A token bucket of `burst` tokens refilled at (requests - burst) per window: it never lets more than `requests` through in
    any window, also not in the first one, where a bucket as large as the window would let twice as many pass.
    """

    def __init__(self, policy: RatePolicy, clock: Clock | None = None) -> None:
        self._policy = policy
        self._clock = clock or MonotonicClock()
        self._tokens = float(policy.burst)
        self._counted_at = self._clock.now()
        self._closed_until = self._counted_at
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def enter(self, patience_s: float = 30.0) -> bool:
        """Waits for this call's turn. False, and no token spent, as soon as the turn is further away than `patience_s`."""
        if self._until_turn(self._waiting + 1) > patience_s:
            return False
        self._waiting += 1
        try:
            async with self._turn:
                while (wait := self._until_turn(1)) > 0:
                    if wait > patience_s:
                        return False
                    await self._clock.sleep(wait)
                self._tokens -= 1
                return True
        finally:
            self._waiting -= 1

    def adopt(self, policy: RatePolicy) -> None:
        """The other side told its limit: from now on that one holds. A larger burst starts empty."""
        if policy != self._policy:
            self._refill()
            self._policy = policy
            self._tokens = min(self._tokens, float(policy.burst))

    def pause(self, seconds: float) -> None:
        """Closes the whole lane; a shorter pause never shortens a longer one."""
        self._closed_until = max(self._closed_until, self._clock.now() + seconds)

    def paused_for(self) -> float:
        """Seconds until the lane opens again, 0 when it is open."""
        return max(0.0, self._closed_until - self._clock.now())

    def _until_turn(self, place: int) -> float:
        """Seconds until the one at `place` of the queue (1 is next) may pass."""
        self._refill()
        missing = 0.0 if self._tokens >= place - _ROUNDING else (place - self._tokens) / self._per_second
        return max(missing, self.paused_for())

    def _refill(self) -> None:
        now = self._clock.now()
        self._tokens = min(float(self._policy.burst), self._tokens + (now - self._counted_at) * self._per_second)
        self._counted_at = now

    @property
    def _per_second(self) -> float:
        return (self._policy.requests - self._policy.burst) / self._policy.window_s


_ROUNDING = 1e-9
"""A sum of many small refills may fall this short of a whole token; without it the last wait would be endlessly small."""
