"""Every variable that tracking reads."""

from __future__ import annotations

from typing import Annotated

from platen_messaging.settings import ServiceSettings
from platen_vendors.accounts import VendorSecret
from pydantic import AfterValidator, Field


def _public(url: str) -> str:
    if not url.startswith(("https://", "http://")) or "?" in url or "#" in url:
        raise ValueError("it is not an http(s) address without query")
    return url.rstrip("/")


class Settings(ServiceSettings):
    vendor_secrets: dict[str, VendorSecret] = Field(
        default_factory=dict[str, VendorSecret],
        description='JSON, by vendor id: {"my-vendor": {"token": "…", "webhook_token": "…"}}; with webhook_token (16 to 128 '
        "letters, digits, - and _) webhooks are taken at /webhooks/my-vendor/<webhook_token> only, without it from anybody",
    )
    tracking_rate_share: float = Field(
        default=0.3, gt=0, le=1, description="share of each account's rate, over 0 to 1; dispatch uses the same accounts"
    )
    tracking_public_url: Annotated[str, AfterValidator(_public)] | None = Field(
        default=None,
        description="where vendors reach this service from outside, https://tracking.example.com; "
        "when it is set, webhooks are registered at every account that has a webhook_token, replacing what it called before",
    )
