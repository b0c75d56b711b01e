"""WooCommerce REST v3 and the Shipment Tracking plugin, below `/shops/{shop}`."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from json import JSONDecodeError

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from platen_sandbox.model import Json, Shop, ShopHook
from platen_sandbox.world import World

from .errors import WooError, no_route
from .hooks import ShopHooks
from .query import list_orders
from .service import Shops

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[[Request, Shop], Awaitable[Response]]


def home_of(request: Request, shop_id: str) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/shops/{shop_id}/"


class ShopApi:
    def __init__(self, world: World, shops: Shops, hooks: ShopHooks) -> None:
        self._world = world
        self._shops = shops
        self._hooks = hooks

    def routes(self) -> list[Route]:
        rest, tracking = "/{shop}/wp-json/wc/v3", "/{shop}/wp-json/wc-shipment-tracking/v3/orders/{id:int}/shipment-trackings"
        return [
            self._route(f"{rest}/orders", self.list_orders, "GET"),
            self._route(f"{rest}/orders/{{id:int}}", self.read_order, "GET"),
            self._route(f"{rest}/orders/{{id:int}}", self.update_order, "PUT", "POST", "PATCH"),
            self._route(f"{rest}/orders/{{id:int}}/notes", self.list_notes, "GET"),
            self._route(f"{rest}/orders/{{id:int}}/notes", self.add_note, "POST"),
            self._route(tracking, self.list_trackings, "GET"),
            self._route(tracking, self.add_tracking, "POST"),
            self._route(f"{rest}/webhooks", self.list_hooks, "GET"),
            self._route(f"{rest}/webhooks", self.add_hook, "POST"),
            self._route(f"{rest}/webhooks/{{id:int}}", self.read_hook, "GET"),
            self._route(f"{rest}/webhooks/{{id:int}}", self.update_hook, "PUT", "POST", "PATCH"),
            self._route(f"{rest}/webhooks/{{id:int}}", self.delete_hook, "DELETE"),
            Route("/{rest:path}", _no_route, methods=ANY_METHOD),
        ]

    def _route(self, path: str, handler: Handler, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            shop = self._world.shop(request.path_params["shop"])
            _authenticate(request, shop)
            return await handler(request, shop)

        return Route(path, endpoint, methods=list(methods))

    async def list_orders(self, request: Request, shop: Shop) -> Response:
        bodies = [order.body for order in self._world.shop_orders[shop.id].values()]
        page = list_orders(shop, bodies, request.query_params, str(request.url.replace(query="")))
        return JSONResponse(page.orders, headers=page.headers)

    async def read_order(self, request: Request, shop: Shop) -> Response:
        return JSONResponse(self._shops.find(shop, request.path_params["id"]).body)

    async def update_order(self, request: Request, shop: Shop) -> Response:
        order = self._shops.find(shop, request.path_params["id"])
        self._shops.update_order(shop, order, await _body(request), home_of(request, shop.id))
        return JSONResponse(order.body)

    async def list_notes(self, request: Request, shop: Shop) -> Response:
        wanted = request.query_params.get("type", "any")
        notes = self._shops.find(shop, request.path_params["id"]).notes
        return JSONResponse([n for n in reversed(notes) if wanted == "any" or n["customer_note"] is (wanted == "customer")])

    async def add_note(self, request: Request, shop: Shop) -> Response:
        given = await _body(request)
        author = "system" if not given.get("added_by_user") else "Shop manager"
        note = self._shops.add_note(shop, self._shops.find(shop, request.path_params["id"]), given, author)
        return JSONResponse(note, status_code=201)

    async def list_trackings(self, request: Request, shop: Shop) -> Response:
        _require_plugin(shop)
        trackings = self._shops.find(shop, request.path_params["id"]).trackings
        return JSONResponse([{name: value for name, value in t.items() if name != "received_at"} for t in trackings])

    async def add_tracking(self, request: Request, shop: Shop) -> Response:
        _require_plugin(shop)
        order = self._shops.find(shop, request.path_params["id"])
        tracking = self._shops.add_tracking(shop, order, await _body(request), home_of(request, shop.id))
        return JSONResponse(tracking, status_code=201)

    async def list_hooks(self, request: Request, shop: Shop) -> Response:
        wanted = request.query_params.get("status", "all")
        hooks = self._world.shop_hooks[shop.id].values()
        return JSONResponse([hook.body for hook in hooks if wanted in ("all", hook.body["status"])])

    async def add_hook(self, request: Request, shop: Shop) -> Response:
        return JSONResponse(self._hooks.create(shop, await _body(request)).body, status_code=201)

    async def read_hook(self, request: Request, shop: Shop) -> Response:
        return JSONResponse(self._hook(request, shop).body)

    async def update_hook(self, request: Request, shop: Shop) -> Response:
        hook = self._hook(request, shop)
        self._hooks.update(shop, hook, await _body(request))
        return JSONResponse(hook.body)

    async def delete_hook(self, request: Request, shop: Shop) -> Response:
        hook = self._hook(request, shop)
        if request.query_params.get("force", "false").lower() not in ("true", "1"):
            raise WooError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        self._world.delete_hook(hook)
        return JSONResponse(hook.body)

    def _hook(self, request: Request, shop: Shop) -> ShopHook:
        hook = self._world.shop_hooks[shop.id].get(request.path_params["id"])
        if hook is None:
            raise WooError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return hook


def _authenticate(request: Request, shop: Shop) -> None:
    """HTTPS-style Basic; over plain HTTP too, for a real shop stands behind TLS and the sandbox does not."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise WooError(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key, secret = "", ""
    if not hmac.compare_digest(key.encode(), shop.key.encode()):
        raise WooError(401, "woocommerce_rest_authentication_error", "Consumer key is invalid.")
    if not hmac.compare_digest(secret.encode(), shop.secret.encode()):
        raise WooError(401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.")


def _require_plugin(shop: Shop) -> None:
    if not shop.tracking_plugin:
        raise no_route()


async def _body(request: Request) -> Json:
    try:
        given = await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        raise WooError(400, "rest_invalid_json", "Invalid JSON body passed.") from None
    if not isinstance(given, dict):
        raise WooError(400, "rest_invalid_json", "Invalid JSON body passed.")
    return given


async def _no_route(_request: Request) -> Response:
    raise no_route()
