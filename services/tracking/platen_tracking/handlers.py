"""The table of contents: which message is decided where."""

from __future__ import annotations

from platen_contracts.catalog import Vendor
from platen_contracts.dispatch import DispatchAccepted
from platen_contracts.orders import OrderSnapshot
from platen_messaging.handlers import Handlers, On, OnTombstone, Tombstone

from platen_tracking.decide import following, forgetting, reading
from platen_tracking.decide.facts import Hinted, OrderNotRead, OrderRead, VendorOrderFact
from platen_tracking.model import State, account_key, erased_key, watch_key


def _accepted(fact: DispatchAccepted) -> tuple[str, str, str]:
    return watch_key(fact.vendor_id, fact.vendor_order_id), account_key(fact.vendor_id), erased_key(fact.order_id)


def _watch_and_account(fact: VendorOrderFact) -> tuple[str, str]:
    return watch_key(fact.vendor_id, fact.vendor_order_id), account_key(fact.vendor_id)


def _if_erased(order: OrderSnapshot) -> tuple[str, ...]:
    return (erased_key(order.order_id),) if order.erased else ()


def _watch(fact: VendorOrderFact) -> tuple[str]:
    return (watch_key(fact.vendor_id, fact.vendor_order_id),)


def _account(vendor: Vendor) -> tuple[str]:
    return (account_key(vendor.vendor_id),)


def _tombstone(tombstone: Tombstone) -> tuple[str]:
    return (account_key(tombstone.key),)


FROM_TOPICS: Handlers[State] = Handlers(
    On(DispatchAccepted, _accepted, following.on_dispatch_accepted),
    On(Vendor, _account, following.on_vendor),
    tombstone=OnTombstone(_tombstone, following.on_vendor_gone),
)

STATUS: Handlers[State] = Handlers(On(OrderSnapshot, _if_erased, forgetting.on_order))
"""What orders says of an order; all but its erasure is of no use here."""

OWN: Handlers[State] = Handlers(
    On(Hinted, _watch, following.on_hinted),
    On(OrderRead, _watch_and_account, reading.on_order_read),
    On(OrderNotRead, _watch, reading.on_order_not_read),
)
