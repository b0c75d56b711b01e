"""What people ask of an order. The answer is exactly one reply: applied, ignored (it already is so), or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from platen_contracts import orders
from platen_contracts.catalog import Artwork
from platen_contracts.common import Address, Money, VendorProduct
from platen_contracts.dispatch import DispatchItem, DispatchRequested, DispatchSettleRequested, PrintFile
from platen_contracts.envelope import rfc3339
from platen_contracts.message import Message
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, OrderCommand
from platen_contracts.status import ActivityKind
from platen_contracts.subscribing import difference
from platen_messaging.outcome import Applied, Context, Ignored, Outcome, Outgoing, Refused

from platen_orders.decide import change, files
from platen_orders.decide.answers import No, address_problem
from platen_orders.decide.change import Edit, without_attention
from platen_orders.model import Entry, Held, Item, Order, Sending, artwork_key, replace
from platen_orders.transitions import ACTIONS, refusal, situation

C = TypeVar("C", bound=OrderCommand)


Already = str
"""It already is so, in words."""

States = Mapping[str, Entry]
Rule = Callable[[States, Order, C, Context], Edit | Already | No]

REASONS: Mapping[str, str] = {
    "wrong_status": "The order's status does not offer this action.",
    "archived": "The order is archived; unarchive it first.",
    "custom_vendor": "This vendor has no API; give it the print file's link yourself.",
    "integrated_vendor": "This vendor reports by itself; only orders of custom vendors are recorded by hand.",
    "sending": "Something is under way with the vendor; stop sending, or wait for its answer.",
    "not_sending": "Nothing is being sent.",
    "not_in_doubt": "There is no doubt to settle; only an order whose sending is in doubt can be settled.",
    "files_not_current": "A print file is missing or older than the item; render it first.",
    "no_file": "There is no print file yet; render it first.",
    "not_available_yet": "This version of Platen does not offer this action yet.",
}
"""The sentence for each reason code of `transitions.refusal`."""


def decide(action: str, rule: Rule[C]) -> Callable[[States, C, Context], Outcome[Entry]]:
    """A command's decision: known order, fresh version, action offered, then its own `rule`; and the reply."""

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
        after = outcome.states[held.order.id]
        assert isinstance(after, Held)
        reply = _applied(held, after, command, context)
        return Applied({}, [reply]) if command.dry_run else Applied(outcome.states, [*outcome.messages, reply])

    return decided


def personalise(states: States, order: Order, command: orders.Personalise, _: Context) -> Edit | Already | No:
    item = order.items.get(command.item_id)
    if item is None:
        return No("unknown_item", "The order has no such item.", "item_id")
    artwork = _artwork(states, item)
    if artwork is None:
        return No("missing_artwork", "The item's artwork is not known; link the listing to one, or wait for it.", "item_id")
    for name, answer in command.answers.items():
        problem = files.answer_problem(artwork.options, name, answer)
        if problem is not None:
            return No("invalid_answer", problem, f"answers.{name}")
    answers = {**item.answers, **files.plain(command.answers)}
    if answers == item.answers:
        return "the item has these answers already"
    changed = files.with_wanted(replace(item, answers=answers), artwork)
    items = {**order.items, command.item_id: changed}
    return Edit(replace(order, items=items), command.actor, edited=True, personal_changed=[f"items.{command.item_id}.answers"])


def render(states: States, order: Order, command: orders.Render, context: Context) -> Edit | Already | No:
    wanted = list(order.live_items) if command.item_ids is None else command.item_ids
    items, messages = dict(order.items), list[Outgoing]()
    for item_id in wanted:
        item = items.get(item_id)
        if item is None:
            return No("unknown_item", f"The order has no item {item_id}.", "item_ids")
        artwork = _artwork(states, item)
        if artwork is None:
            return No("missing_artwork", f"The artwork of item {item_id} is not known; link the listing to one, or wait for it.")
        missing = files.missing_answer(artwork.options, files.answers_of(item))
        if missing is not None:
            return No(
                "missing_answer", f"{missing}: the artwork needs an answer; personalise item {item_id}.", f"answers.{missing}"
            )
        sides = dict(item.sides)
        for name, side in item.sides.items():
            open_request = side.request_id is not None and side.requested == side.wanted
            if open_request or (side.current and not command.again):
                continue
            sides[name], request = files.request(order, item_id, name, context)
            messages.append(request)
        items[item_id] = replace(item, sides=sides)
    if not messages:
        return "every print file is current or being drawn"
    return Edit(replace(order, items=items), command.actor, messages=messages)


def edit_shipping(_: States, order: Order, command: orders.EditShipping, __: Context) -> Edit | Already | No:
    wrong = address_problem(command.recipient)
    if wrong is not None:
        return wrong
    recipient = command.recipient.model_dump(mode="json", exclude_none=True)
    if recipient == order.recipient:
        return "the order ships there already"
    return Edit(replace(order, recipient=recipient), command.actor, edited=True, personal_changed=["recipient"])


