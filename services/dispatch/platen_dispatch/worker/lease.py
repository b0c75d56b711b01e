"""A lease on one order, renewed while its turn lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from platen_messaging.faults import is_transient

from platen_dispatch.gateway.turn import LeaseLost
from platen_dispatch.store import Claims


class Lease:
    """Args: `token` is `generation.turn`; `since` when the claim was asked for, by `now`.

    Here only lengths of time count, from before each question on: so it ends here no later than in the database.
    """

    def __init__(
        self, claims: Claims, order_id: str, token: str, since: datetime, length: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._claims, self._order_id, self._token = claims, order_id, token
        self._until, self._length, self._now = since + length, length, now

    def mine(self) -> None:
        """Raises `LeaseLost` once nobody can be sure of it any more: a process that was stopped wakes up to a lost lease."""
        if self._now() >= self._until:
            raise LeaseLost

    async def keep(self) -> None:
        """Renews it three times in its length, until it is lost; a database that is away is asked again."""
        while True:
            await asyncio.sleep(self._length.total_seconds() / 3)
            until = self._now() + self._length
            try:
                if not await self._claims.renew(self._order_id, self._token, self._length):
                    self._until = self._now()
                    return
            except Exception as failure:
                if not is_transient(failure):
                    raise
            else:
                self._until = until
