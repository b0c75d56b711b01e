"""One turn at the vendor: look, create as a draft, read back, compare, confirm, read back. It ends in exactly one fact.

Nothing here raises for what the vendor does; nothing is sent again whose fate is unknown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict, TypeVar

from platen_contracts.status import VendorStatus
from platen_outside.failures import AuthFailed, Throttled, Transient, Unknown
from platen_outside.redact import redact
from platen_vendors.adapter import VendorAdapter
from platen_vendors.model import (
    Absent,
    Accepted,
    AlreadyExists,
    Cancelled,
    Found,
    Inconclusive,
    NotReady,
    Rejected,
    Snapshot,
    TooLate,
)

from platen_dispatch.decide import facts
from platen_dispatch.decide.facts import TurnEnd
from platen_dispatch.decide.plan import Plan

T = TypeVar("T")
_NotNow = Throttled | AuthFailed | Transient

AUTH_PAUSE_S = 60.0
"""How long the lane of an account that is not let in waits before it tries again."""

_LOOK_AT_IT = "Compare the draft at the vendor with the order; mend what differs, then retry."


class LeaseLost(Exception):
    """The order is no longer this worker's: nothing more may be sent."""


class _Whose(TypedDict):
    order_id: str
    vendor_id: str
    generation: int
    turn: int


