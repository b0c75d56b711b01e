"""A failure outside in the operators' words: what it is called, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from platen_outside.failures import AuthFailed, Failure, Rejected, Throttled, Transient, Unknown

from platen_sync.gateway.shop import Absent, Unusable


@dataclass(frozen=True, slots=True)
class Trouble:
    """`passing` heals by itself; `for_good` does not whatever one waits; neither: a person has to do as `remedy` says first."""

    code: str
    remedy: str
    passing: bool = False
    for_good: bool = False
    maybe_done: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.remedy}"


def trouble_of(shop_id: str, failure: Failure | Absent | Unusable) -> Trouble:
    match failure:
        case Transient(cause):
            return Trouble(
                "shop_unreachable", f"shop {shop_id!r} did not answer ({cause}); it is asked again by itself", passing=True
            )
        case Throttled(retry_after):
            wait = f"in {retry_after:.0f} s" if retry_after is not None else "in a minute"
            return Trouble("shop_busy", f"shop {shop_id!r} asks for a pause; it is asked again {wait}", passing=True)
        case Unknown(cause):
            remedy = f"shop {shop_id!r} did not say whether it took the tracking ({cause}); it is read again first"
            return Trouble("outcome_unknown", remedy, passing=True, maybe_done=True)
        case AuthFailed(status):
            remedy = (
                f"shop {shop_id!r} does not accept the key (HTTP {status}); check its key and secret in PLATEN_SHOP_SECRETS, "
                "that the key may read and write, and that no firewall stands between"
            )
            return Trouble("shop_refused_credentials", remedy)
        case Rejected(status):
            remedy = f"shop {shop_id!r} refused it (HTTP {status}{_said(failure)}); correct it in the shop"
            return Trouble("shop_refused", remedy, for_good=True)
        case Absent():
            return Trouble("order_gone", f"shop {shop_id!r} has this order no more; nothing to do", for_good=True)
        case Unusable(code, remedy):
            return Trouble(code, remedy)


def _said(failure: Rejected) -> str:
    """WordPress's code, which is safe to show; never its message, which may repeat what was sent."""
    body = failure.body
    code = body.get("code") if isinstance(body, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return f", {code[:100]}" if isinstance(code, str) else ""
