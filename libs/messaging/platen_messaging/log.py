"""Log lines: one JSON object (or one readable line) each, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any, Literal

import structlog
from platen_contracts.envelope import Meta
from structlog.typing import Processor

_MINUTE = 60.0

Logger = structlog.stdlib.BoundLogger


def logger(part: str) -> Logger:
    """A logger whose lines name the part of the service they come from."""
    return structlog.stdlib.get_logger(part=part)


def configure(style: Literal["json", "text"], service: str, level: int = logging.INFO) -> None:
    """Every log line of the process, libraries' too, looks alike and names the service."""
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _naming(service),
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(style)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in ("aiokafka", "faststream", "alembic", "uvicorn"):
        logging.getLogger(library).setLevel(logging.ERROR)
    handler.addFilter(_Seldom())


def about(order: str, cause: Meta | None) -> dict[str, str]:
    """The fields by which lines of all services find each other: the order, the message that led here, the work it belongs to."""
    if cause is None:
        return {"order": order}
    return {"order": order, "message": cause.id, "correlation": cause.correlation_id or cause.id}


class _Seldom(logging.Filter):
    """Lets a library say the same at most once a minute; that a broker is away, health tells."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(("aiokafka", "faststream")):
            return True
        words = str(record.msg)
        if words.startswith("Unable connect to"):
            return False
        said, self._said[record.name, words] = self._said.get((record.name, words), -_MINUTE), record.created
        return record.created - said >= _MINUTE


def _naming(service: str) -> Processor:
    def name(_logger: Any, _method: str, event: Any) -> Any:
        event["service"] = service
        return event

    return name


def _rendering(style: str) -> list[Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if style == "json":
        return [drop, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [drop, structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)]
