"""What a turn is to do at the vendor, from the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from platen_vendors.model import VendorOrder, vendor_order

from platen_dispatch.model import REMOVING, Generation, Ledger

FRESH = timedelta(minutes=10)
"""A first request older than this may be one that a lost ledger knew."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One turn.

    Attributes:
        order: what is meant, under the external id of the present submission.
        older: what earlier generations meant, under the same external id.
        named: a vendor order that a person named.
        look_first: whether something may be there already.
        create: whether it may be created where nothing is there.
        remove: a draft is deleted instead of finished.
    """

    order_id: str
    vendor_id: str
    generation: int
    turn: int
    submission: int
    order: VendorOrder
    older: Mapping[int, VendorOrder]
    named: str | None
    look_first: bool
    create: bool
    remove: bool


def plan(ledger: Ledger, generation: Generation, now: datetime) -> Plan:
    """The plan of the generation's turn that has just begun."""
    earlier = (one for one in ledger.generations.values() if one.number < generation.number and one.request is not None)
    return Plan(
        order_id=ledger.order_id,
        vendor_id=ledger.vendor_id,
        generation=generation.number,
        turn=generation.turn,
        submission=ledger.submission,
        order=vendor_order(generation.asked, ledger.submission),
        older={one.number: vendor_order(one.asked, ledger.submission) for one in earlier},
        named=ledger.named,
        look_first=generation.looking or generation.number > 1 or generation.attempt > 1 or not _is_fresh(generation, now),
        create=not generation.looking,
        remove=generation.wish in REMOVING or generation.doubted,
    )


def _is_fresh(generation: Generation, now: datetime) -> bool:
    return generation.cause is not None and now - generation.cause.time < FRESH
