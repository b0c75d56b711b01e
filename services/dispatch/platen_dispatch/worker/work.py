"""The worker: many orders at once, each in one turn at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from platen_contracts.catalog import Vendor
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id
from platen_messaging.desk import Desk, utcnow
from platen_messaging.faults import is_transient, told
from platen_messaging.log import about, logger
from platen_messaging.outcome import Applied, Outcome
from platen_messaging.records import Incoming
from platen_messaging.waiting import Backoff, wait
from platen_vendors.accounts import Accounts, Unusable

from platen_dispatch.decide import facts
from platen_dispatch.decide.plan import Plan, plan
from platen_dispatch.gateway.turn import AUTH_PAUSE_S, LeaseLost, VendorTurn
from platen_dispatch.model import Entry, Generation, Ledger, lease_of
from platen_dispatch.store import Claim, Claims
from platen_dispatch.worker.lease import Lease

log = logger("worker")

FIRST_LOOK_S, IDLE_LOOK_S = 0.01, 0.2
"""How soon it looks for work after news, and how often without."""

TRIES = 10
"""How often it is tried to save a fact while the database is away: half a minute, less than a lease."""

DRAIN_S = 20.0
"""Turns under way at the end may take this long; the rest are looked up by whoever comes next."""

REMEDIES = {
    "throttled": "wait; it goes on by itself",
    "auth_failed": "put a valid token into PLATEN_VENDOR_SECRETS of dispatch and start it again",
    "no_secret": "add the account to PLATEN_VENDOR_SECRETS of dispatch and start it again",
}


@dataclass(frozen=True, slots=True)
class _Begun:
    """A turn whose intent is saved."""

    generation: Generation
    plan: Plan
    vendor: Vendor
    lease: Lease


class Worker:
    """Args: `concurrency` turns at once; `lease` before a silent one counts as dead; `now` gives aware UTC times.

    `in_place` false: the ledger may be older than what was done with it, so nothing is begun.
    """

    def __init__(
        self,
        desk: Desk[Entry],
        claims: Claims,
        accounts: Accounts,
        *,
        concurrency: int = 8,
        lease: timedelta = timedelta(seconds=60),
        now: Callable[[], datetime] = utcnow,
        in_place: Callable[[], bool] = lambda: True,
    ) -> None:
        self._in_place = in_place
        self._desk, self._claims, self._accounts = desk, claims, accounts
        self._concurrency, self._lease, self._now = concurrency, lease, now
        self._turns: dict[asyncio.Task[None], str] = {}
        self._news = asyncio.Event()
        self._paused: dict[str, datetime] = {}

    def nudge(self) -> None:
        """There may be work."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then turns under way end first."""
        pause = Backoff(FIRST_LOOK_S, IDLE_LOOK_S)
        try:
            while not stop.is_set():
                if await self._claim() or await self._news_within(pause.next()):
                    pause.reset()
        finally:
            await self._drain()
            await self._accounts.aclose()

    async def _claim(self) -> bool:
        free = self._concurrency - len(self._turns)
        if free <= 0 or not self._in_place():
            return False
        now = self._now()
        busy = list(self._turns.values())
        claims = await self._claims.take(now, self._lease, free, busy, self._concurrency - 1)
        for claim in claims:
            task = asyncio.create_task(self._guarded(claim, now))
            self._turns[task] = claim.vendor.vendor_id
            task.add_done_callback(self._done)
        return bool(claims)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._turns.pop(task, None)
        self.nudge()

    async def _news_within(self, seconds: float) -> bool:
        """News come shortly before they are committed, so that it looks more than once after each."""
        heard = await wait(self._news, seconds)
        self._news.clear()
        return heard

    async def _drain(self) -> None:
        if self._turns:
            _, late = await asyncio.wait(list(self._turns), timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, claim: Claim, since: datetime) -> None:
        """Whatever goes wrong here, the lease runs out and the order is looked up."""
        order = claim.ledger.order_id
        try:
            await self._turn(claim, since)
        except LeaseLost:
            log.warning("lease lost; the order is looked up again", order=order)
        except Exception as failure:
            passing = is_transient(failure)
            log.warning("turn failed", order=order, error=told(failure), exc_info=None if passing else failure)

    async def _turn(self, claim: Claim, since: datetime) -> None:
        begun = await self._begin(claim, since)
        if begun is None:
            return
        keeping = asyncio.create_task(begun.lease.keep())
        acting = asyncio.create_task(self._act(begun))
        try:
            await asyncio.wait({keeping, acting}, return_when=asyncio.FIRST_COMPLETED)
            if not acting.done():
                raise LeaseLost
            await self._tell(begun, acting.result())
        finally:
            keeping.cancel()
            acting.cancel()
            await asyncio.gather(keeping, acting, return_exceptions=True)

    async def _begin(self, claim: Claim, since: datetime) -> _Begun | None:
        """Saves the intent. `since`: when the claim was asked for. None: there is nothing to do outside."""
        ledger = claim.ledger
        generation, until = ledger.current, ledger.due
        if generation is None or until is None:
            return None
        turn = generation.turn + 1
        began = facts.TurnBegan(
            order_id=ledger.order_id,
            vendor_id=ledger.vendor_id,
            generation=generation.number,
            turn=turn,
            lease_until=until,
        )
        # With the time: a turn that could not begin, since its vendor had left the catalog, begins once that is back.
        fact_id = derived_id("turn", ledger.order_id, generation.number, turn, "begins", until.isoformat())
        cause = None if generation.cause is None else generation.cause.meta
        outcome = await self._patiently(self._desk.fact(began, fact_id, ledger.order_id, cause))
        after = outcome.states.get(ledger.order_id) if isinstance(outcome, Applied) else None
        if not isinstance(after, Ledger) or after.lease != lease_of(generation.number, turn):
            return None
        begun = after.generations[generation.number]
        lease = Lease(self._claims, ledger.order_id, lease_of(generation.number, turn), since, self._lease, self._now)
        return _Begun(begun, plan(after, begun, self._now()), claim.vendor, lease)

    async def _act(self, begun: _Begun) -> facts.TurnEnd:
        """The effect, outside any transaction."""
        whose = begun.plan
        named = {"order_id": whose.order_id, "vendor_id": whose.vendor_id, "generation": whose.generation, "turn": whose.turn}
        adapter = self._accounts.adapter_of(begun.vendor)
        if isinstance(adapter, Unusable):
            if adapter.code == "unknown_kind":
                return facts.Undecided.model_validate({**named, "reason": adapter.remedy})
            until = self._now() + timedelta(seconds=AUTH_PAUSE_S)
            return facts.LaneClosed.model_validate({**named, "code": adapter.code, "until": until})
        return await VendorTurn(adapter, begun.plan, begun.lease.mine, self._now).run()

    async def _tell(self, begun: _Begun, end: facts.TurnEnd) -> None:
        """Saves the outcome."""
        cause = None if begun.generation.cause is None else begun.generation.cause.meta
        self._say(end, cause)
        fact_id = derived_id("turn", end.order_id, end.generation, end.turn, "ends")
        await self._patiently(self._desk.fact(end, fact_id, end.order_id, cause))

    async def _patiently(self, fact: Incoming) -> Outcome[Entry]:
        """Saves it, however often the database goes away for a moment: what happened outside is known only here until then,
        and an order whose turn did not begin would wait for the end of its lease."""
        again = Backoff(0.2, 5)
        for _ in range(TRIES - 1):
            try:
                return (await self._desk.apply([fact]))[0]
            except Exception as failure:
                if not is_transient(failure):
                    raise
                await asyncio.sleep(again.next())
        return (await self._desk.apply([fact]))[0]

    def _say(self, end: facts.TurnEnd, cause: Meta | None) -> None:
        """One warning for each pause, however many turns run into it and however often it is prolonged."""
        words = {"vendor": end.vendor_id, "generation": end.generation, "end": type(end).__name__}
        log.info("turn ended", **words, **about(end.order_id, cause))
        paused_until = self._paused.get(end.vendor_id)
        if not isinstance(end, facts.LaneClosed):
            if paused_until is not None and self._now() >= paused_until:
                del self._paused[end.vendor_id]
            return
        self._paused[end.vendor_id] = max(end.until, paused_until or end.until)
        if paused_until is None:
            log.warning(
                "vendor paused", vendor=end.vendor_id, code=end.code, until=end.until.isoformat(), remedy=REMEDIES[end.code]
            )