def send(_: States, order: Order, command: orders.Send | orders.Retry, context: Context) -> Edit | Already | No:
    if command.expected_version is None:
        return No(
            "version_required", "Name the version that was looked at: nobody sends a file nobody looked at.", "expected_version"
        )
    if order.recipient is None:
        return No("no_recipient", "The shop gave no address; edit shipping first.", "recipient")
    recipient = Address.model_validate(order.recipient)
    wrong = address_problem(recipient)
    if wrong is not None:
        return wrong
    generation = order.generation + 1
    request = DispatchRequested(
        order_id=order.id,
        generation=generation,
        vendor_id=order.vendor_id,
        number=order.number,
        currency=order.currency,
        recipient=recipient,
        items=[_dispatch_item(item_id, item) for item_id, item in order.live_items.items()],
    )
    sending = Sending(generation=generation, outcome="requested", since=rfc3339(context.now))
    sent = replace(order, generation=generation, sending=sending)
    message = Outgoing("dispatch.requests", order.id, request, context.id("dispatch"))
    return Edit(sent, command.actor, messages=[message])


def stop_sending(_: States, order: Order, command: orders.StopSending, context: Context) -> Edit | Already | No:
    sending = order.sending
    assert sending is not None  # the table offers it only while something is under way
    if sending.withdraw_asked:
        return "dispatch has been asked to stop, and answers soon"
    stopped = replace(order, sending=replace(sending, withdraw_asked=True))
    return Edit(stopped, command.actor, messages=[change.withdrawal(order, sending.generation, command.actor, context)])


def settle(_: States, order: Order, command: orders.Settle, context: Context) -> Edit | Already | No:
    assert order.activity == ActivityKind.IN_DOUBT  # the table offers it only then
    assert order.sending is not None
    if command.accepted and not command.vendor_order_id:
        return No("vendor_order_id_required", "Name the vendor's order id that you found.", "vendor_order_id")
    request = DispatchSettleRequested(
        order_id=order.id,
        generation=order.sending.generation,
        accepted=command.accepted,
        vendor_order_id=command.vendor_order_id,
        reason=command.reason,
        actor=command.actor,
    )
    verdict = "accepted" if command.accepted else "not accepted"
    settled = replace(order, sending=replace(order.sending, reason=f"settled as {verdict}; dispatch looks once more"))
    return Edit(settled, command.actor, messages=[Outgoing("dispatch.requests", order.id, request, context.id("settle"))])


def archive(_: States, order: Order, command: orders.Archive, __: Context) -> Edit | Already | No:
    return Edit(replace(order, archived_from=order.status), command.actor, edited=True)


def unarchive(_: States, order: Order, command: orders.Unarchive, __: Context) -> Edit | Already | No:
    assert order.archived_from is not None  # the table offers it only while archived
    returned = replace(order, archived_from=None, status=order.archived_from, cancelled_in_shop=False)
    return Edit(without_attention(returned, "cancelled_in_shop"), command.actor, edited=True)


def not_built(_: States, order: Order, command: OrderCommand, __: Context) -> Edit | Already | No:
    """Actions that the table names and `transitions.NOT_YET` holds back never come this far."""
    raise AssertionError(f"{command.TYPE} has no rule")


def too_old(command: OrderCommand, context: Context) -> Outcome[Entry]:
    """A command from before the inbox's memory: it may have been obeyed already."""
    reason = "The command is older than 30 days and may have been obeyed already; look at the order and send a new one."
    return _refused(None, command, context, No("too_old", reason))


def _artwork(states: States, item: Item) -> Artwork | None:
    artwork = states.get(artwork_key(item.artwork_ref)) if item.artwork_ref is not None else None
    return artwork if isinstance(artwork, Artwork) else None


def _dispatch_item(item_id: str, item: Item) -> DispatchItem:
    return DispatchItem(
        item_id=item_id,
        title=item.title,
        quantity=item.quantity,
        product=VendorProduct.model_validate(item.product),
        price=None if item.price is None else Money.model_validate(item.price),
        files={
            name: PrintFile(sha256=side.file["sha256"], link=side.link)
            for name, side in item.sides.items()
            if side.file is not None and side.link is not None
        },
    )


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
    return _reply(CommandApplied, after.order, command, context, status=after.order.status, patch=patch)


def _ignored(order: Order, command: OrderCommand, context: Context, reason: str) -> Ignored:
    return Ignored(reason, [_reply(CommandIgnored, order, command, context, reason=reason)])


def _refused(order: Order | None, command: OrderCommand, context: Context, no: No) -> Refused:
    allowed = [] if order is None else [action for action in ACTIONS if refusal(situation(order), action) is None]
    reply = _reply(CommandRefused, order, command, context, code=no.code, reason=no.reason, field=no.field, allowed=allowed)
    return Refused(no.code, [reply])
