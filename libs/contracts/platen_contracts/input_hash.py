"""The fingerprint of everything that a print file is drawn from. Only `orders` computes it; results echo it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from unicodedata import normalize

from platen_contracts.common import Answer, ArtworkRef, FileRef, OutputProfile


def input_hash(artwork: ArtworkRef, profile: OutputProfile, side: str, answers: Mapping[str, Answer]) -> str:
    """sha256 (64 hex digits) over artwork@version, output profile@version, side, answers in NFC, and sha256 of photos.

    Two answers that differ only in Unicode composition give the same hash; the renderer's version is no part of it.
    """
    inputs = {
        "artwork": f"{artwork.artwork_id}@{artwork.version}",
        "profile": f"{profile.profile_id}@{profile.version}",
        "side": side,
        "answers": {normalize("NFC", option): _plain(answer) for option, answer in answers.items()},
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _plain(answer: Answer) -> object:
    if isinstance(answer, FileRef):
        return {"photo": answer.sha256}
    if isinstance(answer, str):
        return normalize("NFC", answer)
    return [normalize("NFC", text) for text in answer]
