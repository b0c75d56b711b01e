"""What orders asks: send this, do not send it, a person has looked."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts.dispatch import (
    DispatchForgetRequested,
    DispatchRequested,
    DispatchSettleRequested,
    DispatchWithdrawRequested,
)
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing

from platen_dispatch.decide.change import ended, forgetful, moved, told, told_again, withdrawn
from platen_dispatch.model import REMOVING, Cause, Entry, Generation, Lane, Ledger, Wish, lane_key, replace

_OLDER = Ignored("an older generation than the one known")


def on_requested(states: Mapping[str, Entry], request: DispatchRequested, context: Context) -> Outcome[Entry]:
    ledger = ledger_of(states, request.order_id)
    known = ledger.generations.get(request.generation) or Generation(number=request.generation)
    if known.ended:
        return Ignored("it has ended; answered again", told_again(ledger, known, context))
    if request.generation < ledger.latest:
        return _OLDER
    if known.request is not None:
        return Ignored("it is under way")
    lane = states.get(lane_key(request.vendor_id))
    asked = replace(
        known,
        request=request.model_dump(mode="json", exclude_none=True),
        cause=Cause.of(context.meta),
        paused_before=lane.paused_seconds(context.now) if isinstance(lane, Lane) else 0.0,
        doubted=context.doubted,
    )
    ledger, messages = _superseded(replace(ledger, vendor_id=request.vendor_id), context)
    if asked.wish in REMOVING and not asked.doubted:
        return _ended_unsent(ledger, asked, context, messages)
    return Applied({ledger.order_id: _due_now(ledger, asked, context)}, messages)


def on_withdraw_requested(states: Mapping[str, Entry], request: DispatchWithdrawRequested, context: Context) -> Outcome[Entry]:
    return _wished(ledger_of(states, request.order_id), request.generation, "withdraw", None, context)


def on_settle_requested(states: Mapping[str, Entry], request: DispatchSettleRequested, context: Context) -> Outcome[Entry]:
    wish: Wish = "own" if request.accepted else "disown"
    return _wished(ledger_of(states, request.order_id), request.generation, wish, request.vendor_order_id, context)


def on_forget_requested(states: Mapping[str, Entry], request: DispatchForgetRequested, _: Context) -> Outcome[Entry]:
    ledger = ledger_of(states, request.order_id)
    if ledger.erased:
        return Ignored("it is forgotten already, or will be")
    return Applied({ledger.order_id: forgetful(replace(ledger, erased=True))})


def ledger_of(states: Mapping[str, Entry], order_id: str) -> Ledger:
    held = states.get(order_id)
    return held if isinstance(held, Ledger) else Ledger(order_id=order_id)


def _wished(ledger: Ledger, number: int, wish: Wish, named: str | None, context: Context) -> Outcome[Entry]:
    generation = ledger.generations.get(number)
    if generation is None and number < ledger.latest:
        return _OLDER
    generation = generation or Generation(number=number)
    if generation.ended:
        return Ignored("it has ended; answered again", told_again(ledger, generation, context))
    if generation.wish == wish and (named or ledger.named) == ledger.named:
        return Ignored("it is wished for already")
    wished = replace(generation, wish=wish)
    ledger = replace(ledger, named=named or ledger.named)
    if wished.request is None:
        # It came before its request, which is answered by it.
        return Applied({ledger.order_id: replace(ledger, generations={**ledger.generations, number: wished})})
    if wish in REMOVING and _is_untouched(ledger, wished):
        return _ended_unsent(ledger, wished, context)
    return Applied({ledger.order_id: _due_now(ledger, wished, context)})


def _is_untouched(ledger: Ledger, generation: Generation) -> bool:
    """Nothing of it is at the vendor, nor under way there."""
    is_waiting = generation.phase == "waiting" and not generation.doubted
    return is_waiting and generation.draft is None and not ledger.leased_to(generation)


def _ended_unsent(
    ledger: Ledger, generation: Generation, context: Context, messages: list[Outgoing] | None = None
) -> Applied[Entry]:
    answer = withdrawn(ledger, generation)
    after = ended(ledger, generation, answer, context.now)
    return Applied({ledger.order_id: after}, [*(messages or ()), told(answer, context)])


def _due_now(ledger: Ledger, generation: Generation, context: Context) -> Ledger:
    """A turn under way is let end first."""
    if ledger.lease is not None:
        return replace(ledger, generations={**ledger.generations, generation.number: generation})
    return moved(ledger, generation, context.now)


def _superseded(ledger: Ledger, context: Context) -> tuple[Ledger, list[Outgoing]]:
    """A newer generation is asked for: whatever is open is withdrawn first."""
    messages: list[Outgoing] = []
    for generation in list(ledger.generations.values()):
        if generation.open and generation.wish == "send":
            outcome = _wished(ledger, generation.number, "withdraw", None, context)
            if isinstance(outcome, Applied):
                ledger = ledger_of(outcome.states, ledger.order_id)
                messages += outcome.messages
    return ledger, messages
