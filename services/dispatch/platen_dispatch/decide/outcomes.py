"""How a turn at the vendor ended, and what follows from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from platen_contracts.dispatch import DispatchAccepted, DispatchDelayed, DispatchInDoubt, DispatchRefused, DispatchResult
from platen_messaging.outcome import Applied, Context, Ignored, Outcome

from platen_dispatch.decide import facts
from platen_dispatch.decide.change import back_off, ended, moved, told, withdrawn
from platen_dispatch.decide.requests import ledger_of
from platen_dispatch.model import REMOVING, Entry, Generation, Lane, Ledger, lane_key, lease_of, replace, vendor_key

States = Mapping[str, Entry]
E = TypeVar("E", bound=facts.TurnEnd)

_PATIENCE_S, _ABSENCE_GAP_S = 86_400.0, 60.0
"""Where the vendor left the catalog while a turn was under way."""


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """The turn that ends: whose, at which vendor, and when that is."""

    ledger: Ledger
    generation: Generation
    lane: Lane
    context: Context


def of_turn(rule: Callable[[Turn, E], Outcome[Entry]]) -> Callable[[States, E, Context], Outcome[Entry]]:
    """Only the turn that holds the lease may say how it ended; what an earlier one saw is looked up again anyway."""

    def decide(states: States, end: E, context: Context) -> Outcome[Entry]:
        ledger = ledger_of(states, end.order_id)
        generation = ledger.generations.get(end.generation)
        if generation is None or generation.ended or ledger.lease != lease_of(end.generation, end.turn):
            return Ignored("a turn that is over")
        lane = states.get(vendor_key(end.vendor_id)) or states.get(lane_key(end.vendor_id))
        return rule(Turn(ledger, generation, lane if isinstance(lane, Lane) else Lane(end.vendor_id), context), end)

    return decide


def on_taken(states: States, taken: facts.Taken, context: Context) -> Outcome[Entry]:
    """Whoever saw it and whenever: it proves acceptance, also of what was thought to be over."""
    ledger = ledger_of(states, taken.order_id)
    owner = ledger.generations.get(taken.by_generation)
    asked = ledger.generations.get(taken.generation)
    if owner is None or asked is None or (owner.phase == "accepted" and asked.ended):
        return Ignored("known")
    accepted = DispatchAccepted(
        order_id=ledger.order_id,
        generation=owner.number,
        vendor_id=taken.vendor_id,
        vendor_order_id=taken.vendor_order_id,
        external_id=taken.external_id,
        submission=taken.submission,
        items=taken.items,
        differs=taken.differs,
    )
    messages = [told(accepted, context)]
    ledger = ended(ledger, owner, accepted, context.now)
    if asked.number != owner.number and not asked.ended:
        # The vendor holds what an older generation meant: this one was not sent, and must not be.
        answer = withdrawn(ledger, asked)
        messages.append(told(answer, context))
        ledger = ended(ledger, asked, answer, context.now)
    return Applied({ledger.order_id: ledger}, messages)


def on_turned_down(turn: Turn, end: facts.TurnedDown) -> Outcome[Entry]:
    if turn.generation.wish != "send":
        return _unsent(turn, end.draft)
    return _over(
        turn,
        DispatchRefused(
            order_id=end.order_id,
            generation=end.generation,
            code=end.code,
            field=end.field,
            remedy=end.remedy,
            vendor_words=end.words,
        ),
    )


def on_not_now(turn: Turn, end: facts.NotNow) -> Outcome[Entry]:
    if turn.generation.looking and (end.draft is None or turn.generation.doubted):
        return _in_doubt(turn, end.code)
    if turn.generation.wish != "send":
        return _unsent(turn, end.draft)
    return _not_arrived(turn, end.code, end.draft)


def on_lane_closed(turn: Turn, end: facts.LaneClosed) -> Outcome[Entry]:
    lane = _closed(turn.lane, end.until, turn.context.now)
    turn = dataclasses.replace(turn, lane=lane)
    if end.draft is None and turn.generation.looking:
        outcome = _in_doubt(turn, end.code, end.until)
    elif turn.generation.wish != "send":
        outcome = _unsent(turn, end.draft)
    else:
        outcome = _delayed(turn, turn.generation, end.code, end.draft, max(end.until, turn.context.now), lane_paused=True)
    return Applied({**outcome.states, vendor_key(lane.vendor_id): lane}, outcome.messages)


def on_lost(turn: Turn, end: facts.Lost) -> Outcome[Entry]:
    unknown = replace(turn.generation, unknown_since=end.at, absent_at=None)
    turn = dataclasses.replace(turn, generation=unknown)
    if end.absent_as_of is None:
        return _in_doubt(turn, end.reason)
    return _absent(turn, end.absent_as_of, end.reason)


def on_missing(turn: Turn, end: facts.Missing) -> Outcome[Entry]:
    wish = turn.generation.wish
    never_sent = turn.generation.phase == "waiting" and not turn.generation.doubted
    if wish == "disown" or (wish == "withdraw" and never_sent):
        return _over(turn, withdrawn(turn.ledger, turn.generation))
    if wish == "own":
        return _in_doubt(turn, f"the vendor has no confirmed order {turn.ledger.named or 'of this external id'}")
    return _absent(turn, end.as_of, "nothing is there yet")


def on_undecided(turn: Turn, end: facts.Undecided) -> Outcome[Entry]:
    return _in_doubt(turn, end.reason)


def on_gone(turn: Turn, end: facts.Gone) -> Outcome[Entry]:
    """That order is dead for good, and its number stays taken: whatever comes next goes under a new one."""
    ledger = replace(turn.ledger, submission=max(turn.ledger.submission, end.submission + 1))
    turn = dataclasses.replace(turn, ledger=ledger)
    generation, now = turn.generation, turn.context.now
    # What a lost ledger knew may go on under the numbers that follow, up to the first that is absent.
    if generation.wish in REMOVING and not generation.doubted:
        return _over(turn, withdrawn(ledger, generation))
    if generation.wish == "own":
        return _in_doubt(turn, "the vendor cancelled the order of this external id")
    wait = back_off(ledger.order_id, generation) if generation.tries else timedelta()
    anew = replace(generation, phase="waiting", tries=generation.tries + 1, draft=None, unknown_since=None, absent_at=None)
    return Applied({ledger.order_id: moved(ledger, anew, now + wait)})


def _absent(turn: Turn, as_of: datetime, reason: str) -> Applied[Entry]:
    """One absence proves nothing: the request may still be on its way. Two, far enough apart, prove that it did not arrive."""
    generation, gap = turn.generation, _gap(turn.lane)
    if generation.unknown_since is not None and as_of < generation.unknown_since:
        return _in_doubt(turn, reason)
    if generation.absent_at is None:
        seen = replace(generation, absent_at=as_of)
        return _in_doubt(dataclasses.replace(turn, generation=seen), reason, as_of + gap)
    if as_of - generation.absent_at < gap:
        return _in_doubt(turn, reason, generation.absent_at + gap)
    if generation.wish in REMOVING:
        return _over(turn, withdrawn(turn.ledger, generation))
    return _not_arrived(turn, "did_not_arrive", None)


def _not_arrived(turn: Turn, code: str, draft: str | None) -> Applied[Entry]:
    """Another try, while patience lasts. Time for which the whole lane was paused costs none."""
    generation, lane, now = turn.generation, turn.lane, turn.context.now
    if generation.doubted:
        return _over(turn, _forgotten(turn))
    asked_at = generation.cause.time if generation.cause is not None else now
    paused = lane.paused_seconds(now) - generation.paused_before
    spent = max(0.0, (now - asked_at).total_seconds() - paused)
    patience = lane.vendor.patience_s if lane.vendor is not None else _PATIENCE_S
    if spent >= patience:
        remedy = f"See that {lane.vendor_id}'s API can be reached and takes orders, then retry. The last try ended in: {code}."
        return _over(
            turn,
            DispatchRefused(
                order_id=turn.ledger.order_id, generation=generation.number, code="patience_exhausted", remedy=remedy
            ),
        )
    wait = min(back_off(turn.ledger.order_id, generation), timedelta(seconds=patience - spent))
    return _delayed(turn, replace(generation, tries=generation.tries + 1), code, draft, now + wait)


def _forgotten(turn: Turn) -> DispatchRefused:
    """Whether it is still wanted, only orders and its people know: it may have been refused and given up since."""
    remedy = f"Dispatch lost its record of this, and {turn.lane.vendor_id} has no such order. If it is still to be made, retry."
    return DispatchRefused(order_id=turn.ledger.order_id, generation=turn.generation.number, code="record_lost", remedy=remedy)


def _delayed(
    turn: Turn, generation: Generation, code: str, draft: str | None, next_try: datetime, *, lane_paused: bool = False
) -> Applied[Entry]:
    delayed = replace(
        generation, phase="waiting", draft=draft or generation.draft, unknown_since=None, absent_at=None, looking=False
    )
    event = DispatchDelayed(
        order_id=turn.ledger.order_id,
        generation=generation.number,
        attempt=generation.attempt,
        next_try=next_try,
        code=code,
        lane_paused=lane_paused,
    )
    return Applied({turn.ledger.order_id: moved(turn.ledger, delayed, next_try)}, [told(event, turn.context)])


def _in_doubt(turn: Turn, reason: str, next_look: datetime | None = None) -> Applied[Entry]:
    """It ends by looking, or by a person; never by waiting."""
    generation, now = turn.generation, turn.context.now
    if generation.wish != generation.turn_wish:
        next_look = now
    elif next_look is None:
        next_look = now + back_off(turn.ledger.order_id, generation)
    doubtful = replace(generation, phase="in_doubt", tries=generation.tries + 1)
    event = DispatchInDoubt(
        order_id=turn.ledger.order_id,
        generation=generation.number,
        attempt=max(generation.attempt, 1),
        reason=reason,
        next_look=next_look,
    )
    return Applied({turn.ledger.order_id: moved(turn.ledger, doubtful, next_look)}, [told(event, turn.context)])


def _unsent(turn: Turn, draft: str | None) -> Applied[Entry]:
    """It is not to be sent any more, or a person has spoken: over if nothing is left at the vendor, else one more look."""
    generation, now = turn.generation, turn.context.now
    if draft is None and generation.draft is None and generation.wish in REMOVING:
        return _over(turn, withdrawn(turn.ledger, generation))
    wait = timedelta() if generation.wish != generation.turn_wish else back_off(turn.ledger.order_id, generation)
    left = replace(generation, phase="waiting", draft=draft or generation.draft, tries=generation.tries + 1)
    return Applied({turn.ledger.order_id: moved(turn.ledger, left, now + wait)})


def _over(turn: Turn, answer: DispatchResult) -> Applied[Entry]:
    after = ended(turn.ledger, turn.generation, answer, turn.context.now)
    return Applied({turn.ledger.order_id: after}, [told(answer, turn.context)])


def _closed(lane: Lane, until: datetime, now: datetime) -> Lane:
    if lane.paused_until is not None and lane.paused_until > now:
        return dataclasses.replace(lane, paused_until=max(until, lane.paused_until))
    return dataclasses.replace(lane, paused_s=lane.paused_seconds(now), paused_from=now, paused_until=max(until, now))


def _gap(lane: Lane) -> timedelta:
    return timedelta(seconds=lane.vendor.absence_gap_s if lane.vendor is not None else _ABSENCE_GAP_S)
