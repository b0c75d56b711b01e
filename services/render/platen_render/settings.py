"""Every variable that render reads."""

import os
import re
from typing import Annotated

from platen_messaging.settings import ServiceSettings
from pydantic import AfterValidator, Field


def _web_address(text: str) -> str:
    if not re.match(r"https?://[^/?#\s]+[^?#\s]*$", text):
        raise ValueError("it is not the address of a web server")
    return text.rstrip("/")


def _spare_cores() -> int:
    return max(1, (os.cpu_count() or 1) - 1)


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
    render_time_limit_s: float = Field(
        default=60, gt=0, le=3600, description="seconds that one print file may take to draw, at most 3600"
    )
