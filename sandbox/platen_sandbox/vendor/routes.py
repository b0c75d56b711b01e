"""Printful v1 below `/vendors/{account}`, path for path."""

import hmac
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from json import JSONDecodeError
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from platen_sandbox.model import Account, Json, VendorOrder
from platen_sandbox.world import World

from .bodies import order_body
from .errors import PrintfulError, not_found
from .service import VendorOrders

Handler = Callable[[Request, Account], Awaitable[Any]]
WINDOW_S = 60.0
ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
EVENTS = frozenset(
    {
        *(f"order_{word}" for word in ("created", "updated", "failed", "canceled", "refunded")),
        *("order_put_hold", "order_put_hold_approval", "order_remove_hold", "package_shipped", "package_returned"),
        *("product_synced", "product_updated", "product_deleted", "stock_updated"),
    }
)


class RateLimiter:
    """A sliding window of 60 s per account."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def count(self, account: Account, moment: float) -> dict[str, str]:
        """The headers of this call; raises 429 when it is one too many. `moment` is monotonic seconds."""
        calls = self._calls[account.id]
        while calls and calls[0] <= moment - WINDOW_S:
            calls.popleft()
        reset = str(max(1, round(WINDOW_S - (moment - calls[0])))) if calls else str(round(WINDOW_S))
        if len(calls) >= account.rate_limit:
            headers = {"Retry-After": reset, **_rate_headers(account.rate_limit, 0, reset)}
            raise PrintfulError("Too many requests. Please try again later.", "TooManyRequests", 429, headers)
        calls.append(moment)
        return _rate_headers(account.rate_limit, account.rate_limit - len(calls), reset)


def _rate_headers(limit: int, remaining: int, reset: str) -> dict[str, str]:
    return {"X-Ratelimit-Limit": str(limit), "X-Ratelimit-Remaining": str(remaining), "X-Ratelimit-Reset": reset}


class VendorApi:
    def __init__(self, world: World, orders: VendorOrders) -> None:
        self._world = world
        self._orders = orders
        self._limiter = RateLimiter()

    def routes(self) -> list[Route]:
        order = "/{account}/orders/{reference}"
        return [
            self._route("/{account}/orders", self.list_orders, "GET"),
            self._route("/{account}/orders", self.create, "POST"),
            self._route(order, self.read, "GET"),
            self._route(order, self.update, "PUT"),
            self._route(order, self.cancel, "DELETE"),
            self._route(f"{order}/confirm", self.confirm, "POST"),
            self._route("/{account}/webhooks", self.read_webhooks, "GET"),
            self._route("/{account}/webhooks", self.set_webhooks, "POST"),
            self._route("/{account}/webhooks", self.clear_webhooks, "DELETE"),
            self._route("/{account}/stores", self.stores, "GET"),
            Route("/{rest:path}", _not_found, methods=ANY_METHOD),
        ]

    def _route(self, path: str, handler: Handler, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            account = self._world.account(request.path_params["account"])
            _authenticate(request, account)
            request.state.rate_headers = self._limiter.count(account, time.monotonic())
            answer = await handler(request, account)
            body = answer if isinstance(answer, _Paged) else {"code": 200, "result": answer}
            return JSONResponse(body, headers=request.state.rate_headers)

        return Route(path, endpoint, methods=list(methods))

    async def list_orders(self, request: Request, account: Account) -> Any:
        offset, limit = _number(request, "offset", 0, 10**9), _number(request, "limit", 20, 100)
        status = request.query_params.get("status")
        orders = [order for order in self._world.vendor_orders[account.id].values() if status in (None, order.status)]
        orders.reverse()
        shown = [self._shown(account, order) for order in orders[offset : offset + limit]]
        return _Paged(code=200, result=shown, paging={"total": len(orders), "offset": offset, "limit": limit})

    async def create(self, request: Request, account: Account) -> Any:
        given = await _body(request)
        order = self._orders.create(account, given, _flag(request, "confirm"), _flag(request, "update_existing"))
        return self._shown(account, order)

    async def read(self, request: Request, account: Account) -> Any:
        return self._shown(account, self._found(request, account))

    async def update(self, request: Request, account: Account) -> Any:
        order = self._orders.update(account, self._found(request, account), await _body(request), _flag(request, "confirm"))
        return self._shown(account, order)

    async def cancel(self, request: Request, account: Account) -> Any:
        order = self._found(request, account)
        self._orders.cancel(order)
        return self._shown(account, order)

    async def confirm(self, request: Request, account: Account) -> Any:
        order = self._found(request, account)
        self._orders.confirm(order)
        return self._shown(account, order)

    async def read_webhooks(self, _request: Request, account: Account) -> Any:
        return account.webhook or {"url": "", "types": [], "params": {}}

    async def set_webhooks(self, request: Request, account: Account) -> Any:
        """One URL per store: whatever was there is replaced."""
        given = await _body(request)
        url, types = given.get("url"), given.get("types")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise PrintfulError(f"Webhook url {url!r} is missing or invalid")
        if not isinstance(types, list) or not types or not set(types) <= EVENTS:
            raise PrintfulError(f"Webhook types are {types!r}; allowed: {', '.join(sorted(EVENTS))}")
        account.webhook = {"url": url, "types": types, "params": given.get("params") or {}}
        self._world.save(account)
        return account.webhook

    async def clear_webhooks(self, request: Request, account: Account) -> Any:
        account.webhook = None
        self._world.save(account)
        return await self.read_webhooks(request, account)

    async def stores(self, _request: Request, account: Account) -> Any:
        return [{"id": account.store, "type": "native", "name": account.id}]

    def _found(self, request: Request, account: Account) -> VendorOrder:
        order = self._world.vendor_order(account.id, request.path_params["reference"])
        if order is None:
            raise not_found()
        return order

    def _shown(self, account: Account, order: VendorOrder) -> Json:
        return order_body(account, order, self._world.files)


class _Paged(dict[str, Any]):
    """A whole answer, envelope included."""


def _authenticate(request: Request, account: Account) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise PrintfulError("Malformed Authorization header.", "Unauthorized", 401)
    if not hmac.compare_digest(token.encode(), account.token.encode()):
        raise PrintfulError("The access token provided is invalid.", "Unauthorized", 401)


async def _body(request: Request) -> Json:
    try:
        given = await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        raise PrintfulError("Invalid JSON", "InvalidJson", 430) from None
    if not isinstance(given, dict):
        raise PrintfulError("Invalid JSON: the body must be an object", "InvalidJson", 430)
    return given


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "0").lower() in ("1", "true")


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or int(text) > most:
        raise PrintfulError(f"{name} is {text!r}; allowed: 0 to {most}")
    return int(text)


async def _not_found(_request: Request) -> Response:
    raise not_found()
