"""What a text layer says, from the buyer's answers."""

from __future__ import annotations

from collections.abc import Mapping

from platen_contracts.catalog import Artwork, Option, TextLayer
from platen_contracts.common import Answer

from platen_render.worker.problems import RenderProblem


def words_of(layer: TextLayer, artwork: Artwork, answers: Mapping[str, Answer]) -> str:
    """The layer's fixed text, or the answer to its option; "" where an optional one is not answered.

    Raises `answer_missing` or `answer_invalid`, naming the option.
    """
    if layer.option is None:
        return layer.text or ""
    return _answer(layer.option, artwork.options[layer.option], answers.get(layer.option))


def _answer(name: str, option: Option, answer: Answer | None) -> str:
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        if option.required:
            raise RenderProblem("answer_missing", name, f"{option.label!r} is not answered", "enter an answer")
        return ""
    if not isinstance(answer, str):
        raise RenderProblem("answer_invalid", name, "the answer is no text", "enter one text")
    if option.kind == "choice" and answer not in option.choices:
        raise RenderProblem("answer_invalid", name, f"{answer!r} is not offered", f"choose one of: {', '.join(option.choices)}")
    if option.kind == "text" and len(answer) > option.max_length:
        raise RenderProblem(
            "answer_invalid",
            name,
            f"the text has {len(answer)} characters, {option.max_length} are allowed",
            f"shorten the text to {option.max_length} characters",
        )
    return answer
