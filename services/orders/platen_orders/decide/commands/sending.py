"""To the vendor, with whose address, and back out of it."""

from __future__ import annotations

from platen_contracts import orders
from platen_contracts.common import Address, Money, VendorProduct
from platen_contracts.dispatch import DispatchItem, DispatchRequested, DispatchSettleRequested, PrintFile
from platen_contracts.envelope import rfc3339
from platen_contracts.status import ActivityKind
from platen_messaging.outcome import Context, Outgoing

from platen_orders.decide import change
from platen_orders.decide.answers import No, address_problem
from platen_orders.decide.change import Edit
from platen_orders.decide.commands.deciding import Already, States
from platen_orders.model import Item, Order, Sending, replace


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
    """What is only scheduled was not asked for yet and stops at once; of the rest dispatch's answer ends it."""
    if not order.in_flight:
        return Edit(replace(order, scheduled=None), command.actor)
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
