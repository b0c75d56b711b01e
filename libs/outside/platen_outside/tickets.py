"""Tickets: one service lets a browser do one thing at another, for a while. Both hold the same key."""

from __future__ import annotations

from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer


class Tickets:
    """`key`: the secret that both share, 32 characters or more; `purpose`: a ticket for one is no ticket for another."""

    def __init__(self, key: str, purpose: str, lifetime: timedelta = timedelta(hours=12)) -> None:
        self._signer = URLSafeTimedSerializer(key, salt=f"platen {purpose}")
        self._lifetime = lifetime

    def issue(self, about: str) -> str:
        """A ticket about something (an order's id): letters, digits, `-`, `_` and `.`, fit for addresses and headers."""
        return self._signer.dumps(about)

    def about(self, ticket: str) -> str | None:
        """What it was issued about; None where it is forged, for another purpose, or too old."""
        try:
            found: object = self._signer.loads(ticket, max_age=int(self._lifetime.total_seconds()))
        except BadData:
            return None
        return found if isinstance(found, str) else None
