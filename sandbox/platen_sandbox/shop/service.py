"""What happens in a shop, whoever asked for it: a buyer, the owner, the REST API or the sandbox's own control API."""

import hashlib
from typing import Any

from platen_sandbox.clock import now, woo_time
from platen_sandbox.model import Json, Shop, ShopOrder
from platen_sandbox.world import FIRST_SHOP_ORDER, World

from .errors import WooError, invalid_order_id, missing_params
from .hooks import ShopHooks
from .orders import changed_order, new_order, touched

PROVIDER_LINKS = {
    "ups": "https://www.ups.com/track?loc=en_US&tracknum={}",
    "usps": "https://tools.usps.com/go/TrackConfirmAction_input?qtc_tLabels1={}",
    "fedex": "https://www.fedex.com/apps/fedextrack/?action=track&action=track&tracknumbers={}",
    "dhl us": "https://www.dhl.com/us-en/home/tracking/tracking-ecommerce.html?tracking-id={}",
}


class Shops:
    """`home` is the shop's own address, which goes into webhook headers."""

    def __init__(self, world: World, hooks: ShopHooks) -> None:
        self._world = world
        self._hooks = hooks

    def create_order(self, shop: Shop, given: Json, home: str) -> ShopOrder:
        order_id = self._world.number(f"{shop.id}/order", FIRST_SHOP_ORDER)
        order = ShopOrder(shop.id, order_id, new_order(shop, order_id, given, self._world.number, now()))
        self._world.save(order)
        self._hooks.announce(order, "order.created", home)
        return order

    def update_order(self, shop: Shop, order: ShopOrder, given: Json, home: str) -> None:
        self._changed(order, changed_order(shop, order.body, given, self._world.number, now()), home)

    def find(self, shop: Shop, order_id: Any) -> ShopOrder:
        order = self._world.shop_orders[shop.id].get(int(order_id))
        if order is None:
            raise invalid_order_id()
        return order

    def add_note(self, shop: Shop, order: ShopOrder, given: Json, author: str) -> Json:
        if not given.get("note"):
            raise missing_params("note")
        moment = now()
        note = {
            "id": self._world.number("note"),
            "author": author,
            "date_created": woo_time(moment, shop.utc_offset_minutes),
            "date_created_gmt": woo_time(moment),
            "note": str(given["note"]),
            "customer_note": bool(given.get("customer_note", False)),
        }
        order.notes.append(note)
        self._world.save(order)
        return note

    def add_tracking(self, shop: Shop, order: ShopOrder, given: Json, home: str) -> Json:
        """The plugin keeps trackings in the order's meta data, so the order counts as modified."""
        number = str(given.get("tracking_number") or "")
        if not number:
            raise missing_params("tracking_number")
        custom, known = given.get("custom_tracking_provider"), given.get("tracking_provider")
        if not custom and not known:
            message = "Tracking provider is required: tracking_provider or custom_tracking_provider."
            raise WooError(400, "woocommerce_shipment_tracking_missing_provider", message)
        moment = now()
        tracking = {
            "tracking_id": hashlib.md5(f"{order.key}/{number}/{len(order.trackings)}".encode()).hexdigest(),
            "tracking_provider": str(custom or known),
            "tracking_link": str(given.get("custom_tracking_link") or PROVIDER_LINKS.get(str(known).lower(), "").format(number)),
            "tracking_number": number,
            "date_shipped": str(given.get("date_shipped") or woo_time(moment, shop.utc_offset_minutes)[:10]),
        }
        order.trackings.append({**tracking, "received_at": woo_time(moment) + "Z"})
        self._changed(order, touched(shop, order.body, moment), home)
        return tracking

    def _changed(self, order: ShopOrder, body: Json, home: str) -> None:
        order.body = body
        self._world.save(order)
        self._hooks.announce(order, "order.updated", home)
