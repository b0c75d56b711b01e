"""A webhook is only a hint that an order changed; the order itself is always read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from platen_sync.model import SeenOrder, ShopOrder, Standing

FIRST_WAIT = timedelta(seconds=2)
MOST_TRIES = 6
"""Then the hint is dropped: the poll finds the change as well, only later."""


def hinted(order: ShopOrder, now: datetime) -> ShopOrder:
    return replace(order, hinted_at=now, read_next=now, tries=0)


def not_read(order: ShopOrder, read_at: datetime, now: datetime, *, for_good: bool) -> ShopOrder:
    """Again later, unless that cannot help or a newer hint came meanwhile, which stands."""
    if order.hinted_at is None or order.hinted_at > read_at:
        return order
    if for_good or order.tries + 1 >= MOST_TRIES:
        return replace(order, hinted_at=None, read_next=None, tries=0)
    return replace(order, read_next=now + FIRST_WAIT * 2**order.tries, tries=order.tries + 1)


def gone(seen: SeenOrder | None) -> SeenOrder | None:
    """An order that the shop has no more counts as cancelled, as it looked last; None where it was never seen."""
    return seen.model_copy(update={"standing": Standing.CANCELLED, "word": "deleted"}) if seen else None
