"""Every variable that the console reads."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from platen_messaging.settings import ServiceSettings
from pydantic import Field, SecretStr, ValidationInfo, field_validator

LEAST_TOKEN = 16


class Settings(ServiceSettings):
    console_token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description=f"what operators log in with, at least {LEAST_TOKEN} characters; needed wherever PLATEN_HTTP is not a "
        "loopback address (make one: python -c 'import secrets; print(secrets.token_urlsafe(32))')",
    )

    @field_validator("console_token")
    @classmethod
    def _guards_what_others_reach(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        known: Mapping[str, Any] = info.data
        http = known.get("http")
        if token is None and http is not None and not is_loopback(http.rpartition(":")[0]):
            raise ValueError(f"it is not set, and PLATEN_HTTP={http} can be reached from other machines")
        if token is not None and len(token.get_secret_value()) < LEAST_TOKEN:
            raise ValueError(f"it has {len(token.get_secret_value())} characters")
        return token

    @property
    def token(self) -> str | None:
        return None if self.console_token is None else self.console_token.get_secret_value()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host` (a name or an address, IPv6 with or without brackets)."""
    bare = host.strip("[]")
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
