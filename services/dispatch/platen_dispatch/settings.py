"""Every variable that dispatch reads."""

from platen_messaging.settings import ServiceSettings
from platen_vendors.accounts import VendorSecret
from pydantic import Field


class Settings(ServiceSettings):
    vendor_secrets: dict[str, VendorSecret] = Field(
        default_factory=dict[str, VendorSecret],
        description='JSON, by vendor id: {"my-printful": {"token": "…", "store_id": "optional"}}',
    )
    dispatch_concurrency: int = Field(
        default=8, ge=2, le=64, description="orders that are worked on at once, 2 to 64; no vendor takes the last place"
    )
    dispatch_lease_s: float = Field(
        default=60.0, ge=0.5, le=3600, description="seconds, 0.5 to 3600, after which an order of a dead worker is looked up"
    )
    dispatch_rate_share: float = Field(
        default=0.7, gt=0, le=1, description="share of each account's rate, over 0 to 1; tracking uses the same accounts"
    )
