"""Printful's way of saying no."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class PrintfulError(Exception):
    """Answered as `{code, result, error: {reason, message}}`; order and file errors carry their code (`OR-13`) as the reason."""

    def __init__(
        self, message: str, reason: str = "BadRequest", status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"code": status, "result": message, "error": {"reason": reason, "message": message}}


def not_found() -> PrintfulError:
    return PrintfulError("Not Found", "NotFound", 404)


def not_editable(status: str) -> PrintfulError:
    return PrintfulError(f"Order can no longer be edited, its status is {status}; allowed: draft, failed", "OR-1")


async def answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, PrintfulError)
    limits: dict[str, str] = getattr(request.state, "rate_headers", {})
    return JSONResponse(error.body, status_code=error.status, headers={**limits, **error.headers})
