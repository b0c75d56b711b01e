"""Every variable that the console reads."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from platen_messaging.settings import ServiceSettings
from pydantic import Field, SecretStr, ValidationInfo, field_validator

LEAST_TOKEN = 16

OPERATOR, ADMIN = "operator", "admin"
"""Kinds of actors that log in here. Only an admin erases."""


class Settings(ServiceSettings):
    console_token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description=f"what operators log in with, at least {LEAST_TOKEN} characters; needed wherever PLATEN_HTTP is not a "
        "loopback address (make one: python -c 'import secrets; print(secrets.token_urlsafe(32))')",
    )

    console_admin_token: SecretStr | None = Field(
        default=None,
        description=f"what those log in with who may erase orders, at least {LEAST_TOKEN} characters and another than "
        "PLATEN_CONSOLE_TOKEN; without it nobody erases here, but where there is no PLATEN_CONSOLE_TOKEN either everyone on this "
        "machine may",
    )

    @field_validator("console_token")
    @classmethod
    def _guards_what_others_reach(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        known: Mapping[str, Any] = info.data
        http = known.get("http")
        if token is None and http is not None and not is_loopback(http.rpartition(":")[0]):
            raise ValueError(f"it is not set, and PLATEN_HTTP={http} can be reached from other machines")
        return token if token is None else _long_enough(token)

    @field_validator("console_admin_token")
    @classmethod
    def _is_a_token_of_its_own(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        known: Mapping[str, Any] = info.data
        if token is None or "console_token" not in known:
            return token
        if known["console_token"] is None:
            raise ValueError("it is set without PLATEN_CONSOLE_TOKEN, so that everyone on this machine is let in without it")
        if token == known["console_token"]:
            raise ValueError("it is the same as PLATEN_CONSOLE_TOKEN")
        return _long_enough(token)

    @property
    def tokens(self) -> Mapping[str, str]:
        """What to log in with, by the kind of actor that it makes; empty where no login is needed."""
        given = {OPERATOR: self.console_token, ADMIN: self.console_admin_token}
        return {kind: token.get_secret_value() for kind, token in given.items() if token is not None}


def _long_enough(token: SecretStr) -> SecretStr:
    if (count := len(token.get_secret_value())) < LEAST_TOKEN:
        raise ValueError(f"it has {count} characters")
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host` (a name or an address, IPv6 with or without brackets)."""
    bare = host.strip("[]")
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
