"""What becomes of a request, an artwork and a job's end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypedDict

from platen_contracts import artwork_v1
from platen_contracts.catalog import Artwork
from platen_contracts.common import FileRef
from platen_contracts.render import RenderFailed, RenderFinished, RenderRequested, RenderSkipped
from platen_messaging.outcome import Applied, Context, Ignored, Key, Outcome, Outgoing

from platen_render.model import (
    Drawing,
    DrawingFailed,
    FileMade,
    Job,
    JobFact,
    OrderKnown,
    Side,
    State,
    Unwanted,
    artwork_key,
    drawing_key,
    file_key,
    order_key,
    side_key,
)

States = Mapping[Key, State]


def on_requested(states: States, request: RenderRequested, context: Context) -> Outcome[State]:
    """It becomes a job. One of the same side that no worker has in hand yet is overtaken by it and skipped.

    The side's photos are those of its newest request. Of an erased order nothing is drawn.
    """
    if is_erased(states, request.order_id):
        return Ignored("the order is erased", [erased(request, context)])
    key = side_key(request.order_id, request.item_id, request.side)
    side = _side(states, key)
    if request.request_id in side.jobs:
        return Ignored("the same request is waiting or being drawn")
    overtaken = [job.request for job in side.jobs.values() if not job.in_hand]
    in_hand = {request_id: job for request_id, job in side.jobs.items() if job.in_hand}
    skipped = [
        _answer(RenderSkipped(**_about(older), newer_request_id=request.request_id), context, older.request_id)
        for older in overtaken
    ]
    jobs = {**in_hand, request.request_id: Job(request, context.meta)}
    photos = {answer.sha256: answer for answer in request.answers.values() if isinstance(answer, FileRef)}
    return Applied({key: replace(side, jobs=jobs, photos=photos)}, skipped)


def on_artwork(states: States, artwork: Artwork | artwork_v1.Artwork, _: Context) -> Outcome[State]:
    """Kept as first published: a version never changes."""
    key = artwork_key(artwork)
    return Ignored("this version is known") if key in states else Applied({key: artwork_v1.of_today(artwork)})


def on_file_made(files_url: str) -> Callable[[States, FileMade, Context], Outcome[State]]:
    def decide(states: States, fact: FileMade, context: Context) -> Outcome[State]:
        side = _side(states, fact.key)
        job = side.jobs.get(fact.request_id)
        if is_erased(states, fact.order_id):
            unwanted = Unwanted((fact.file.sha256, *(view.sha256 for view in fact.views.values())))
            answers = [] if job is None else [erased(job.request, context)]
            return Applied({fact.key: _without(side, fact), file_key(fact.file.sha256): unwanted}, answers)
        if job is None:
            return _ANSWERED
        token = side.tokens.get(fact.file.sha256, fact.token)
        finished = RenderFinished(
            **_about(job.request),
            file=fact.file,
            link=f"{files_url}/f/{token}",
            renderer=fact.renderer,
            warnings=list(fact.warnings),
            views=fact.views,
        )
        ended = replace(_without(side, fact), tokens={**side.tokens, fact.file.sha256: token})
        drawing = Drawing(job.request.input_hash, fact.renderer, fact.file, fact.views, tuple(fact.warnings))
        return Applied({fact.key: ended, drawing_key(drawing): drawing}, [_answer(finished, context)])

    return decide


def on_drawing_failed(states: States, fact: DrawingFailed, context: Context) -> Outcome[State]:
    side = _side(states, fact.key)
    job = side.jobs.get(fact.request_id)
    if job is None:
        return _ANSWERED
    failed = RenderFailed(**_about(job.request), code=fact.code, field=fact.field, remedy=fact.remedy)
    return Applied({fact.key: _without(side, fact)}, [_answer(failed, context)])


def is_erased(states: States, order_id: str) -> bool:
    order = states.get(order_key(order_id))
    return isinstance(order, OrderKnown) and order.erased


def erased(request: RenderRequested, context: Context) -> Outgoing:
    """The answer to a request of an erased order."""
    remedy = "nothing is printed for an erased order; make a new order for the buyer"
    return _answer(RenderFailed(**_about(request), code="order_erased", remedy=remedy), context, request.request_id)


_ANSWERED = Ignored("the request is answered already")


class _About(TypedDict):
    request_id: str
    order_id: str
    item_id: str
    side: str
    input_hash: str


def _about(request: RenderRequested) -> _About:
    return {
        "request_id": request.request_id,
        "order_id": request.order_id,
        "item_id": request.item_id,
        "side": request.side,
        "input_hash": request.input_hash,
    }


def _answer(message: RenderFinished | RenderFailed | RenderSkipped, context: Context, *parts: str) -> Outgoing:
    return Outgoing("render.results", message.order_id, message, context.id("answer", *parts))


def _side(states: States, key: Key) -> Side:
    found = states.get(key)
    return found if isinstance(found, Side) else Side()


def _without(side: Side, fact: JobFact) -> Side:
    return replace(side, jobs={request_id: job for request_id, job in side.jobs.items() if request_id != fact.request_id})
