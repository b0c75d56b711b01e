"""How a turn at the vendor begins."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts.catalog import Vendor, VendorKind
from platen_contracts.dispatch import DispatchRefused, DispatchStarted
from platen_messaging.outcome import Applied, Context, Ignored, Outcome
from platen_vendors.model import KINDS, external_id

from platen_dispatch.decide.change import ended, moved, told
from platen_dispatch.decide.facts import TurnBegan
from platen_dispatch.decide.requests import ledger_of
from platen_dispatch.model import Entry, Generation, Lane, Ledger, lane_key, replace


def on_turn_began(states: Mapping[str, Entry], began: TurnBegan, context: Context) -> Outcome[Entry]:
    """A turn to send is an attempt, and is told. One that may only look is not: it ends, or prolongs, what was told before."""
    ledger = ledger_of(states, began.order_id)
    generation, lane = ledger.current, states.get(lane_key(began.vendor_id))
    if generation is None or (generation.number, generation.turn + 1) != (began.generation, began.turn):
        return Ignored("somebody else took this turn")
    if not isinstance(lane, Lane) or lane.vendor is None:
        return Ignored("the vendor is not in the catalog any more")
    if generation.phase == "waiting" and (refusal := _unsupported(generation, lane.vendor)) is not None:
        return Applied({ledger.order_id: ended(ledger, generation, refusal, context.now)}, [told(refusal, context)])
    turn = replace(generation, turn=began.turn, turn_wish=generation.wish)
    if generation.phase == "waiting" and generation.wish == "send" and not generation.doubted:
        sending = replace(
            turn, phase="sending", attempt=generation.attempt + 1, looking=False, unknown_since=None, absent_at=None
        )
        started = _started(ledger, sending)
        after = moved(ledger, sending, began.lease_until, leased=True)
        return Applied({ledger.order_id: after}, [told(started, context)])
    if generation.phase == "sending" and not generation.looking:
        # Its worker is gone. Whatever that one sent has left before now.
        turn = replace(turn, unknown_since=context.now, absent_at=None)
    looking = replace(turn, looking=True)
    return Applied({ledger.order_id: moved(ledger, looking, began.lease_until, leased=True)})


def _started(ledger: Ledger, sending: Generation) -> DispatchStarted:
    return DispatchStarted(
        order_id=ledger.order_id,
        generation=sending.number,
        attempt=sending.attempt,
        submission=ledger.submission,
        external_id=external_id(ledger.order_id, ledger.submission),
    )


def _unsupported(generation: Generation, vendor: Vendor) -> DispatchRefused | None:
    if vendor.kind in KINDS:
        return None
    order_id, number = generation.asked.order_id, generation.number
    if vendor.kind == VendorKind.CUSTOM:
        remedy = f"{vendor.title} has no API: give the vendor the print file's link yourself and record the hand-over."
        return DispatchRefused(order_id=order_id, generation=number, code="custom_vendor", field="vendor_id", remedy=remedy)
    remedy = f"Correct `kind` of {vendor.vendor_id} in the catalog ({vendor.kind!r}; known: {', '.join(sorted(KINDS))})."
    return DispatchRefused(order_id=order_id, generation=number, code="unknown_vendor_kind", field="vendor_id", remedy=remedy)
