"""What dispatch remembers: a ledger per order, and a lane per vendor account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field
from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchRequested
from platen_contracts.envelope import Meta

Json = dict[str, Any]

Phase = Literal["waiting", "sending", "in_doubt", "accepted", "refused", "withdrawn"]
"""Waiting: nothing is under way, at most a draft is there. Sending, in doubt: it may be there, or arrive. The rest: ended."""

Wish = Literal["send", "withdraw", "own", "disown"]
"""What is wanted of a generation. Own and disown are a person's word that the vendor accepted it, or did not."""

REMOVING: tuple[Wish, ...] = ("withdraw", "disown")


class Cause(Struct, frozen=True, omit_defaults=True):
    """The message that asked for a generation, so that every result is told as its consequence."""

    id: str
    type: str
    time: datetime
    correlation_id: str | None = None
    replay_of: str | None = None
    traceparent: str | None = None

    @staticmethod
    def of(meta: Meta) -> Cause:
        return Cause(meta.id, meta.type, meta.time, meta.correlation_id, meta.replay_of, meta.traceparent)

    @property
    def meta(self) -> Meta:
        return Meta(
            id=self.id,
            type=self.type,
            source="",
            subject="",
            time=self.time,
            correlation_id=self.correlation_id,
            replay_of=self.replay_of,
            traceparent=self.traceparent,
        )


class Answer(Struct, frozen=True):
    """The result that ended a generation, kept to be given again."""

    type: str
    body: Json


class Generation(Struct, frozen=True, omit_defaults=True):
    """One accepted Send or Retry, frozen as it was asked for. Without a request only its withdrawal or settling is known."""

    number: int
    phase: Phase = "waiting"
    wish: Wish = "send"
    request: Json | None = None
    """DispatchRequested as JSON."""
    cause: Cause | None = None
    paused_before: float = 0.0
    """Seconds for which the vendor's lane had been paused when it was asked for: they cost no patience."""
    attempt: int = 0
    turn: int = 0
    """Counts every time a worker takes it, to send or only to look."""
    turn_wish: Wish = "send"
    """The wish that the last turn served."""
    looking: bool = False
    """The last turn created nothing: it only looks for what an earlier one may have left."""
    tries: int = 0
    """Turns that ended without news, which sets the back-off."""
    draft: str | None = None
    """The vendor's id of a draft that is known to be left there."""
    unknown_since: datetime | None = None
    """When the last attempt ended; only absences after it count."""
    absent_at: datetime | None = None
    """The first of two absences."""
    answer: Answer | None = None
    doubted: bool = False
    """Asked for before this ledger was lost or set back: how it ended may be forgotten, and told. It is only looked for."""

    @property
    def ended(self) -> bool:
        return self.phase in ("accepted", "refused", "withdrawn")

    @property
    def open(self) -> bool:
        return self.request is not None and not self.ended

    @property
    def asked(self) -> DispatchRequested:
        return DispatchRequested.model_validate(self.request)


class Ledger(Struct, frozen=True, omit_defaults=True):
    """Everything ever asked of one order. Turns of one order never overlap: the lease is the order's."""

    order_id: str
    vendor_id: str = ""
    submission: int = 1
    """Ends the vendor's external id; rises only when that order was read back as cancelled."""
    named: str | None = None
    """A vendor order that a person named as this one; looked at too, since it may bear no external id of ours."""
    erased: bool = False
    """Nothing personal is kept once nothing is under way (`change.forgetful`)."""
    generations: dict[int, Generation] = field(default_factory=dict[int, Generation])
    lease: str | None = None
    """`generation.turn` of the turn under way."""
    due: datetime | None = None
    """When a worker may take it: its next turn, or the end of the lease. A column, since leases are renewed there."""

    @property
    def latest(self) -> int:
        return max(self.generations, default=0)

    @property
    def current(self) -> Generation | None:
        """The generation whose turn it is: the oldest that has not ended."""
        return next((self.generations[number] for number in sorted(self.generations) if self.generations[number].open), None)

    def leased_to(self, generation: Generation) -> bool:
        return self.lease == lease_of(generation.number, generation.turn)


@dataclass(frozen=True, slots=True)
class Lane:
    """A vendor account, and the silence that it asked for. `vendor` None: not in the catalog."""

    vendor_id: str
    vendor: Vendor | None = None
    paused_from: datetime | None = None
    paused_until: datetime | None = None
    paused_s: float = 0.0
    """Seconds of all pauses before this one."""

    def paused_seconds(self, now: datetime) -> float:
        """Seconds of all pauses up to `now`."""
        if self.paused_from is None or self.paused_until is None:
            return self.paused_s
        return self.paused_s + max(0.0, (min(now, self.paused_until) - self.paused_from).total_seconds())


Entry = Ledger | Lane
"""What a key stands for: `<order id>`, `vendor:<id>` (to change), `lane:<id>` (only to read)."""


def vendor_key(vendor_id: str) -> str:
    return f"vendor:{vendor_id}"


def lane_key(vendor_id: str) -> str:
    return f"lane:{vendor_id}"


def lease_of(generation: int, turn: int) -> str:
    return f"{generation}.{turn}"


replace = msgspec.structs.replace
