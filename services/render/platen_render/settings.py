"""Every variable that render reads."""

import os
import re
from datetime import timedelta
from typing import Annotated

from platen_messaging.settings import ServiceSettings
from platen_outside.fetch import Allowed
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode


def _web_address(text: str) -> str:
    if not re.match(r"https?://[^/?#\s]+[^?#\s]*$", text):
        raise ValueError("it is not the address of a web server")
    return text.rstrip("/")


def _spare_cores() -> int:
    return max(1, (os.cpu_count() or 1) - 1)


def _split(text: object) -> object:
    return [entry.strip() for entry in text.split(",") if entry.strip()] if isinstance(text, str) else text


def _checked_hosts(entries: list[str]) -> list[str]:
    Allowed.of(entries)
    return entries


class Settings(ServiceSettings):
    objects: str = Field(  # pyright: ignore[reportIncompatibleVariableOverride]  settings are frozen, so narrowing is sound
        description="where print files and images are kept, file:///folder or s3://bucket/prefix"
    )
    files_url: Annotated[str, AfterValidator(_web_address)] = Field(
        description="how vendors and operators reach this service's /f/…, such as https://files.example.com; "
        "printed into every link, so it should never change"
    )
    render_workers: int = Field(
        default_factory=_spare_cores,
        ge=1,
        le=64,
        description="processes that draw, 1 to 64; one less than the cores when not set",
    )
    render_memory_mb: int = Field(
        default=1024, ge=200, le=65_536, description="megabytes that a drawing process may use before it is ended, at least 200"
    )
    photo_hosts: Annotated[list[str], NoDecode, BeforeValidator(_split), AfterValidator(_checked_hosts)] = Field(
        default_factory=list[str],
        description="where buyers' photos are fetched from, commas between: hosts (uploads.example.com, *.example.com), or "
        "origins trusted as they are, private ones too (http://shop.internal:8080); when not set, any public host over https",
    )
    file_retention_days: float = Field(
        default=90, ge=0, le=36_500, description="days that the files of an archived order stay, and uploads that no order uses"
    )
    render_ticket_key: SecretStr | None = Field(
        default=None,
        description="what render shares with whoever builds the buyers' form, at least 32 characters: it signs the tickets for "
        "uploads and previews, of which there are none without it "
        "(make one: python -c 'import secrets; print(secrets.token_urlsafe(32))')",
    )
    render_time_limit_s: float = Field(
        default=60, gt=0, le=3600, description="seconds that one print file may take to draw, at most 3600"
    )

    @field_validator("render_ticket_key")
    @classmethod
    def _is_long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 32:
            raise ValueError("it has fewer than 32 characters")
        return key

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.file_retention_days)
