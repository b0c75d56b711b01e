"""The closed set of reasons why a print file could not be drawn."""

from __future__ import annotations

from typing import Literal

from platen_render.model import Problem

Code = Literal[
    "answer_missing",
    "answer_invalid",
    "asset_missing",
    "asset_corrupt",
    "asset_too_large",
    "asset_unsupported",
    "font_unknown",
    "glyph_missing",
    "text_does_not_fit",
    "side_unknown",
    "size_wrong",
    "output_unsupported",
    "artwork_invalid",
    "photo_missing",
    "photo_too_small",
    "photo_unsupported",
    "photo_mislabelled",
    "photo_too_large",
    "photo_corrupt",
    "photo_polyglot",
    "photo_address_refused",
    "photo_unreachable",
    "order_erased",
    "artwork_unknown",
    "busy",
    "worker_died",
    "memory_limit",
    "time_limit",
]


class RenderProblem(Problem):
    """Why a side cannot be drawn, and what the operator can do about it.

    `field` names the option (its name) or the layer (`layers.<place>`), None where no single one is to blame.
    `message` may quote what the buyer wrote and is personal; `remedy` never does and may travel anywhere.
    """

    def __init__(self, code: Code, field: str | None, message: str, remedy: str) -> None:
        super().__init__(code, field, message, remedy)
