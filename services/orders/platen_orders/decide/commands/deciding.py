"""How every command is decided: applied, ignored (it already is so), or refused with a reason; and the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from platen_contracts import orders
from platen_contracts.message import Message
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, OrderCommand
from platen_contracts.subscribing import difference
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing, Refused

from platen_orders.decide import change
from platen_orders.decide.answers import No
from platen_orders.decide.change import Edit
from platen_orders.decide.following import follow
from platen_orders.model import Entry, Held, Order
from platen_orders.transitions import ACTIONS, refusal, situation

C = TypeVar("C", bound=OrderCommand)


Already = str
"""It already is so, in words."""

States = Mapping[str, Entry]
Rule = Callable[[States, Order, C, Context], Edit | Already | No]

REASONS: Mapping[str, str] = {
    "wrong_status": "The order's status does not offer this action.",
    "archived": "The order is archived; unarchive it first.",
    "erased": "The order's personal data was erased; it takes none again, and is not made any more.",
    "custom_vendor": "This vendor has no API; give it the print file's link yourself.",
    "integrated_vendor": "This vendor reports by itself; only orders of custom vendors are recorded by hand.",
    "sending": "Something is under way with the vendor; stop sending, or wait for its answer.",
    "not_sending": "Nothing is being sent.",
    "not_in_doubt": "There is no doubt to settle; only an order whose sending is in doubt can be settled.",
    "files_not_current": "A print file is missing or older than the item; render it first.",
    "no_file": "There is no print file yet; render it first.",
}
"""The sentence for each reason code of `transitions.refusal`."""

REMEDIES: Mapping[str, str] = {
    "admins_only": "Have an admin erase it.",
    "empty_parcel": "Name at least one item and its units.",
    "empty_split": "Name at least two sizes, or at least one item that is not ignored.",
    "in_parcel": "Leave the item where it is: a parcel with units of it was recorded.",
    "invalid_address": "Correct the part of the address that is named.",
    "invalid_answer": "Answer the option that is named with what it allows.",
    "invalid_parcel": "Correct the field that is named.",
    "missing_answer": "Personalise the item: the artwork needs this answer.",
    "missing_artwork": "Link the listing to an artwork or set one; or wait until it is published.",
    "no_recipient": "Edit shipping: the shop gave no address.",
    "nothing_left": "Leave at least one item that is not ignored.",
    "stale": "Look at the order again and decide anew: it was edited since, or a file changed before a send.",
    "too_many_items": "Split into fewer parts: an order has at most 200 items.",
    "too_many_parcels": "Record no more: an order has at most 100 parcels.",
    "too_old": "Look at the order and send a new command: this one is older than 30 days and may have been obeyed.",
    "unknown_artwork": "Publish the artwork version, or name one that was published.",
    "unknown_item": "Name an item that the order has (and that is not ignored, for a parcel).",
    "unknown_order": "Check the order's id.",
    "unknown_version": "Name a version that the order has had.",
    "vendor_order_id_required": "Name the vendor's order id that was found there.",
    "version_required": "Name the version that was looked at: nobody sends a file nobody looked at.",
    "wrong_quantities": "Name units that add up to what the item has, at least one each.",
}
"""What to do about each code that a rule refuses with; the sentence of the reply says more."""


def decide(action: str, rule: Rule[C]) -> Callable[[States, C, Context], Outcome[Entry]]:
    """A command's decision: known order, fresh version, action offered, its own `rule`, what that entails; and the reply."""

    def decided(states: States, command: C, context: Context) -> Outcome[Entry]:
        held = states.get(command.order_id)
        if not isinstance(held, Held):
            return _refused(None, command, context, No("unknown_order", "There is no such order.", "order_id"))
        wrong = _stale(held.order, command) or _not_offered(held.order, action)
        answer = wrong or rule(states, held.order, command, context)
        if isinstance(answer, No):
            return _refused(held.order, command, context, answer)
        if isinstance(answer, Already):
            return _ignored(held.order, command, context, answer)
        outcome = change.apply(held, answer, context)
        if outcome is None:
            return _ignored(held.order, command, context, "nothing would change")
        outcome = follow(states, outcome, context)
        after = outcome.states[held.order.id]
        assert isinstance(after, Held)
        reply = _applied(held, after, command, context)
        return Applied({}, [reply]) if command.dry_run else Applied(outcome.states, [*outcome.messages, reply])

    return decided


def too_old(command: OrderCommand, context: Context) -> Outcome[Entry]:
    """A command from before the inbox's memory: it may have been obeyed already."""
    reason = "The command is older than 30 days and may have been obeyed already; look at the order and send a new one."
    return _refused(None, command, context, No("too_old", reason))


def _stale(order: Order, command: OrderCommand) -> No | None:
    expected = command.expected_version
    if expected is None:
        return None
    if expected > order.version:
        return No("unknown_version", f"The order is at version {order.version}; {expected} does not exist.", "expected_version")
    looked_at = order.edited_version
    if isinstance(command, orders.Send | orders.Retry):
        looked_at = max(looked_at, order.files_version)
    if expected < looked_at:
        return No("stale", f"The order changed in version {looked_at}; look at it again and decide anew.", "expected_version")
    return None


def _not_offered(order: Order, action: str) -> No | None:
    code = refusal(situation(order), action)
    return None if code is None else No(code, REASONS[code])


def _reply(message: type[Message], order: Order | None, command: OrderCommand, context: Context, **more: object) -> Outgoing:
    reply = message.model_validate(
        {
            "command_id": context.meta.id,
            "order_id": command.order_id,
            "version": 0 if order is None else order.version,
            "dry_run": command.dry_run,
            "bulk_id": command.bulk_id,
            **more,
        }
    )
    return Outgoing("orders.replies", command.order_id, reply, context.id("reply"))


def _applied(before: Held, after: Held, command: OrderCommand, context: Context) -> Outgoing:
    patch = difference(before.public, after.public)
    present = before if command.dry_run else after
    return _reply(CommandApplied, present.order, command, context, status=after.order.status, patch=patch)


def _ignored(order: Order, command: OrderCommand, context: Context, reason: str) -> Ignored:
    return Ignored(reason, [_reply(CommandIgnored, order, command, context, reason=reason)])


def _refused(order: Order | None, command: OrderCommand, context: Context, no: No) -> Refused:
    allowed = [] if order is None else [action for action in ACTIONS if refusal(situation(order), action) is None]
    reply = _reply(CommandRefused, order, command, context, code=no.code, reason=no.reason, field=no.field, allowed=allowed)
    return Refused(no.code, [reply])
