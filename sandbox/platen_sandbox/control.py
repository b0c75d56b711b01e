"""The control API below `/sandbox`: makes orders, sets rules and faults, takes steps by hand, reads back what came in."""

import math
from dataclasses import fields, replace
from json import JSONDecodeError
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .deliveries import Deliveries
from .faults import Faults
from .ledger import Ledger
from .model import Account, Json, Plan, Shop, VendorOrder, to_json
from .shop.routes import home_of
from .shop.service import Shops
from .vendor.bodies import order_body
from .vendor.production import Production
from .world import World

SHOP_SETTINGS = frozenset({"key", "secret", "tracking_plugin", "utc_offset_minutes", "currency"})
ACCOUNT_SETTINGS = frozenset({"token", "rate_limit", "print_sizes", "restricted_variants", "callback_backoff"})
PLAN_SETTINGS = frozenset(f.name for f in fields(Plan))
OUTCOMES = ("ship", "fail", "cancel", "hold")


class ControlError(Exception):
    """One line for whoever steers the sandbox; answered as `{error}`."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def answer(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=getattr(error, "status", 409))


class Control:
    def __init__(
        self, world: World, shops: Shops, production: Production, faults: Faults, ledger: Ledger, deliveries: Deliveries
    ) -> None:
        self._world = world
        self._shops = shops
        self._production = production
        self._faults = faults
        self._ledger = ledger
        self._deliveries = deliveries

    def routes(self) -> list[Route]:
        shop, account = "/shops/{shop}", "/vendors/{account}"
        return [
            Route(shop, self.read_shop),
            Route(shop, self.set_shop, methods=["PUT"]),
            Route(f"{shop}/orders", self.shop_orders),
            Route(f"{shop}/orders", self.create_shop_orders, methods=["POST"]),
            Route(f"{shop}/orders/{{id:int}}", self.change_shop_order, methods=["PATCH"]),
            Route(f"{shop}/orders/{{id:int}}/cancel", self.cancel_shop_order, methods=["POST"]),
            Route(f"{shop}/trackings", self.trackings),
            Route(f"{shop}/notes", self.notes),
            Route(account, self.read_account),
            Route(account, self.set_account, methods=["PUT"]),
            Route(f"{account}/plans", self.add_plan, methods=["POST"]),
            Route(f"{account}/plans", self.clear_plans, methods=["DELETE"]),
            Route(f"{account}/orders", self.vendor_orders),
            Route(f"{account}/orders/{{reference}}", self.vendor_order),
            Route(f"{account}/orders/{{reference}}/{{step}}", self.step, methods=["POST"]),
            Route("/faults", self.list_faults),
            Route("/faults", self.add_fault, methods=["POST"]),
            Route("/faults", self.clear_faults, methods=["DELETE"]),
            Route("/faults/{id:int}", self.clear_faults, methods=["DELETE"]),
            Route("/ledger", self.read_ledger),
            Route("/callbacks", self.callbacks),
            Route("/reset", self.reset, methods=["POST"]),
        ]

    # --- shops

    async def read_shop(self, request: Request) -> Response:
        return JSONResponse(self._shown_shop(self._shop(request)))

    async def set_shop(self, request: Request) -> Response:
        shop = replace(self._shop(request), **_only(await _object(request), SHOP_SETTINGS))
        self._world.save(shop)
        return JSONResponse(self._shown_shop(shop))

    async def shop_orders(self, request: Request) -> Response:
        return JSONResponse([order.body for order in self._world.shop_orders[self._shop(request).id].values()])

    async def create_shop_orders(self, request: Request) -> Response:
        """One partial order answers the whole one; a list, or `{orders: [...]}`, answers a list."""
        shop = self._shop(request)
        given = await _json(request)
        if isinstance(given, dict) and "orders" in given:
            given = given["orders"]
        if not all(isinstance(order, dict) for order in (given if isinstance(given, list) else [given])):
            raise ControlError(
                "the body is not an order; allowed: a WooCommerce-shaped object, a list of them, or {orders: [...]}"
            )
        home = home_of(request, shop.id)
        if isinstance(given, list):
            return JSONResponse([self._shops.create_order(shop, order, home).body for order in given], status_code=201)
        return JSONResponse(self._shops.create_order(shop, given, home).body, status_code=201)

    async def change_shop_order(self, request: Request) -> Response:
        return await self._change(request, await _object(request))

    async def cancel_shop_order(self, request: Request) -> Response:
        return await self._change(request, {"status": "cancelled"})

    async def _change(self, request: Request, given: Json) -> Response:
        shop = self._shop(request)
        order = self._shops.find(shop, request.path_params["id"])
        self._shops.update_order(shop, order, given, home_of(request, shop.id))
        return JSONResponse(order.body)

    async def trackings(self, request: Request) -> Response:
        return JSONResponse(self._ledger.read(shop=self._shop(request).id)["trackings"])

    async def notes(self, request: Request) -> Response:
        return JSONResponse(self._ledger.read(shop=self._shop(request).id)["notes"])

    # --- vendors

    async def read_account(self, request: Request) -> Response:
        return JSONResponse(to_json(self._account(request)))

    async def set_account(self, request: Request) -> Response:
        """Settings of the account, and of its plan for every order without a plan of its own."""
        given = _only(await _object(request), ACCOUNT_SETTINGS | PLAN_SETTINGS - {"match"})
        account = self._account(request)
        plan = new_plan({name: value for name, value in given.items() if name in PLAN_SETTINGS}, account.plan)
        settings = {name: value for name, value in given.items() if name in ACCOUNT_SETTINGS}
        account = replace(account, plan=plan, **settings)
        self._world.save(account)
        return JSONResponse(to_json(account))

    async def add_plan(self, request: Request) -> Response:
        account = self._account(request)
        account.plans.insert(0, new_plan(_only(await _object(request), PLAN_SETTINGS), account.plan))
        self._world.save(account)
        return JSONResponse(to_json(account), status_code=201)

    async def clear_plans(self, request: Request) -> Response:
        account = self._account(request)
        account.plans.clear()
        self._world.save(account)
        return JSONResponse(to_json(account))

    async def vendor_orders(self, request: Request) -> Response:
        account = self._account(request)
        return JSONResponse([self._shown(order) for order in self._world.vendor_orders[account.id].values()])

    async def vendor_order(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._vendor_order(request)))

    async def step(self, request: Request) -> Response:
        """ship {parcels? | items?: [{item_id, quantity}]}, fail, cancel, hold {reason?}, release."""
        order = self._vendor_order(request)
        given = await _object(request)
        reason = str(given.get("reason", ""))
        match request.path_params["step"]:
            case "ship":
                await self._production.ship(order, given.get("parcels"), given.get("items"))
            case "fail":
                self._production.fail(order, reason)
            case "cancel":
                self._production.cancel(order, reason)
            case "hold":
                self._production.hold(order, reason)
            case "release":
                self._production.release(order)
            case step:
                raise ControlError(f"step is {step!r}; allowed: ship, fail, cancel, hold, release", 404)
        return JSONResponse(self._shown(order))

    # --- faults, ledger

    async def list_faults(self, _request: Request) -> Response:
        return JSONResponse([fault.to_json() for fault in self._faults.all()])

    async def add_fault(self, request: Request) -> Response:
        try:
            fault = self._faults.add(await _object(request))
        except ValueError as error:
            raise ControlError(str(error)) from None
        return JSONResponse(fault.to_json(), status_code=201)

    async def clear_faults(self, request: Request) -> Response:
        return JSONResponse({"cleared": self._faults.clear(request.path_params.get("id"))})

    async def read_ledger(self, request: Request) -> Response:
        given = dict(request.query_params)
        return JSONResponse(self._ledger.read(**_only(given, frozenset({"account", "external_id", "shop", "order"}))))

    async def callbacks(self, request: Request) -> Response:
        target = request.query_params.get("target")
        return JSONResponse([entry for entry in self._deliveries.log if target in (None, entry["target"])])

    async def reset(self, _request: Request) -> Response:
        """Back to an empty sandbox; orders under way are forgotten."""
        await self._production.stop()
        self._world.reset()
        self._faults.clear()
        self._deliveries.log.clear()
        return JSONResponse({"reset": True})

    # --- inside

    def _shop(self, request: Request) -> Shop:
        return self._world.shop(request.path_params["shop"])

    def _shown_shop(self, shop: Shop) -> Json:
        hooks = [{**hook.body, "failures": hook.failures} for hook in self._world.shop_hooks[shop.id].values()]
        return {**to_json(shop), "orders": len(self._world.shop_orders[shop.id]), "webhooks": hooks}

    def _account(self, request: Request) -> Account:
        return self._world.account(request.path_params["account"])

    def _vendor_order(self, request: Request) -> VendorOrder:
        order = self._world.vendor_order(request.path_params["account"], request.path_params["reference"])
        if order is None:
            raise ControlError(
                f"no order {request.path_params['reference']!r} in account {request.path_params['account']!r}", 404
            )
        return order

    def _shown(self, order: VendorOrder) -> Json:
        return order_body(self._world.account(order.account), order, self._world.files) | {"history": order.history}


def new_plan(given: Json, base: Plan) -> Plan:
    """A plan from settings; `pace` may be one number, `match` holds parts of `external_id` or `recipient`."""
    pace = given.get("pace", base.pace)
    bounds = pace if isinstance(pace, list | tuple) else (pace, pace)
    two = len(bounds) == 2 and all(isinstance(bound, int | float) for bound in bounds)
    # Python's JSON reads Infinity, and the answer could not be written.
    if not two or not 0 <= bounds[0] <= bounds[1] < math.inf:
        raise ControlError(f"pace is {pace!r}; allowed: seconds from 0, or [least, most]")
    plan = replace(base, **{**given, "pace": (float(bounds[0]), float(bounds[1]))})
    if plan.mode not in ("auto", "manual"):
        raise ControlError(f"mode is {plan.mode!r}; allowed: auto, manual")
    if plan.outcome not in OUTCOMES:
        raise ControlError(f"outcome is {plan.outcome!r}; allowed: {', '.join(OUTCOMES)}")
    if not set(plan.match) <= {"external_id", "recipient"}:
        raise ControlError(f"match is {plan.match!r}; allowed keys: external_id, recipient")
    return plan


def _only(given: Json, allowed: frozenset[str]) -> Json:
    unknown = sorted(set(given) - allowed)
    if unknown:
        raise ControlError(f"unknown field {unknown[0]!r}; allowed: {', '.join(sorted(allowed))}")
    return given


async def _json(request: Request) -> Any:
    if not await request.body():
        return {}
    try:
        return await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        raise ControlError("the body is not JSON") from None


async def _object(request: Request) -> Json:
    given = await _json(request)
    if not isinstance(given, dict):
        raise ControlError("the body is not a JSON object")
    return given
