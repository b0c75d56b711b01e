"""A webhook's body, and whether it is from whom it says: HMAC-SHA256 over the raw body, compared in constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterable, Sequence
from typing import Literal

Encoding = Literal["base64", "hex"]

MOST_BYTES = 4 * 1024 * 1024
"""Of a webhook's body."""


async def received(pieces: AsyncIterable[bytes]) -> bytes | None:
    """The body; None as soon as it is larger than MOST_BYTES."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def signature(body: bytes, secret: str, encoding: Encoding) -> str:
    """The signature of `body`. `secret` is used as UTF-8 text, as WooCommerce and Printful v2 do."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode() if encoding == "base64" else digest.hex()


def signed_by(body: bytes, given: str | None, secrets: Sequence[str], encoding: Encoding) -> bool:
    """True if `given` is the signature under one of `secrets` (two while one is replaced). An empty secret signs nothing."""
    offered = (given or "").strip()
    wanted = offered.lower() if encoding == "hex" else offered
    known = [signature(body, secret, encoding) for secret in secrets if secret]
    # A sum, not any(): every secret is tried, so that the time taken does not tell which one fits.
    return sum(hmac.compare_digest(wanted.encode(), one.encode()) for one in known) > 0
