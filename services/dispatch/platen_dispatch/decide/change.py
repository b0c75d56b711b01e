"""How a generation moves on, and the words in which that is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from platen_contracts.dispatch import DispatchAccepted, DispatchRefused, DispatchResult, DispatchWithdrawn
from platen_contracts.ids import derived_id
from platen_messaging.outcome import Context, Outgoing

from platen_dispatch.model import Answer, Generation, Json, Ledger, Phase, lease_of, replace

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 600.0


def back_off(order_id: str, generation: Generation) -> timedelta:
    """Doubles with every try; half of it is spread by the order's id, so that many do not come back at once."""
    longest = min(FIRST_WAIT_S * 2.0 ** min(generation.tries, 30), LONGEST_WAIT_S)
    spread = int(derived_id("back-off", order_id, generation.number, generation.turn)[:8], 16) / 0xFFFFFFFF
    return timedelta(seconds=longest * (0.5 + spread / 2))


def moved(ledger: Ledger, generation: Generation, due: datetime | None, *, leased: bool = False) -> Ledger:
    """The ledger with the generation as it is now, free for a worker from `due` on (or leased to its turn until then)."""
    return replace(
        ledger,
        generations={**ledger.generations, generation.number: generation},
        lease=lease_of(generation.number, generation.turn) if leased else None,
        due=due,
    )


def ended(ledger: Ledger, generation: Generation, answer: DispatchResult, now: datetime) -> Ledger:
    """The generation is over with `answer`; a turn of another one that is under way goes on, or the next is due."""
    body: Json = answer.model_dump(mode="json", exclude_none=True)
    over = replace(
        generation, phase=_phase(answer), draft=None, unknown_since=None, absent_at=None, answer=Answer(answer.TYPE, body)
    )
    if ledger.lease is not None and not ledger.leased_to(generation):
        return replace(ledger, generations={**ledger.generations, over.number: over})
    after = moved(ledger, over, None)
    return forgetful(after) if after.current is None else replace(after, due=now)


def forgetful(ledger: Ledger) -> Ledger:
    """Of an erased order, once nothing is under way: how each generation ended, without what was to be sent and to whom."""
    if not ledger.erased or ledger.current is not None:
        return ledger
    bare = {number: replace(it, request=None, answer=_wordless(it.answer)) for number, it in ledger.generations.items()}
    return replace(ledger, generations=bare)


def _wordless(answer: Answer | None) -> Answer | None:
    if answer is None:
        return None
    return Answer(answer.type, {name: value for name, value in answer.body.items() if name != "vendor_words"})


def told(result: DispatchResult, context: Context) -> Outgoing:
    name = context.id(type(result).__name__, result.generation)
    return Outgoing("dispatch.results", result.order_id, result, name)


def told_again(ledger: Ledger, generation: Generation, context: Context) -> list[Outgoing]:
    """The answer that ended the generation, once more."""
    answer = generation.answer
    if answer is None:
        return []
    name = context.id("again", generation.number)
    value = msgspec.json.encode(answer.body)
    return [Outgoing("dispatch.results", ledger.order_id, None, name, value=value, type=answer.type)]


def withdrawn(ledger: Ledger, generation: Generation) -> DispatchWithdrawn:
    by: Literal["withdraw", "settle"] = "settle" if generation.wish == "disown" else "withdraw"
    return DispatchWithdrawn(order_id=ledger.order_id, generation=generation.number, by=by)


def _phase(answer: DispatchResult) -> Phase:
    if isinstance(answer, DispatchAccepted):
        return "accepted"
    return "refused" if isinstance(answer, DispatchRefused) else "withdrawn"
