"""What the API may do to orders: create, update, confirm, cancel."""

from platen_sandbox.clock import now
from platen_sandbox.model import CANCELABLE, EDITABLE, Account, Json, VendorOrder
from platen_sandbox.world import FIRST_VENDOR_ORDER, World

from . import rules
from .callbacks import Callbacks
from .errors import PrintfulError, not_editable
from .production import Production

READ_ONLY = frozenset(
    {"id", "store", "status", "created", "updated", "costs", "shipments", "shipping_service_name", "pricing_breakdown"}
)


class VendorOrders:
    def __init__(self, world: World, production: Production, callbacks: Callbacks) -> None:
        self._world = world
        self._production = production
        self._callbacks = callbacks

    def create(self, account: Account, given: Json, confirm: bool, update_existing: bool) -> VendorOrder:
        rules.check_order(account, given)
        external_id = given.get("external_id")
        existing = self._world.vendor_order(account.id, f"@{external_id}") if external_id is not None else None
        if existing is not None and update_existing:
            return self.update(account, existing, given, confirm)
        if existing is not None:
            raise PrintfulError(f"Order with this External ID already exists: {external_id}", "OR-13")
        items = self._numbered(given["items"], [])
        if confirm:
            rules.check_confirmable(items)
        body = {name: value for name, value in given.items() if name not in READ_ONLY} | {"items": items}
        if external_id is not None:
            body["external_id"] = str(external_id)
        seconds = int(now().timestamp())
        order = VendorOrder(account.id, self._world.number("vendor_order", FIRST_VENDOR_ORDER), body, "", seconds, seconds)
        self._world.set_status(order, "draft")
        self._callbacks.send(order, "order_created")
        if confirm:
            self._production.confirm(order)
        return order

    def update(self, account: Account, order: VendorOrder, given: Json, confirm: bool) -> VendorOrder:
        if order.status not in EDITABLE:
            raise not_editable(order.status)
        rules.check_parts(account, given)
        changes = {name: value for name, value in given.items() if name not in READ_ONLY and name != "external_id"}
        if "items" in changes:
            changes["items"] = self._numbered(changes["items"], order.body["items"])
        if confirm:
            rules.check_confirmable(changes.get("items", order.body["items"]))
        order.body = {**order.body, **changes}
        order.updated = int(now().timestamp())
        self._world.save(order)
        if confirm:
            self._production.confirm(order)
        else:
            self._callbacks.send(order, "order_updated")
        return order

    def confirm(self, order: VendorOrder) -> None:
        if order.status not in EDITABLE:
            raise not_editable(order.status)
        rules.check_confirmable(order.body["items"])
        self._production.confirm(order)

    def cancel(self, order: VendorOrder) -> None:
        if order.status not in CANCELABLE:
            message = f"Order can't be canceled, its status is {order.status}; allowed: {', '.join(sorted(CANCELABLE))}"
            raise PrintfulError(message)
        self._production.cancel(order, "Canceled through the API")

    def _numbered(self, given: list[Json], present: list[Json]) -> list[Json]:
        """Items keep their id where the request names it or their external id; others are new, what is not named is gone."""
        by_id = {item["id"]: item for item in present}
        by_external_id = {item["external_id"]: item for item in present if item.get("external_id") is not None}
        items: list[Json] = []
        for item in given:
            known = by_id.get(item.get("id")) or by_external_id.get(item.get("external_id")) or {}
            items.append({**known, **item, "id": known.get("id") or self._world.number("vendor_item", 50_000_001)})
        return items
