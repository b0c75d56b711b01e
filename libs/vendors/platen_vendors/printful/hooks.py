"""Where Printful v1 sends its webhooks: one URL per store, so it is read first and set only where it is another."""

from __future__ import annotations

from platen_outside import failures
from platen_outside.call import Outside
from platen_outside.failures import Answer, Unknown
from platen_outside.retry import patiently
from pydantic import BaseModel, ConfigDict, ValidationError

from platen_vendors.model import Registered, RegisterOutcome
from platen_vendors.printful.refusals import rejected

TYPES = (
    "package_shipped",
    "package_returned",
    "order_updated",
    "order_failed",
    "order_canceled",
    "order_put_hold",
    "order_put_hold_approval",
    "order_remove_hold",
    "order_refunded",
)
"""What may have to do with an order that was confirmed."""


class _Info(BaseModel):
    model_config = ConfigDict(extra="ignore")

    url: str | None = None
    types: list[str] | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    result: _Info


async def register(outside: Outside, url: str) -> RegisterOutcome:
    """Setting the same URL twice changes nothing, so a lost reply is simply asked again."""
    read = await patiently(lambda: outside.ask("GET", "/webhooks"))
    if not isinstance(read, Answer):
        return _in_our_words(read)
    has = _info(read)
    if has is None:
        return Unknown("the answer does not say where webhooks go")
    if has.url == url and set(TYPES) <= set(has.types or ()):
        return Registered(changed=False)
    wanted = {"url": url, "types": sorted({*TYPES, *(has.types or ())} if has.url == url else TYPES)}
    written = await patiently(lambda: outside.ask("POST", "/webhooks", json=wanted, safe=True))
    if not isinstance(written, Answer):
        return _in_our_words(written)
    took = _info(written)
    if took is None or took.url != url:
        return Unknown("the answer does not hold the URL that was set")
    return Registered(changed=True, replaced=has.url if has.url and has.url != url else None)


def _info(answer: Answer) -> _Info | None:
    try:
        return _Answer.model_validate(answer.body).result
    except ValidationError:
        return None


def _in_our_words(failure: failures.Failure) -> RegisterOutcome:
    return rejected(failure.status, failure.body) if isinstance(failure, failures.Rejected) else failure
