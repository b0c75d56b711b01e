"""The table: which message is decided where."""

from __future__ import annotations

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork
from platen_contracts.render import RenderRequested
from platen_messaging.handlers import Handlers, On
from platen_messaging.outcome import Key

from platen_render import decide
from platen_render.model import DrawingFailed, FileMade, JobFact, State, artwork_key, side_key


def _touched_by_request(request: RenderRequested) -> tuple[Key, Key]:
    return side_key(request.order_id, request.item_id, request.side), artwork_key(request.artwork)


def _touched_by_artwork(artwork: Artwork | artwork_v1.Artwork) -> tuple[Key]:
    return (artwork_key(artwork),)


def _touched_by_fact(fact: JobFact) -> tuple[Key]:
    return (fact.key,)


REQUESTS: Handlers[State] = Handlers(
    On(RenderRequested, _touched_by_request, decide.on_requested),
    On(Artwork, _touched_by_artwork, decide.on_artwork),
    On(artwork_v1.Artwork, _touched_by_artwork, decide.on_artwork),
)


def outcomes(files_url: str) -> Handlers[State]:
    """The worker's facts. `files_url` stands before every link."""
    return Handlers(
        On(FileMade, _touched_by_fact, decide.on_file_made(files_url)),
        On(DrawingFailed, _touched_by_fact, decide.on_drawing_failed),
    )
