"""Every variable that tracking reads."""

from __future__ import annotations

from typing import Annotated

from platen_messaging.settings import ServiceSettings
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _unguessable(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (16 <= len(text) <= 128 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()):
        raise ValueError("it is not 16 to 128 letters, digits, - and _")
    return secret


def _public(url: str) -> str:
    if not url.startswith(("https://", "http://")) or "?" in url or "#" in url:
        raise ValueError("it is not an http(s) address without query")
    return url.rstrip("/")


class VendorSecrets(BaseModel):
    """What opens one vendor account. `webhook_token` is the last part of the path at which its webhooks are taken."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: SecretStr
    store_id: str | None = None
    webhook_token: Annotated[SecretStr, AfterValidator(_unguessable)] | None = None


class Settings(ServiceSettings):
    vendor_secrets: dict[str, VendorSecrets] = Field(
        default_factory=dict[str, VendorSecrets],
        description='JSON, by vendor id: {"my-vendor": {"token": "…", "webhook_token": "…"}}; with webhook_token (optional, '
        "16 to 128 letters, digits, - and _) webhooks are taken at /webhooks/my-vendor/<webhook_token> only",
    )
    tracking_rate_share: float = Field(
        default=0.3, gt=0, le=1, description="share of each account's rate, over 0 to 1; dispatch uses the same accounts"
    )
    tracking_public_url: Annotated[str, AfterValidator(_public)] | None = Field(
        default=None,
        description="where vendors reach this service from outside, https://tracking.example.com; "
        "when it is set, webhooks are registered at every vendor account, replacing what the account called before",
    )
