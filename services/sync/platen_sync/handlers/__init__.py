"""The table of sync: message → what it touches, what becomes of it."""

from platen_contracts.catalog import Listing, Shop, Vendor
from platen_contracts.orders import OrderPrivate, OrderSnapshot
from platen_contracts.sync import CancelSync, ForgetShopOrder, ReconcileShop, SyncShop
from platen_messaging.handlers import Handlers, On, OnTombstone

from platen_sync.decide.facts import (
    Hinted,
    LinkCame,
    OrderNotRead,
    OrderRead,
    OrdersReread,
    PageRead,
    PollDue,
    PostingBegun,
    PostingDone,
    PostingFailed,
    RunFailed,
)
from platen_sync.handlers.catalog import listing_came, shop_came, tombstone, tombstone_touches, vendor_came
from platen_sync.handlers.runs import cancel, page_read, poll_due, reconcile, reread, run_failed, sync
from platen_sync.handlers.shop_orders import forget, hinted, link_came, order_not_read, order_read
from platen_sync.handlers.touches import link_keys, order_of, orders_of, read_keys, shop_of, shop_order_of
from platen_sync.handlers.tracking import posting_begun, posting_done, posting_failed, private_came, status_came
from platen_sync.model import State, listing_key, vendor_key

HANDLERS: Handlers[State] = Handlers(
    On(Shop, shop_of, shop_came),
    On(Listing, lambda listing: (listing_key(listing.shop_id, listing.listing_id),), listing_came),
    On(Vendor, lambda vendor: (vendor_key(vendor.vendor_id),), vendor_came),
    On(SyncShop, shop_of, sync),
    On(ReconcileShop, shop_of, reconcile),
    On(CancelSync, shop_of, cancel),
    On(ForgetShopOrder, shop_order_of, forget),
    On(PollDue, shop_of, poll_due),
    On(RunFailed, shop_of, run_failed),
    On(PageRead, orders_of, page_read),
    On(OrdersReread, orders_of, reread),
    On(Hinted, shop_order_of, hinted),
    On(OrderRead, read_keys, order_read),
    On(OrderNotRead, shop_order_of, order_not_read),
    On(LinkCame, link_keys, link_came),
    On(OrderSnapshot, order_of, status_came),
    On(OrderPrivate, order_of, private_came),
    On(PostingBegun, order_of, posting_begun),
    On(PostingDone, order_of, posting_done),
    On(PostingFailed, order_of, posting_failed),
    tombstone=OnTombstone(tombstone_touches, tombstone),
)
