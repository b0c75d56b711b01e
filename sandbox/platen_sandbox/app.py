"""Wires one sandbox together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from . import control as control_room
from .control import Control, ControlError
from .deliveries import Deliveries
from .faults import FaultMiddleware, Faults
from .ledger import Ledger
from .model import Plan
from .shop import errors as shop_errors
from .shop.hooks import ShopHooks
from .shop.routes import ShopApi
from .shop.service import Shops
from .vendor import errors as vendor_errors
from .vendor.callbacks import Callbacks
from .vendor.files import FileLibrary
from .vendor.production import CannotStepError, Production
from .vendor.routes import VendorApi
from .vendor.service import VendorOrders
from .world import World


def create_app(state_file: Path | None = None, plan: Plan | None = None, rate_limit: int = 6000) -> Starlette:
    """`plan` is what becomes of confirmed orders in accounts not told otherwise, `rate_limit` their calls per minute."""
    world = World(state_file, plan, rate_limit)
    faults, ledger = Faults(), Ledger(world)
    deliveries, library = Deliveries(faults), FileLibrary(world)
    hooks = ShopHooks(world, deliveries)
    shops = Shops(world, hooks)
    callbacks = Callbacks(world, deliveries)
    production = Production(world, library, callbacks)
    orders = VendorOrders(world, production, callbacks)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        world.open()
        await deliveries.start()
        await library.start()
        production.resume()
        yield
        await production.stop()
        await library.stop()
        await deliveries.stop()
        world.close()

    return Starlette(
        routes=[
            Route("/health", _health),
            Mount("/shops", routes=ShopApi(world, shops, hooks).routes()),
            Mount("/vendors", routes=VendorApi(world, orders).routes()),
            Mount("/sandbox", routes=Control(world, shops, production, faults, ledger, deliveries).routes()),
        ],
        middleware=[Middleware(FaultMiddleware, faults=faults, record=ledger.record)],
        exception_handlers={
            shop_errors.WooError: shop_errors.answer,
            vendor_errors.PrintfulError: vendor_errors.answer,
            ControlError: control_room.answer,
            CannotStepError: control_room.answer,
        },
        lifespan=lifespan,
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
