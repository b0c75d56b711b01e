from collections.abc import Mapping
from dataclasses import replace

import pytest
from platen_contracts.message import Message
from platen_contracts.render import RenderFailed, RenderFinished, RenderSkipped
from platen_messaging.outcome import Applied, Context, Ignored, Outcome
from platen_render.decide import on_artwork, on_drawing_failed, on_file_made, on_requested
from platen_render.model import Drawing, Job, Published, Side, State, artwork_key, side_key

from .asking import NOON, PNG, again, made, meta, mug, not_made, request

ASKED = request()
KEY = side_key(ASKED.order_id, ASKED.item_id, ASKED.side)
EARLIER = again(ASKED, input_hash="0" * 64)


def context(message: Message) -> Context:
    return Context(NOON, meta(message))


def waiting(*requests: Message, in_hand: bool = False) -> dict[str, State]:
    return {KEY: Side({each.request_id: Job(each, meta(each), in_hand) for each in requests})}  # type: ignore[attr-defined]


def changed(outcome: Outcome[State]) -> Mapping[str, State]:
    assert isinstance(outcome, Applied)
    return outcome.states


def side_of(outcome: Outcome[State]) -> Side:
    side = changed(outcome)[KEY]
    assert isinstance(side, Side)
    return side


def finish(states: Mapping[str, State], fact: Message) -> Outcome[State]:
    return on_file_made("https://files.test")(states, fact, context(fact))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "jobs_after", "skipped"),
    [
        pytest.param({}, {ASKED.request_id}, [], id="the first one waits"),
        pytest.param(waiting(EARLIER), {ASKED.request_id}, [EARLIER.request_id], id="a waiting one is overtaken"),
        pytest.param(
            waiting(EARLIER, in_hand=True), {ASKED.request_id, EARLIER.request_id}, [], id="one being drawn goes on beside it"
        ),
    ],
)
def test_a_request_becomes_a_job(before: dict[str, State], jobs_after: set[str], skipped: list[str]) -> None:
    outcome = on_requested(before, ASKED, context(ASKED))
    assert set(side_of(outcome).jobs) == jobs_after
    assert isinstance(outcome, Applied)
    answers = [sent.message for sent in outcome.messages]
    assert [answer.request_id for answer in answers if isinstance(answer, RenderSkipped)] == skipped
    assert all(answer.newer_request_id == ASKED.request_id for answer in answers if isinstance(answer, RenderSkipped))


def test_a_skipped_request_is_answered_with_its_own_input_hash_on_its_orders_key() -> None:
    outcome = on_requested(waiting(EARLIER), ASKED, context(ASKED))
    assert isinstance(outcome, Applied)
    (sent,) = outcome.messages
    assert (sent.topic, sent.key) == ("render.results", ASKED.order_id)
    assert isinstance(sent.message, RenderSkipped)
    assert sent.message.input_hash == EARLIER.input_hash


@pytest.mark.parametrize("in_hand", [False, True])
def test_a_request_already_open_is_not_taken_twice(in_hand: bool) -> None:
    assert isinstance(on_requested(waiting(ASKED, in_hand=in_hand), ASKED, context(ASKED)), Ignored)


def test_the_links_of_a_side_outlive_its_jobs() -> None:
    before: dict[str, State] = {KEY: Side({}, {PNG.sha256: "kept"})}
    assert side_of(on_requested(before, ASKED, context(ASKED))).tokens == {PNG.sha256: "kept"}


def test_a_file_made_ends_the_job_and_is_answered_with_its_link() -> None:
    outcome = finish(waiting(ASKED), made(ASKED, token="secret"))
    assert side_of(outcome) == Side({}, {PNG.sha256: "secret"})
    assert Drawing(ASKED.input_hash, "press 1", PNG) in changed(outcome).values()
    assert isinstance(outcome, Applied)
    (answer,) = (sent.message for sent in outcome.messages)
    assert isinstance(answer, RenderFinished)
    assert (answer.link, answer.file, answer.renderer) == ("https://files.test/f/secret", PNG, "press 1")
    assert (answer.request_id, answer.input_hash) == (ASKED.request_id, ASKED.input_hash)


def test_the_link_to_a_file_stays_the_same_when_it_is_made_again() -> None:
    states = waiting(ASKED)
    side = states[KEY]
    assert isinstance(side, Side)
    outcome = finish({KEY: replace(side, tokens={PNG.sha256: "first"})}, made(ASKED, token="second"))
    assert isinstance(outcome, Applied)
    answer = outcome.messages[0].message
    assert isinstance(answer, RenderFinished)
    assert answer.link.endswith("/first")
    assert side_of(outcome).tokens == {PNG.sha256: "first"}


def test_a_failure_ends_the_job_and_names_field_and_remedy() -> None:
    fact = not_made(ASKED)
    outcome = on_drawing_failed(waiting(ASKED), fact, context(fact))
    assert side_of(outcome).jobs == {}
    assert isinstance(outcome, Applied)
    answer = outcome.messages[0].message
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field, answer.remedy) == ("text_does_not_fit", "name", "shorten it")


@pytest.mark.parametrize("others", [{}, waiting(EARLIER)], ids=["none open", "another open"])
def test_what_comes_of_a_job_that_is_answered_already_changes_nothing(others: dict[str, State]) -> None:
    assert isinstance(finish(others, made(ASKED)), Ignored)
    assert isinstance(on_drawing_failed(others, not_made(ASKED), context(ASKED)), Ignored)


def test_an_artwork_version_is_kept_as_first_published() -> None:
    artwork = mug()
    key = artwork_key(artwork)
    assert changed(on_artwork({}, artwork, context(artwork))) == {key: artwork}
    assert isinstance(on_artwork({key: Published("mug/1")}, artwork, context(artwork)), Ignored)


def test_deciding_again_gives_the_same_message_ids() -> None:
    about = context(ASKED)
    first, second = (on_requested(waiting(EARLIER), ASKED, about) for _ in range(2))
    assert isinstance(first, Applied)
    assert isinstance(second, Applied)
    assert [sent.id for sent in first.messages] == [sent.id for sent in second.messages]
