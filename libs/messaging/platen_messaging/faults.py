"""Which failures pass if one waits, and how a failure is told on one line."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .kafka import KafkaError

_PASSING = ("08", "53", "57")
"""SQLSTATE classes: connection, resources, operator intervention."""

_PASSING_STATES = frozenset({"40001", "40P01", "55P03", "25006", "25P03"})
"""Serialisation failure, deadlock, lock not available, read-only (a standby being promoted), idle in a transaction too long."""

_QUOTED, _UNQUOTED = re.compile(r"(query argument \$\d+( in element #\d+ of executemany\(\) sequence)?): .*"), r"\1"

_BROKEN_CONNECTION = frozenset({"InterfaceError", "InternalClientError"})
"""asyncpg's own words for a connection that is gone, or was torn in the middle of a statement; they come without a SQLSTATE."""

UNIQUE_VIOLATION = "23505"


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a database error, from SQLAlchemy or from asyncpg itself."""
    state = getattr(_origin(error), "sqlstate", None)
    return state if isinstance(state, str) else None


def is_transient(error: BaseException) -> bool:
    """True if the same work may succeed later, whatever it is: never a reason for a dead letter."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state is not None:
        return state in _PASSING_STATES or state.startswith(_PASSING)
    # TimeoutError is an OSError. By exact name: asyncpg's DataError, which never passes, is an InterfaceError too.
    origin = _origin(error)
    return isinstance(origin, (OSError, PoolTimeout)) or type(origin).__name__ in _BROKEN_CONNECTION


def _origin(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def is_kafka_fault(error: BaseException) -> bool:
    """True if Kafka is away or does not want this now."""
    return isinstance(error, (KafkaError, OSError))


def told(error: BaseException) -> str:
    """One line on `error`: its kind and the first line of its words, without the values that asyncpg quotes."""
    origin = _origin(error)
    words = str(origin).strip().splitlines()
    name = type(error).__name__ if isinstance(error, DBAPIError) else type(origin).__name__
    return f"{name}: {_QUOTED.sub(_UNQUOTED, words[0])[:500]}" if words else name
