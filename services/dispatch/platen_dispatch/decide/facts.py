"""What dispatch tells itself: a worker's turn at the vendor begins, and how it ended. These never leave the service."""

from __future__ import annotations

from datetime import datetime

from platen_contracts.message import Id, Message, Part
from pydantic import Field


class Turn(Part):
    """Whose turn it was."""

    order_id: Id
    vendor_id: str
    generation: int
    turn: int


class TurnBegan(Turn, Message, owner="dispatch"):
    """The intent, saved before anything is sent. Until `lease_until` nobody else touches the order."""

    lease_until: datetime


class TurnEnd(Turn, Message):
    """How a turn ended."""


class Taken(TurnEnd, owner="dispatch"):
    """It is confirmed at the vendor, as `by_generation` meant it but for `differs` (paths)."""

    by_generation: int
    vendor_order_id: str
    external_id: str
    submission: int
    items: dict[Id, int]
    differs: list[str] = Field(default_factory=list[str])


class TurnedDown(TurnEnd, owner="dispatch"):
    """The vendor will not take it as it is. `draft`: an unconfirmed order that is left there."""

    code: str
    field: str | None = None
    remedy: str
    words: str | None = None
    draft: str | None = None


class NotNow(TurnEnd, owner="dispatch"):
    """Nothing was confirmed, which is certain; another try may help."""

    code: str
    draft: str | None = None


class LaneClosed(TurnEnd, owner="dispatch"):
    """The vendor wants silence from the whole account, or does not know it."""

    code: str
    until: datetime
    draft: str | None = None


class Lost(TurnEnd, owner="dispatch"):
    """It may have arrived. `at` is when the attempt ended; `absent_as_of` the look after it, if that found nothing."""

    reason: str
    at: datetime
    absent_as_of: datetime | None = None


class Missing(TurnEnd, owner="dispatch"):
    """A look found nothing as of then."""

    as_of: datetime


class Undecided(TurnEnd, owner="dispatch"):
    """A look that settled nothing."""

    reason: str


class Gone(TurnEnd, owner="dispatch"):
    """The vendor order of this submission was read back as cancelled."""

    submission: int
