"""Reads what is due: each account in a lane of its own, a few orders at once, so that a slow vendor holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchAccepted
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id
from platen_messaging.desk import Desk, utcnow
from platen_messaging.faults import is_transient, told
from platen_messaging.log import logger
from platen_messaging.records import Incoming
from platen_messaging.waiting import wait
from platen_outside.failures import AuthFailed, Throttled, Transient
from platen_vendors.accounts import Accounts, Unusable
from platen_vendors.adapter import VendorAdapter
from platen_vendors.model import Absent, FetchOutcome, Inconclusive, Snapshot
from prometheus_client import Counter, Gauge

from platen_tracking.decide.facts import OrderNotRead, OrderRead
from platen_tracking.model import Followed, State
from platen_tracking.store.due import Claimed, Due

log = logger("poll")

READS = Counter(
    "platen_tracking_reads", "Vendor orders read. outcome: read, absent, failed, throttled, auth", ("vendor", "outcome")
)
UNUSABLE = Gauge(
    "platen_tracking_vendor_unusable", "1 while a vendor account cannot be asked: its log line says why", ("vendor",)
)

TICK_S = 0.5
AT_ONCE = 8
"""Orders of one account that are read side by side and settled together."""
READING_S = 20.0
"""For one reading, waiting for the account's turn included; shorter than the lease."""
SIGNED_OUT = timedelta(minutes=1)
"""How long an account rests that does not let us in."""
FORGET_EVERY = timedelta(seconds=10)
_FINISH_S = 3.0


class Poll:
    """Args: `now` gives aware UTC times."""

    def __init__(self, desk: Desk[State], due: Due, accounts: Accounts, now: Callable[[], datetime] = utcnow) -> None:
        self._desk, self._due, self._accounts, self._now = desk, due, accounts, now
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, datetime] = {}
        self._problems: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What is being read then is finished quickly or read again when its lease ends."""
        forget_at = self._now()
        try:
            while not stop.is_set():
                if self._now() >= forget_at:
                    await self._due.forget(self._now())
                    forget_at = self._now() + FORGET_EVERY
                for vendor in await self._due.vendors_with_work(self._now()):
                    self._start(vendor, stop)
                await wait(stop, TICK_S)
        finally:
            await self._close()

    def _start(self, vendor: Vendor, stop: asyncio.Event) -> None:
        rests = self._resting.get(vendor.vendor_id)
        if vendor.vendor_id in self._lanes or (rests is not None and rests > self._now()):
            return
        task = asyncio.create_task(self._guarded(vendor, stop))
        self._lanes[vendor.vendor_id] = task
        task.add_done_callback(lambda _: self._lanes.pop(vendor.vendor_id, None))

    async def _guarded(self, vendor: Vendor, stop: asyncio.Event) -> None:
        try:
            await self._drive(vendor, stop)
        except Exception as failure:
            log.warning("reading failed", vendor=vendor.vendor_id, error=type(failure).__name__, exc_info=failure)
            self._resting[vendor.vendor_id] = self._now() + timedelta(seconds=READING_S)

    async def _drive(self, vendor: Vendor, stop: asyncio.Event) -> None:
        """Until nothing is due, or the account wants to be left alone."""
        adapter = self._accounts.adapter_of(vendor)
        if isinstance(adapter, Unusable):
            self._say(vendor.vendor_id, adapter.remedy)
            return
        while not stop.is_set() and adapter.paused_for <= 0:
            claimed = await self._due.claim(vendor.vendor_id, AT_ONCE, self._now())
            if not claimed:
                return
            asked_at = self._now()
            outcomes = await asyncio.gather(*(_fetch(adapter, one.vendor_order_id) for one in claimed))
            pairs = zip(claimed, outcomes, strict=True)
            await self._settle([self._fact(vendor, one, asked_at, outcome) for one, outcome in pairs])
            if self._is_signed_out(vendor, outcomes):
                return

    async def _settle(self, facts: Sequence[Incoming]) -> None:
        """All at once; where one of them cannot be settled, each alone, so that it holds up no other."""
        try:
            await self._desk.apply(facts)
        except Exception as failure:
            if is_transient(failure):
                raise
            if len(facts) == 1:
                log.warning("a reading cannot be settled", order=facts[0].key, error=told(failure), exc_info=failure)
                return
            for fact in facts:
                await self._settle([fact])

    def _fact(self, vendor: Vendor, one: Claimed, asked_at: datetime, outcome: FetchOutcome) -> Incoming:
        name = _OUTCOMES[type(outcome)]
        READS.labels(vendor.vendor_id, name).inc()
        about = {"vendor_id": vendor.vendor_id, "vendor_order_id": one.vendor_order_id, "read_at": asked_at}
        match outcome:
            case Snapshot():
                fact = OrderRead(**about, snapshot=outcome)
            case Throttled(retry_after):
                again = timedelta(seconds=retry_after if retry_after is not None else READING_S)
                fact = OrderNotRead(**about, again_at=self._now() + again)
            case AuthFailed():
                fact = OrderNotRead(**about, again_at=self._now() + SIGNED_OUT)
            case _:
                log.info("not read", vendor=vendor.vendor_id, order=one.order.order_id, outcome=name)
                fact = OrderNotRead(**about, absent=isinstance(outcome, Absent))
        fact_id = derived_id("read", vendor.vendor_id, one.vendor_order_id, asked_at.isoformat())
        return self._desk.fact(fact, fact_id, one.order.order_id, _cause(one.order, asked_at))

    def _is_signed_out(self, vendor: Vendor, outcomes: Sequence[FetchOutcome]) -> bool:
        refused = next((outcome for outcome in outcomes if isinstance(outcome, AuthFailed)), None)
        if refused is None:
            self._clear(vendor.vendor_id)
            return False
        self._resting[vendor.vendor_id] = self._now() + SIGNED_OUT
        self._say(
            vendor.vendor_id,
            f"the vendor answers HTTP {refused.status}; replace the token of {vendor.vendor_id!r} in PLATEN_VENDOR_SECRETS "
            "and restart tracking",
        )
        return True

    def _say(self, vendor_id: str, remedy: str) -> None:
        """Once, until it is another problem."""
        if self._problems.get(vendor_id) != remedy:
            self._problems[vendor_id] = remedy
            UNUSABLE.labels(vendor_id).set(1)
            log.warning("a vendor account cannot be asked", vendor=vendor_id, remedy=remedy)

    def _clear(self, vendor_id: str) -> None:
        if self._problems.pop(vendor_id, None) is not None:
            UNUSABLE.labels(vendor_id).set(0)
            log.info("a vendor account can be asked again", vendor=vendor_id)

    async def _close(self) -> None:
        tasks = list(self._lanes.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_FINISH_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._accounts.aclose()


_OUTCOMES: dict[type[object], str] = {
    Snapshot: "read",
    Absent: "absent",
    Inconclusive: "failed",
    Transient: "failed",
    Throttled: "throttled",
    AuthFailed: "auth",
}


async def _fetch(adapter: VendorAdapter, vendor_order_id: str) -> FetchOutcome:
    try:
        async with asyncio.timeout(READING_S):
            return await adapter.fetch(vendor_order_id)
    except TimeoutError:
        return Transient(f"no answer within {READING_S:.0f} s")


def _cause(order: Followed, moment: datetime) -> Meta:
    """Messages about an order belong to the conversation that began with its acceptance."""
    return Meta(order.cause_id, DispatchAccepted.TYPE, "dispatch", order.order_id, moment, order.correlation_id)
