"""The table of contents: which message is decided where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from platen_contracts import artwork_v1, dispatch, orders, render, sync, tracking
from platen_contracts.catalog import Artwork, Shop
from platen_contracts.message import Message
from platen_contracts.orders import OrderCommand
from platen_contracts.sync import ShopOrderObserved
from platen_messaging.handlers import Handlers, On, OnTombstone
from platen_messaging.outcome import Context, Outcome

from platen_orders.decide import drawing, facts, intake, timers
from platen_orders.decide.change import published
from platen_orders.decide.commands import custom, deciding, items, sending, shelf, splitting
from platen_orders.decide.following import followed
from platen_orders.model import Entry


def _order(message: Any) -> tuple[str]:
    return (message.order_id,)


def _command(
    message: type[OrderCommand], action: str, rule: deciding.Rule[Any], touches: Callable[[Any], Iterable[str]] = _order
) -> On[Any, Entry]:
    return On(message, touches, deciding.decide(action, rule))


def _fact(message: type[Message], rule: facts.Rule[Any]) -> On[Any, Entry]:
    return On(message, _order, followed(facts.decide(_order_id, rule)))


def _order_id(message: Any) -> str:
    return message.order_id


def _too_old(message: Message, context: Context) -> Outcome[Entry]:
    assert isinstance(message, OrderCommand)
    return deciding.too_old(message, context)


COMMANDS: Handlers[Entry] = Handlers(
    _command(orders.Personalise, "personalise", items.personalise),
    _command(orders.SetArtwork, "set_artwork", items.set_artwork, items.set_artwork_touches),
    _command(orders.SplitLine, "split_line", splitting.split_line),
    _command(orders.SplitOff, "split_off", splitting.split_off, splitting.split_off_touches),
    _command(orders.IgnoreItem, "ignore_item", items.ignore_item),
    _command(orders.RestoreItem, "restore_item", items.restore_item),
    _command(orders.Render, "render", items.render),
    _command(orders.EditShipping, "edit_shipping", sending.edit_shipping),
    _command(orders.Send, "send", sending.send),
    _command(orders.Retry, "retry", sending.send),
    _command(orders.StopSending, "stop_sending", sending.stop_sending),
    _command(orders.Settle, "settle", sending.settle),
    _command(orders.Archive, "archive", shelf.archive),
    _command(orders.Unarchive, "unarchive", shelf.unarchive),
    _command(orders.Erase, "erase", shelf.erase, shelf.erase_touches),
    _command(orders.RecordHandOver, "record_hand_over", custom.record_hand_over),
    _command(orders.RecordParcel, "record_parcel", custom.record_parcel),
    closing=published,
    too_old=_too_old,
)

FACTS: Handlers[Entry] = Handlers(
    On(ShopOrderObserved, intake.observed_touches, followed(intake.on_shop_order_observed)),
    On(Artwork, intake.artwork_touches, followed(intake.on_artwork)),
    On(artwork_v1.Artwork, intake.artwork_touches, followed(intake.on_artwork)),
    On(Shop, intake.shop_touches, intake.on_shop),
    _fact(render.RenderFinished, drawing.on_render_finished),
    _fact(render.RenderFailed, drawing.on_render_failed),
    _fact(render.RenderSkipped, drawing.on_render_skipped),
    _fact(render.FileCollected, drawing.on_file_collected),
    _fact(dispatch.DispatchStarted, facts.on_dispatch_started),
    _fact(dispatch.DispatchDelayed, facts.on_dispatch_delayed),
    _fact(dispatch.DispatchInDoubt, facts.on_dispatch_in_doubt),
    _fact(dispatch.DispatchWithdrawn, facts.on_dispatch_withdrawn),
    _fact(dispatch.DispatchRefused, facts.on_dispatch_refused),
    _fact(dispatch.DispatchAccepted, facts.on_dispatch_accepted),
    _fact(tracking.ShipmentUpdated, facts.on_shipment_updated),
    _fact(tracking.VendorOrderChanged, facts.on_vendor_order_changed),
    _fact(sync.TrackingPosted, facts.on_tracking_posted),
    _fact(sync.TrackingNotPosted, facts.on_tracking_not_posted),
    tombstone=OnTombstone(intake.gone_touches, intake.on_gone),
    closing=published,
)

TIMERS: Handlers[Entry] = Handlers(On(timers.TimerDue, _order, timers.on_timer_due), closing=published)
