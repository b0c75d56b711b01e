"""The table of contents: which message is decided where."""

from __future__ import annotations

from typing import Any

from platen_contracts import dispatch, orders, render, sync, tracking
from platen_contracts.catalog import Artwork
from platen_contracts.message import Message
from platen_contracts.orders import OrderCommand
from platen_contracts.sync import ShopOrderObserved
from platen_messaging.handlers import Handlers, On
from platen_messaging.outcome import Context, Outcome

from platen_orders.decide import commands, facts, intake
from platen_orders.decide.change import published
from platen_orders.model import Entry


def _order(message: Any) -> tuple[str]:
    return (message.order_id,)


def _command(message: type[OrderCommand], action: str, rule: commands.Rule[Any] = commands.not_built) -> On[Any, Entry]:
    return On(message, _order, commands.decide(action, rule))


def _fact(message: type[Message], rule: facts.Rule[Any]) -> On[Any, Entry]:
    return On(message, _order, facts.decide(_order_id, rule))


def _order_id(message: Any) -> str:
    return message.order_id


def _too_old(message: Message, context: Context) -> Outcome[Entry]:
    assert isinstance(message, OrderCommand)
    return commands.too_old(message, context)


COMMANDS: Handlers[Entry] = Handlers(
    _command(orders.Personalise, "personalise", commands.personalise),
    _command(orders.SetArtwork, "set_artwork"),
    _command(orders.SplitLine, "split_line"),
    _command(orders.SplitOff, "split_off"),
    _command(orders.IgnoreItem, "ignore_item"),
    _command(orders.RestoreItem, "restore_item"),
    _command(orders.Render, "render", commands.render),
    _command(orders.EditShipping, "edit_shipping", commands.edit_shipping),
    _command(orders.Send, "send", commands.send),
    _command(orders.Retry, "retry", commands.send),
    _command(orders.StopSending, "stop_sending", commands.stop_sending),
    _command(orders.Settle, "settle", commands.settle),
    _command(orders.Archive, "archive", commands.archive),
    _command(orders.Unarchive, "unarchive", commands.unarchive),
    _command(orders.Erase, "erase"),
    _command(orders.RecordHandOver, "record_hand_over"),
    _command(orders.RecordParcel, "record_parcel"),
    closing=published,
    too_old=_too_old,
)

FACTS: Handlers[Entry] = Handlers(
    On(ShopOrderObserved, intake.observed_touches, intake.on_shop_order_observed),
    On(Artwork, intake.artwork_touches, intake.on_artwork),
    _fact(render.RenderFinished, facts.on_render_finished),
    _fact(render.RenderFailed, facts.on_render_failed),
    _fact(render.RenderSkipped, facts.on_render_skipped),
    _fact(render.FileCollected, facts.on_file_collected),
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
    closing=published,
)
