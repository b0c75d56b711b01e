"""What the buyer's answers say, held to the rules of the artwork's options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from unicodedata import category, normalize

from platen_contracts.catalog import Artwork, Option, TextLayer
from platen_contracts.common import Answer, FileRef
from platen_contracts.layers import Condition, Rule

from platen_render.worker.problems import RenderProblem

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


class Answers:
    """The answers of one buyer to one artwork. Whatever an option does not allow raises `answer_missing` or `answer_invalid`."""

    def __init__(self, artwork: Artwork, answers: Mapping[str, Answer]) -> None:
        self._options = artwork.options
        self._answers = answers

    def words(self, layer: TextLayer) -> str:
        """What the layer says; "" where an optional answer is left out."""
        if layer.text is not None:
            return layer.text
        if layer.template is not None:
            return self._filled(layer.template)
        assert layer.option is not None
        if layer.item is None:
            return self.text(layer.option)
        names = self.names(layer.option)
        return names[layer.item - 1] if layer.item <= len(names) else ""

    def text(self, name: str) -> str:
        """A text, a choice, or all names, one a line."""
        option = self._options[name]
        if option.kind == "names":
            return "\n".join(self.names(name))
        answer = self._given(name)
        if answer is None:
            return ""
        if not isinstance(answer, str):
            raise RenderProblem("answer_invalid", name, "the answer is no text", "enter one text")
        if option.kind == "choice" and answer not in option.choices:
            raise RenderProblem(
                "answer_invalid", name, f"{answer!r} is not offered", f"choose one of: {', '.join(option.choices)}"
            )
        return _held_to(option, name, answer) if option.kind == "text" else answer

    def names(self, name: str) -> Sequence[str]:
        """Names in a list; a single text counts as one name a line, or as names with commas between them."""
        option, answer = self._options[name], self._given(name)
        if isinstance(answer, FileRef):
            raise RenderProblem("answer_invalid", name, "the answer is a file", "enter names")
        pieces = re.split(r"[\n,،、]", answer) if isinstance(answer, str) else answer or []
        names = [_held_to(option, name, piece.strip()) for piece in pieces if piece.strip()]
        if names and not option.min_count <= len(names) <= option.max_count:
            raise RenderProblem(
                "answer_invalid",
                name,
                f"{len(names)} names",
                f"enter {option.min_count} to {option.max_count} names",
            )
        return names

    def photo(self, name: str) -> FileRef | None:
        answer = self._given(name)
        if answer is not None and not isinstance(answer, FileRef):
            raise RenderProblem("answer_invalid", name, "the answer is no photo", "upload a photo")
        return answer

    def shows(self, condition: Condition | None) -> bool:
        return condition is None or (
            all(map(self._holds, condition.all))
            and (not condition.any or any(map(self._holds, condition.any)))
            and not any(map(self._holds, condition.none))
        )

    def _holds(self, rule: Rule) -> bool:
        answer = self._answers.get(rule.option)
        if rule.answered is not None:
            return _is_there(answer) == rule.answered
        if rule.count is not None:
            return len(self.names(rule.option)) == rule.count
        text = normalize("NFC", answer).strip() if isinstance(answer, str) else ""
        if rule.equals is not None:
            return text == normalize("NFC", rule.equals)
        return text != normalize("NFC", rule.differs or "")

    def _given(self, name: str) -> Answer | None:
        answer = self._answers.get(name)
        if _is_there(answer):
            return answer
        if self._options[name].required:
            label = self._options[name].label
            raise RenderProblem("answer_missing", name, f"{label!r} is not answered", "enter an answer")
        return None

    def _filled(self, template: str) -> str:
        """ "" where every answer in it is left out: nobody wants `The  Family`."""
        said: list[str] = []

        def fill(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0][0]
            said.append(self.text(found[1]))
            return said[-1]

        filled = _PLACEHOLDER.sub(fill, template)
        return filled if any(said) or not said else ""


def _is_there(answer: Answer | None) -> bool:
    if isinstance(answer, str):
        return bool(answer.strip())
    return answer is not None and (isinstance(answer, FileRef) or any(text.strip() for text in answer))


def _held_to(option: Option, name: str, answer: str) -> str:
    text = normalize("NFC", answer).replace("\r\n", "\n").replace("\t", " ")
    if len(text) > option.max_length:
        raise RenderProblem(
            "answer_invalid",
            name,
            f"the text has {len(text)} characters, {option.max_length} are allowed",
            f"shorten the text to {option.max_length} characters",
        )
    if any(category(character) in ("Cc", "Cs", "Co") and character != "\n" for character in text):
        raise RenderProblem("answer_invalid", name, "the text has characters that cannot be printed", "take them out")
    if forbidden := sorted(set(text) & set(option.forbidden_characters)):
        codes = ", ".join(f"U+{ord(character):04X}" for character in forbidden)
        raise RenderProblem("answer_invalid", name, f"the characters {codes} are not allowed", f"take out {codes}")
    if option.forbidden_words and _any_of(tuple(option.forbidden_words)).search(text.casefold()):
        raise RenderProblem("answer_invalid", name, "the text has a word that is not printed", "choose other words")
    return text


@lru_cache(16)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(re.escape(normalize("NFC", word).casefold()) for word in words) + r")\b")