@dataclass(frozen=True, slots=True)
class VendorTurn:
    """Args: `mine` raises `LeaseLost` where another worker may have the order; asked before every write. `now` is aware UTC."""

    adapter: VendorAdapter
    plan: Plan
    mine: Callable[[], None]
    now: Callable[[], datetime]

    async def run(self) -> TurnEnd:
        if self.plan.look_first:
            seen = await self._look()
            if not isinstance(seen, Absent):
                return await self._answered(seen)
            if not self.plan.create:
                return facts.Missing(**self._whose, as_of=seen.as_of)
        return await self._create()

    # --- looking

    async def _look(self) -> Snapshot | Absent | TurnEnd:
        """What there is under this external id; else the order that a person named, if that one is confirmed."""
        match await self.adapter.find(self.plan.order.external_id):
            case Found(snapshots=snapshots) if snapshots:
                seen: Snapshot | Absent = _foremost(snapshots)
            case Absent() as seen:
                pass
            case Throttled() | AuthFailed() | Transient() as failure:
                return self._not_now(failure, None)
            case other:
                return facts.Undecided(**self._whose, reason=_cause(other))
        if self.plan.named is None or (isinstance(seen, Snapshot) and seen.stage == "live"):
            return seen
        named = await self._read(self.plan.named, None)
        return named if isinstance(named, TurnEnd) or (isinstance(named, Snapshot) and named.stage == "live") else seen

    async def _read(self, vendor_order_id: str, draft: str | None) -> Snapshot | Absent | TurnEnd:
        match await self.adapter.fetch(vendor_order_id):
            case Snapshot() | Absent() as read:
                return read
            case Inconclusive(cause):
                return facts.Undecided(**self._whose, reason=cause)
            case failure:
                return self._not_now(failure, draft)

    async def _answered(self, seen: Snapshot | TurnEnd) -> TurnEnd:
        """The end of a turn that found this."""
        if isinstance(seen, TurnEnd):
            return seen
        match seen.stage:
            case "live":
                return self._taken(seen)
            case "ended":
                return self._taken(seen) if seen.shipments else facts.Gone(**self._whose, submission=self.plan.submission)
            case "editable":
                return await (self._remove(seen) if self.plan.remove else self._finish(seen))
            case "unknown":
                return facts.Undecided(**self._whose, reason=f"the vendor calls it {seen.status_raw!r}, a word not known here")

    # --- writing

    async def _create(self) -> TurnEnd:
        order = self.plan.order
        match await self._write(lambda: self.adapter.submit(order)):
            case Accepted(vendor_order_id=made):
                read = await self._read(made, made)
                if isinstance(read, Absent):
                    return self._lost("it was created, but cannot be read back")
                return await self._answered(read)
            case AlreadyExists(snapshot=snapshot):
                return await self._answered(snapshot)
            case Rejected() as refusal:
                return self._turned_down(refusal, None)
            case Unknown(cause):
                return await self._look_after(cause)
            case failure:
                return self._not_now(failure, None)

    async def _look_after(self, cause: str) -> TurnEnd:
        """A reply was lost. The answer is at the vendor."""
        lost_at = self.now()
        match await self._look():
            case Snapshot() as seen:
                return await self._answered(seen)
            case Absent(as_of):
                return facts.Lost(**self._whose, reason=cause, at=lost_at, absent_as_of=as_of)
            case _:
                return facts.Lost(**self._whose, reason=cause, at=lost_at)

    async def _finish(self, draft: Snapshot) -> TurnEnd:
        """An editable order: made what is meant, read back, and only then confirmed."""
        if self.adapter.differences(self.plan.order, draft):
            made = await self._made_as_meant(draft.vendor_order_id)
            if isinstance(made, TurnEnd):
                return made
            draft = made
        if draft.stage != "editable":
            return await self._answered(draft)
        if differs := self.adapter.differences(self.plan.order, draft):
            refusal = Rejected("vendor.differs", f"it differs in {', '.join(differs)}", differs[0], _LOOK_AT_IT)
            return self._turned_down(refusal, draft.vendor_order_id)
        return await self._confirm(draft.vendor_order_id)

    async def _made_as_meant(self, draft: str) -> Snapshot | TurnEnd:
        order = self.plan.order
        outcome = await self._write(lambda: self.adapter.replace(draft, order))
        if isinstance(outcome, Throttled | AuthFailed | Transient):
            return self._not_now(outcome, draft)
        if isinstance(outcome, Unknown):
            return self._lost(outcome.cause)
        read = await self._read(draft, draft)
        if isinstance(read, Absent):
            return self._lost("the draft cannot be read back")
        if isinstance(outcome, Rejected) and isinstance(read, Snapshot) and read.stage == "editable":
            return self._turned_down(outcome, draft)
        return read

    async def _confirm(self, draft: str) -> TurnEnd:
        match await self._write(lambda: self.adapter.confirm(draft)):
            case Accepted(snapshot=confirmed):
                read = await self._read(draft, draft)
                return await self._after_confirm(confirmed, read)
            case NotReady():
                return facts.NotNow(**self._whose, code="not_ready", draft=draft)
            case Rejected() as refusal:
                return self._turned_down(refusal, draft)
            case Unknown(cause):
                read = await self._read(draft, draft)
                return self._taken(read) if isinstance(read, Snapshot) and read.stage == "live" else self._lost(cause)
            case failure:
                return self._not_now(failure, draft)

    async def _after_confirm(self, confirmed: Snapshot, read: Snapshot | Absent | TurnEnd) -> TurnEnd:
        """What is read back counts. Where it cannot be read, the answer to confirm said that it is live."""
        match read:
            case Snapshot(stage="editable", status=VendorStatus.FAILED):
                words = next((issue.words for issue in read.issues if issue.words), None) or read.status_raw
                remedy = "See at the vendor why it gave the order back, mend that, then retry."
                return self._turned_down(Rejected("vendor.given_back", words, None, remedy), read.vendor_order_id)
            case Snapshot(stage="editable"):
                return facts.NotNow(**self._whose, code="not_ready", draft=read.vendor_order_id)
            case Snapshot():
                return await self._answered(read)
            case _:
                return self._taken(confirmed)

    async def _remove(self, draft: Snapshot) -> TurnEnd:
        match await self._write(lambda: self.adapter.cancel(draft.vendor_order_id)):
            case Cancelled():
                return facts.Gone(**self._whose, submission=self.plan.submission)
            case TooLate(snapshot):
                return self._taken(snapshot)
            case Rejected(code=code):
                return facts.Undecided(**self._whose, reason=f"the vendor does not delete the draft ({code})")
            case Unknown(cause):
                return facts.Undecided(**self._whose, reason=f"whether the draft is deleted is not known ({cause})")
            case failure:
                return self._not_now(failure, draft.vendor_order_id)

    async def _write(self, call: Callable[[], Awaitable[T]]) -> T:
        self.mine()
        return await call()

    # --- the facts

    @property
    def _whose(self) -> _Whose:
        plan = self.plan
        return {"order_id": plan.order_id, "vendor_id": plan.vendor_id, "generation": plan.generation, "turn": plan.turn}

    def _taken(self, live: Snapshot) -> TurnEnd:
        by, differs = self._meant_by(live)
        ours = {item.item_id for item in self.plan.order.items}
        return facts.Taken(
            **self._whose,
            by_generation=by,
            vendor_order_id=live.vendor_order_id,
            external_id=self.plan.order.external_id,
            submission=self.plan.submission,
            items={item: units for item, units in live.units.items() if item in ours},
            differs=list(differs),
        )

    def _meant_by(self, live: Snapshot) -> tuple[int, Sequence[str]]:
        """The generation that meant what the vendor has. Where none did, it is the present one's, changed at the vendor."""
        differs = self.adapter.differences(self.plan.order, live)
        if not differs:
            return self.plan.generation, ()
        for number in sorted(self.plan.older, reverse=True):
            if not self.adapter.differences(self.plan.older[number], live):
                return number, differs
        return self.plan.generation, differs

    def _turned_down(self, refusal: Rejected, draft: str | None) -> TurnEnd:
        return facts.TurnedDown(
            **self._whose,
            code=refusal.code,
            field=refusal.field,
            remedy=refusal.remedy,
            words=redact(refusal.message)[:2000] or None,
            draft=draft,
        )

    def _lost(self, cause: str) -> TurnEnd:
        return facts.Lost(**self._whose, reason=cause, at=self.now())

    def _not_now(self, failure: _NotNow, draft: str | None) -> TurnEnd:
        match failure:
            case Transient():
                return facts.NotNow(**self._whose, code="unreachable", draft=draft)
            case Throttled(retry_after=wait):
                pause = self.adapter.paused_for if wait is None else wait
                return self._lane_closed("throttled", pause, draft)
            case AuthFailed():
                return self._lane_closed("auth_failed", AUTH_PAUSE_S, draft)

    def _lane_closed(self, code: str, seconds: float, draft: str | None) -> TurnEnd:
        return facts.LaneClosed(**self._whose, code=code, until=self.now() + timedelta(seconds=seconds), draft=draft)


def _foremost(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Of several orders under one external id: a live one is the answer, else the first that can be finished."""
    by_weight = {"live": 0, "unknown": 1, "editable": 2, "ended": 3}
    return min(snapshots, key=lambda one: by_weight[one.stage])


def _cause(outcome: object) -> str:
    return outcome.cause if isinstance(outcome, Inconclusive) else "the lookup held no order"
