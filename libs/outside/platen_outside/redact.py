"""Takes secrets out of whatever is logged or kept as a message: tokens, query strings, user info and the path of signed links."""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit

HIDDEN = "…"

_URL = re.compile(r"\bhttps?://[^\s\"'<>\\]+", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=:-]+", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<name>[\w-]*(?:token|secret|password|api_?key|consumer_key|signature|authorization)[\w-]*)(?P<mid>[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[^\s\"'&,;}]+)",
    re.IGNORECASE,
)
_WOO_KEY = re.compile(r"\b(c[ks])_[0-9a-f]{20,}\b")
_QUERY = re.compile(r"\?[\w%.~-]+=[^\s\"'<>\\]*")
_TOKEN_PATH = re.compile(r"(/f/)[^/\s\"'<>?#\\]+")


def redact(text: str) -> str:
    """`text` with the secrets replaced by an ellipsis; scheme, host and the plain part of a path stay, so that it still helps."""
    text = _URL.sub(lambda found: _plain(found.group()), text)
    text = _TOKEN_PATH.sub(rf"\1{HIDDEN}", text)
    text = _QUERY.sub(f"?{HIDDEN}", text)
    text = _CREDENTIALS.sub(rf"\1 {HIDDEN}", text)
    text = _WOO_KEY.sub(rf"\1_{HIDDEN}", text)
    return _NAMED.sub(lambda found: found["name"] + found["mid"] + HIDDEN, text)


def _plain(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN
    rest = f"?{HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{rest}"


class RedactingFilter(logging.Filter):
    """For loggers of libraries that write addresses down; put on by `redact_library_logs`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


def redact_library_logs() -> None:
    """httpx logs every address it asks at INFO, query string included. Safe to call twice."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, RedactingFilter) for one in logger.filters):
            logger.addFilter(RedactingFilter())
