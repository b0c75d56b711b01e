"""Postgres addresses, as every setting gives them and as SQLAlchemy takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_STATEMENT_SECONDS = 60
"""A statement longer than this hangs: the server is gone, and its host did not even say so."""

_SESSION = {
    "idle_in_transaction_session_timeout": "60000",
    # A plan is made for each batch. One kept from when a queue was empty would read the whole table ever after.
    "plan_cache_mode": "force_custom_plan",
}
"""A frozen process gives its row locks back after a minute."""


class Driver(Protocol):
    """The part of asyncpg's connection that is used where SQLAlchemy's layer costs too much."""

    async def execute(self, query: str, *args: Any) -> str: ...
    async def fetch(self, query: str, *args: Any) -> Sequence[Sequence[Any]]: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]
    ) -> str: ...
    def is_in_transaction(self) -> bool: ...


async def driver_of(connection: AsyncConnection) -> Driver:
    """The asyncpg connection under `connection`; its statements commit one by one."""
    raw = await connection.get_raw_connection()
    return cast("Driver", raw.driver_connection)


async def begun(tx: AsyncConnection) -> Driver:
    """The asyncpg connection under `tx`, in its transaction: SQLAlchemy begins one with its own first statement only."""
    driver = await driver_of(tx)
    if not driver.is_in_transaction():
        await tx.exec_driver_sql("select")
    return driver


def database_url(text: str) -> URL:
    """The SQLAlchemy address of `postgresql://user[:pw]@host[:port]/db` or `postgresql:///db?host=/folder&user=role`.

    Raises `ValueError` saying what is wrong.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError("it is not an address like postgresql://user:password@host:5432/database") from None
    if url.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError(f"it begins with {url.drivername}://; postgresql:// is expected")
    if not url.database:
        raise ValueError("it names no database after the host")
    return url.set(drivername="postgresql+asyncpg")


def open_engine(text: str, *, pool_size: int = 8, pooled: bool = True) -> AsyncEngine:
    """An engine on that address, opened when first used. Its errors never show the values of a statement."""
    if not pooled:
        return create_async_engine(database_url(text), hide_parameters=True, poolclass=NullPool, connect_args={"timeout": 10})
    return create_async_engine(
        database_url(text),
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=10,
        connect_args={"timeout": 10, "command_timeout": _STATEMENT_SECONDS, "server_settings": _SESSION},
    )


def shown(text: str) -> str:
    """The address without its password, for people."""
    try:
        return make_url(text).render_as_string(hide_password=True)
    except ArgumentError:
        return "***" if "@" in text else text
