"""WooCommerce's webhooks: the resource, the ping when one is saved, signed deliveries, off after five failures in a row."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from platen_sandbox.clock import now, woo_time
from platen_sandbox.deliveries import Deliveries, Delivery, Message
from platen_sandbox.model import Json, Shop, ShopHook, ShopOrder
from platen_sandbox.world import World

from .errors import WooError

MOST_FAILURES = 5
USER_AGENT = "WooCommerce/10.3.4 Hookshot (WordPress/6.8)"
STATUSES = ("active", "paused", "disabled")


class ShopHooks:
    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._world = world
        self._deliveries = deliveries

    def create(self, shop: Shop, given: Json) -> ShopHook:
        hook_id = self._world.number(f"{shop.id}/hook")
        body = new_hook(shop, hook_id, given, now())
        hook = ShopHook(shop.id, hook_id, body, secret=str(given.get("secret") or shop.secret))
        self._world.save(hook)
        self._ping(hook)
        return hook

    def update(self, shop: Shop, hook: ShopHook, given: Json) -> None:
        hook.body = new_hook(shop, hook.id, {**hook.body, **given}, now()) | {
            name: hook.body[name] for name in ("date_created", "date_created_gmt")
        }
        hook.secret = str(given.get("secret") or hook.secret)
        hook.failures = 0
        self._world.save(hook)
        self._ping(hook)

    def announce(self, order: ShopOrder, topic: str, home: str) -> None:
        """Queues `topic` for every active hook; the payload is the order as it is when it is sent."""
        for hook in self._world.shop_hooks[order.shop].values():
            if hook.body["status"] == "active" and hook.body["topic"] == topic:
                self._deliver(hook, order, topic, home)

    def _deliver(self, hook: ShopHook, order: ShopOrder, topic: str, home: str) -> None:
        delivery_id = hashlib.sha256(f"{hook.key}/{self._world.number('delivery')}".encode()).hexdigest()[:32]

        def build(_retries: int) -> Message:
            body = json.dumps(order.body).encode()
            resource, _, event = topic.partition(".")
            headers = {
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
                "X-WC-Webhook-Source": home,
                "X-WC-Webhook-Topic": topic,
                "X-WC-Webhook-Resource": resource,
                "X-WC-Webhook-Event": event,
                "X-WC-Webhook-Signature": signature(body, hook.secret),
                "X-WC-Webhook-ID": str(hook.id),
                "X-WC-Webhook-Delivery-ID": delivery_id,
            }
            return Message(headers, body)

        def settled(delivered: bool) -> None:
            hook.failures = 0 if delivered else hook.failures + 1
            if hook.failures >= MOST_FAILURES:
                hook.body["status"] = "disabled"
            self._world.save(hook)

        what = f"{topic} {order.id}"
        self._deliveries.send(Delivery(f"shop/{hook.shop}", hook.body["delivery_url"], what, build, settled=settled))

    def _ping(self, hook: ShopHook) -> None:
        """WordPress posts a form, without any of the signed headers."""
        if hook.body["status"] != "active":
            return
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": USER_AGENT}
        message = Message(headers, f"webhook_id={hook.id}".encode())
        self._deliveries.send(
            Delivery(f"shop/{hook.shop}", hook.body["delivery_url"], f"ping {hook.id}", lambda _retries: message)
        )


def signature(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def new_hook(shop: Shop, hook_id: int, given: Json, moment: datetime) -> Json:
    """The resource; like the real one it never shows the secret."""
    topic, url, status = given.get("topic"), given.get("delivery_url"), given.get("status", "active")
    if topic not in ("order.created", "order.updated", "order.deleted", "order.restored"):
        raise WooError(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required and must be valid.")
    if not _is_web_address(url):
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise WooError(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", message)
    if status not in STATUSES:
        raise WooError(400, "woocommerce_rest_shop_webhook_invalid_status", "Webhook status must be valid.")
    resource, _, event = topic.partition(".")
    times = {"": woo_time(moment, shop.utc_offset_minutes), "_gmt": woo_time(moment)}
    return {
        "id": hook_id,
        "name": given.get("name") or f"Webhook created on {woo_time(moment, shop.utc_offset_minutes)}",
        "status": status,
        "topic": topic,
        "resource": resource,
        "event": event,
        "hooks": [f"woocommerce_{word}_{resource}" for word in ("new", "update")],
        "delivery_url": url,
        **{f"date_{name}{suffix}": time for name in ("created", "modified") for suffix, time in times.items()},
    }


def _is_web_address(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://"))
