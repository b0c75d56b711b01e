"""Every variable that sync reads."""

from typing import Annotated

from annotated_types import Len
from platen_messaging.settings import ServiceSettings
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class ShopSecrets(BaseModel):
    """What opens one shop. `webhook_secret` may be a list of two while one replaces the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr
    secret: SecretStr
    webhook_secret: Annotated[list[SecretStr], Len(max_length=2)] = Field(default_factory=list[SecretStr])

    @field_validator("webhook_secret", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @property
    def webhook_secrets(self) -> list[str]:
        return [secret.get_secret_value() for secret in self.webhook_secret]


class Settings(ServiceSettings):
    shop_secrets: dict[str, ShopSecrets] = Field(
        default_factory=dict[str, ShopSecrets],
        description='JSON, by shop id: {"my-shop": {"key": "ck_…", "secret": "cs_…", "webhook_secret": "…"}}; '
        "webhook_secret may be a list of two while one replaces the other",
    )
    shop_page: int = Field(default=100, ge=2, le=100, description="orders asked of a shop at once, 2 to 100")
    shop_calls_per_minute: int = Field(default=600, ge=2, le=6000, description="calls to one shop in a minute at most, 2 to 6000")
