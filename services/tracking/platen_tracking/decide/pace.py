"""When a vendor order is read next."""

from __future__ import annotations

from datetime import datetime, timedelta

from platen_contracts.catalog import Vendor
from platen_contracts.status import VendorStatus

from platen_tracking.model import Account, Followed, States, account_key

FRESH = timedelta(hours=2)
"""For so long after news an order is read as often as its account says; then ever more rarely."""
SLOWEST = 12
"""Times the account's own interval, reached a day after the last news."""
SETTLED_EVERY = timedelta(days=1)
SETTLED_FOR = timedelta(days=30)
"""How long a finished order is still looked at: lost parcels are sent again."""
LATE_DETAILS = timedelta(days=7)
"""How long tracking numbers may lag behind the word that all was shipped."""
GIVE_UP = timedelta(days=180)
"""An order without an end of which nothing was heard for so long is no longer followed."""
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(hours=1)
MERGE = timedelta(seconds=2)
"""Webhooks within this time make one reading. More than a second: Printful's events are told apart by whole seconds."""
MOST_MERGED = 5
"""Doublings of `MERGE` when webhooks go on about an order of which nothing changes."""
HINT_KEPT = timedelta(hours=24)
"""How long a webhook about an order that dispatch has not named yet is remembered."""
HINTS_KEPT = 10_000
"""How many such orders of one account are remembered: anybody may name one where an account has no webhook token."""

_OVER = frozenset({VendorStatus.SHIPPED, VendorStatus.DELIVERED, VendorStatus.RETURNED})


def first_reading(states: States, vendor_id: str, now: datetime) -> datetime:
    """One interval of the account from now. As soon as the account is known where it is not: topics come in any order."""
    vendor = _vendor(states, vendor_id)
    return now if vendor is None else now + timedelta(seconds=vendor.poll_every_s)


def poll_every(states: States, vendor_id: str) -> timedelta:
    """The account's interval; the catalog's default while it is not known."""
    vendor = _vendor(states, vendor_id)
    return timedelta(seconds=Vendor.model_fields["poll_every_s"].default if vendor is None else vendor.poll_every_s)


def next_reading(order: Followed, interval: timedelta, now: datetime) -> datetime | None:
    """None: it is followed no longer."""
    age = now - order.news_at
    if _is_settled(order, age):
        return now + max(SETTLED_EVERY, interval) if age < SETTLED_FOR else None
    return now + interval * min(max(age / FRESH, 1.0), SLOWEST) if age < GIVE_UP else None


def retry(failures: int, now: datetime) -> datetime:
    return now + min(FIRST_RETRY * 2 ** min(failures - 1, 20), LONGEST_RETRY)


def after_hint(order: Followed, hinted_at: datetime) -> datetime:
    return hinted_at + MERGE * 2 ** min(order.idle_hints, MOST_MERGED)


def outstanding(order: Followed) -> bool:
    """Units that are neither in a parcel nor cancelled. Parcels sent again count for nothing here."""
    cancelled = order.told.cancelled if order.told is not None else {}
    first = [parcel.units for parcel in order.parcels.values() if not parcel.reshipment]
    done = {item: cancelled.get(item, 0) + sum(units.get(item, 0) for units in first) for item in order.items}
    return not order.items or any(done[item] < count for item, count in order.items.items())


def _vendor(states: States, vendor_id: str) -> Vendor | None:
    account = states.get(account_key(vendor_id))
    return account.vendor if isinstance(account, Account) else None


def _is_settled(order: Followed, age: timedelta) -> bool:
    if order.told is None:
        return False
    if order.told.ended:
        return True
    numbered = order.erased or all(parcel.tracking_number for parcel in order.parcels.values())
    complete = numbered and not outstanding(order)
    return complete or (order.told.status in _OVER and age > LATE_DETAILS)
