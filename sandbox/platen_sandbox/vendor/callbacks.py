"""Printful's callbacks: one URL per store, the body as it was when the event happened, retried a few times."""

import json
from typing import Any

from platen_sandbox.clock import now
from platen_sandbox.deliveries import Deliveries, Delivery, Message
from platen_sandbox.model import Json, VendorOrder
from platen_sandbox.world import World

from .bodies import callback, order_body


class Callbacks:
    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._world = world
        self._deliveries = deliveries

    def send(self, order: VendorOrder, kind: str, **data: Any) -> None:
        """`data` is what Printful puts beside the order (shipment, reason). A store that wants no such event gets none."""
        account = self._world.account(order.account)
        hook = account.webhook
        if hook is None or kind not in hook["types"]:
            return
        happened = int(now().timestamp())
        frozen: Json = json.loads(json.dumps({**data, "order": order_body(account, order, self._world.files)}))

        def build(retries: int) -> Message:
            body = json.dumps(callback(account, kind, frozen, happened, retries)).encode()
            return Message({"Content-Type": "application/json", "User-Agent": "Printful Webhook"}, body)

        target, what = f"vendor/{order.account}", f"{kind} {order.external_id or order.id}"
        self._deliveries.send(Delivery(target, hook["url"], what, build, tuple(account.callback_backoff)))
