"""The table of contents: which message is decided where."""

from __future__ import annotations

from typing import Any

from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import (
    DispatchForgetRequested,
    DispatchRequested,
    DispatchSettleRequested,
    DispatchWithdrawRequested,
)
from platen_messaging.handlers import Handlers, On, OnTombstone, Tombstone

from platen_dispatch.decide import facts, outcomes, requests, turns, vendors
from platen_dispatch.decide.outcomes import of_turn
from platen_dispatch.model import Entry, lane_key, vendor_key


def _order(message: Any) -> tuple[str]:
    return (message.order_id,)


def _order_and_lane(message: Any) -> tuple[str, str]:
    return (message.order_id, lane_key(message.vendor_id))


def _order_and_vendor(message: Any) -> tuple[str, str]:
    return (message.order_id, vendor_key(message.vendor_id))


def _vendor(message: Vendor) -> tuple[str]:
    return (vendor_key(message.vendor_id),)


def _gone(tombstone: Tombstone) -> tuple[str]:
    return (vendor_key(tombstone.key),)


REQUESTS: Handlers[Entry] = Handlers(
    On(DispatchRequested, _order_and_lane, requests.on_requested),
    On(DispatchWithdrawRequested, _order, requests.on_withdraw_requested),
    On(DispatchSettleRequested, _order, requests.on_settle_requested),
    On(DispatchForgetRequested, _order, requests.on_forget_requested),
    On(Vendor, _vendor, vendors.on_vendor),
    tombstone=OnTombstone(_gone, vendors.on_tombstone),
)
"""What others ask and say."""

TURNS: Handlers[Entry] = Handlers(
    On(facts.TurnBegan, _order_and_lane, turns.on_turn_began),
    On(facts.Taken, _order, outcomes.on_taken),
    On(facts.TurnedDown, _order, of_turn(outcomes.on_turned_down)),
    On(facts.NotNow, _order_and_lane, of_turn(outcomes.on_not_now)),
    On(facts.LaneClosed, _order_and_vendor, of_turn(outcomes.on_lane_closed)),
    On(facts.Lost, _order_and_lane, of_turn(outcomes.on_lost)),
    On(facts.Missing, _order_and_lane, of_turn(outcomes.on_missing)),
    On(facts.Undecided, _order, of_turn(outcomes.on_undecided)),
    On(facts.Gone, _order, of_turn(outcomes.on_gone)),
)
"""What the worker finds out."""
