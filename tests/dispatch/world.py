"""The decisions of dispatch without a database: states in a dict, a clock that is moved by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from platen_contracts.dispatch import DispatchResult
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.topics import MESSAGES
from platen_dispatch.decide import facts
from platen_dispatch.decide.plan import Plan, plan
from platen_dispatch.handlers import REQUESTS, TURNS
from platen_dispatch.model import Entry, Generation, Lane, Ledger, replace, vendor_key
from platen_messaging.outcome import Applied, Context, Outcome, Outgoing
from platen_vendors.model import external_id

from .asked import ITEM, ORDER, T0, VENDOR, vendor

LEASE = timedelta(seconds=60)


class World:
    """Every message is checked to be wire-clean; every event that went out stands in `told`."""

    def __init__(self, **of_vendor: Any) -> None:
        self.now: datetime = T0
        self.states: dict[str, Entry] = {}
        self.told: list[DispatchResult] = []
        self._count = 0
        self.hear(vendor(**of_vendor))

    def hear(self, message: Message, at: datetime | None = None, *, doubted: bool = False) -> Outcome[Entry]:
        """A message of a topic. `doubted`: a ledger that was lost may have known it."""
        return self._decide(REQUESTS, message, at, doubted)

    def begin(self) -> Plan | None:
        """A worker's turn, as the worker takes it; None where nothing is to be done outside."""
        ledger = self.ledger
        generation = ledger.current
        if generation is None:
            return None
        began = facts.TurnBegan(
            order_id=ORDER,
            vendor_id=ledger.vendor_id,
            generation=generation.number,
            turn=generation.turn + 1,
            lease_until=self.now + LEASE,
        )
        self._decide(TURNS, began)
        after = self.ledger
        return plan(after, after.generations[generation.number], self.now) if after.lease else None

    def end(self, kind: type[facts.TurnEnd], **given: Any) -> Outcome[Entry]:
        """How the turn under way ended."""
        assert self.ledger.lease is not None
        generation, turn = map(int, self.ledger.lease.split("."))
        whose = {"order_id": ORDER, "vendor_id": VENDOR, "generation": generation, "turn": turn}
        return self.fact(kind.model_validate({**whose, **given}))

    def fact(self, fact: Message) -> Outcome[Entry]:
        """What a worker found out, also of a turn that is over."""
        return self._decide(TURNS, fact)

    def taken(self, by: int | None = None, **given: Any) -> Outcome[Entry]:
        assert self.ledger.lease is not None
        number = self.ledger.submission
        found = {
            "by_generation": by or int(self.ledger.lease.split(".")[0]),
            "vendor_order_id": "13",
            "external_id": external_id(ORDER, number),
            "submission": number,
            "items": {ITEM: 2},
        }
        return self.end(facts.Taken, **{**found, **given})

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def wait_for_turn(self) -> None:
        """Until the order is due, and its lane open."""
        assert self.ledger.due is not None
        until = self.lane.paused_until
        self.now = max(self.now, self.ledger.due, until or self.now)

    @property
    def ledger(self) -> Ledger:
        held = self.states[ORDER]
        assert isinstance(held, Ledger)
        return held

    @property
    def lane(self) -> Lane:
        held = self.states[vendor_key(VENDOR)]
        assert isinstance(held, Lane)
        return held

    def generation(self, number: int = 1) -> Generation:
        return self.ledger.generations[number]

    def words(self) -> list[str]:
        """The names of all that was told, in order."""
        return [type(event).__name__.removeprefix("Dispatch") for event in self.told]

    def _decide(self, handlers: Any, message: Message, at: datetime | None = None, doubted: bool = False) -> Outcome[Entry]:
        self._count += 1
        meta = Meta(derived_id("message", self._count), message.TYPE, "test", "", at or self.now)
        before = dict(self.states)
        outcome = handlers.decide(self._seen_by(handlers, message), message, Context(self.now, meta, doubted))
        assert self.states == before, "a decision changed what it was given"
        if isinstance(outcome, Applied):
            self.states |= outcome.states
        for outgoing in outcome.messages:
            self.told.append(_event(outgoing))
        return outcome

    def _seen_by(self, handlers: Any, message: Message) -> dict[str, Entry]:
        """Only what the message says that it touches, and as the store would give it back."""
        states: dict[str, Entry] = {}
        for key in handlers.touches(message):
            held = self.states.get(key.replace("lane:", "vendor:"))
            if held is not None:
                states[key] = replace(held) if isinstance(held, Ledger) else held
        return states


def _event(outgoing: Outgoing) -> DispatchResult:
    assert (outgoing.topic, outgoing.key) == ("dispatch.results", ORDER)
    if outgoing.message is not None:
        event: Message = type(outgoing.message).model_validate_json(outgoing.message.model_dump_json(exclude_none=True))
    else:
        assert outgoing.value is not None
        event = MESSAGES[outgoing.type].model_validate_json(outgoing.value)
    assert isinstance(event, DispatchResult)
    return event
