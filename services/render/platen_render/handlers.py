"""The table: which message is decided where."""

from __future__ import annotations

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork
from platen_contracts.orders import OrderSnapshot
from platen_contracts.render import RenderRequested
from platen_messaging.handlers import Handlers, On, OnTombstone, Tombstone
from platen_messaging.outcome import Key

from platen_render import decide
from platen_render.model import (
    DrawingFailed,
    FileDue,
    FileMade,
    JobFact,
    State,
    artwork_key,
    file_key,
    order_key,
    side_key,
    unanswered_key,
)


def _touched_by_request(request: RenderRequested) -> tuple[Key, ...]:
    order_id = request.order_id
    return side_key(order_id, request.item_id, request.side), artwork_key(request.artwork), order_key(order_id)


def _touched_by_artwork(artwork: Artwork | artwork_v1.Artwork) -> tuple[Key]:
    return (artwork_key(artwork),)


def _touched_by_fact(fact: JobFact) -> tuple[Key, Key]:
    return fact.key, order_key(fact.order_id)


def _touched_by_order(order: OrderSnapshot) -> tuple[Key, ...]:
    return _touched_by_end(order.order_id) if order.erased else (order_key(order.order_id),)


def _touched_by_tombstone(stone: Tombstone) -> tuple[Key, ...]:
    return _touched_by_end(stone.key) if stone.topic == "orders.status" else ()


def _touched_by_end(order_id: str) -> tuple[Key, Key]:
    """What waits to be drawn for it ends too."""
    return order_key(order_id), unanswered_key(order_id)


def _touched_by_file(fact: FileDue) -> tuple[Key]:
    return (file_key(fact.sha256),)


REQUESTS: Handlers[State] = Handlers(
    On(RenderRequested, _touched_by_request, decide.on_requested),
    On(Artwork, _touched_by_artwork, decide.on_artwork),
    On(artwork_v1.Artwork, _touched_by_artwork, decide.on_artwork),
)

STATUS: Handlers[State] = Handlers(
    On(OrderSnapshot, _touched_by_order, decide.on_order),
    tombstone=OnTombstone(_touched_by_tombstone, decide.on_order_gone),
)

FILES: Handlers[State] = Handlers(On(FileDue, _touched_by_file, decide.on_file_due))


def outcomes(files_url: str) -> Handlers[State]:
    """The worker's facts. `files_url` stands before every link."""
    return Handlers(
        On(FileMade, _touched_by_fact, decide.on_file_made(files_url)),
        On(DrawingFailed, _touched_by_fact, decide.on_drawing_failed),
    )
