"""WooCommerce's way of saying no."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class WooError(Exception):
    """Answered as `{code, message, data: {status, ...}}`."""

    def __init__(self, status: int, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "data": {"status": status, **data}}


def invalid_param(name: str, message: str) -> WooError:
    return WooError(400, "rest_invalid_param", f"Invalid parameter(s): {name}", params={name: message})


def missing_params(*names: str) -> WooError:
    return WooError(400, "rest_missing_callback_param", f"Missing parameter(s): {', '.join(names)}", params=list(names))


def no_route() -> WooError:
    return WooError(404, "rest_no_route", "No route was found matching the URL and request method.")


def invalid_order_id() -> WooError:
    return WooError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


async def answer(_request: Request, error: Exception) -> Response:
    assert isinstance(error, WooError)
    return JSONResponse(error.body, status_code=error.status)
