"""Timers on a real Postgres: saved with the order, found by whichever process comes first, decided once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from platen_contracts import orders
from platen_contracts.envelope import Meta, rfc3339
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.orders import OrderChanged
from platen_contracts.subscribing import fold
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_messaging.outcome import Applied
from platen_messaging.records import Incoming
from platen_orders.handlers import COMMANDS, FACTS, TIMERS
from platen_orders.poll import Poll
from platen_orders.store import OrdersStore
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database

from . import world as w
from .world import ANN, NOON, ORDER


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = open_engine(await database("platen_orders"))
    yield made
    await made.dispose()


_TOLD = count()


class Process:
    """One process of the service, as far as timers go. Its clock is set by hand."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.now = NOON
        self._engine, self._store = engine, OrdersStore()
        self._poll = Poll(engine, self._desk(TIMERS), self._store, lambda: self.now)

    async def tell(self, *messages: Message) -> list[Any]:
        return await self._apply(FACTS, messages)

    async def ask(self, command: orders.OrderCommand) -> Any:
        return (await self._apply(COMMANDS, [command]))[0]

    async def tick(self, seconds: float = 0) -> int:
        """Looks for timers, so many seconds after noon."""
        self.now = max(self.now, NOON + timedelta(seconds=seconds))
        return await self._poll.tick()

    def _desk(self, handlers: Any) -> Desk[Any]:
        return Desk(self._engine, self._store, handlers, "orders", lambda: self.now)

    async def _apply(self, handlers: Any, messages: Sequence[Message]) -> list[Any]:
        incoming: list[Incoming] = []
        for message in messages:
            meta = Meta(derived_id("told", next(_TOLD)), type(message).TYPE, "test", "", self.now)
            incoming.append(Incoming(meta, message, "", ""))
        return await self._desk(handlers).apply(incoming)


async def _rows(engine: AsyncEngine, query: str) -> Sequence[Any]:
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(query)).all()


async def _timers(engine: AsyncEngine) -> dict[str, str]:
    """As the rows say, and as the orders' states do: the two never differ."""
    rows = await _rows(engine, "select order_id, due_at from timers order by 1")
    states = await _rows(engine, "select id, state->>'timer' from orders where state->>'timer' is not null order by 1")
    found = {row[0]: rfc3339(row[1]) for row in rows}
    assert found == {row[0]: row[1] for row in states}
    return found


async def _attention(engine: AsyncEngine) -> list[str]:
    return [row[0] for row in await _rows(engine, "select json_object_keys(snapshot->'attention') from orders")]


async def _history(engine: AsyncEngine) -> list[OrderChanged]:
    rows = await _rows(engine, "select event::text from history order by order_id, version")
    return [OrderChanged.model_validate_json(row[0]) for row in rows]


async def test_a_timer_is_written_with_its_order_and_taken_away_when_its_cause_is_over(engine: AsyncEngine) -> None:
    process = Process(engine)
    _, _, made = await process.tell(w.MUG, w.a_shop(), w.a_shop_order())
    assert isinstance(made, Applied)
    assert await _timers(engine) == {ORDER: rfc3339(NOON + timedelta(minutes=30))}
    (request,) = [it.message for it in made.messages if it.topic == "render.requests"]
    await process.tell(w.rendered(request))  # type: ignore[arg-type]
    assert await _timers(engine) == {}


async def test_a_timer_strikes_once_though_two_processes_look_and_one_was_started_again(engine: AsyncEngine) -> None:
    shop_orders = [w.a_shop_order(shop_order_id=str(n)) for n in range(20)]
    await Process(engine).tell(w.MUG, w.a_shop(), *shop_orders)
    one, another = Process(engine), Process(engine)
    struck = await asyncio.gather(one.tick(1900), another.tick(1900), one.tick(1900), another.tick(1900))
    assert sum(struck) == 20
    assert await Process(engine).tick(9000) == 0
    assert len(await _attention(engine)) == 20
    assert await _timers(engine) == {}
    late = [event for event in await _history(engine) if event.cause.type == "platen.orders.TimerDue.v1"]
    assert len(late) == 20
    assert len({event.order_id for event in late}) == 20
    ((snapshots, versions),) = await _rows(
        engine,
        "select count(distinct key || (convert_from(value, 'UTF8')::json->>'version')), count(*) from outbox"
        " where topic = 'orders.status'",
    )
    assert snapshots == versions


async def test_a_process_that_died_over_a_timer_holds_it_up_no_longer_than_its_lease(engine: AsyncEngine) -> None:
    await Process(engine).tell(w.MUG, w.a_shop(), w.a_shop_order())
    async with engine.begin() as tx:
        await tx.exec_driver_sql("update timers set leased_until = now() + interval '1 hour'")
    process = Process(engine)
    assert await process.tick(1900) == 0
    async with engine.begin() as tx:
        await tx.exec_driver_sql("update timers set leased_until = now() - interval '1 second'")
    assert await process.tick(1900) == 1


async def test_a_scheduled_order_is_sent_by_whichever_process_looks_next(engine: AsyncEngine) -> None:
    process = Process(engine)
    *_, made = await process.tell(w.MUG, w.a_shop(auto_send_after_s=600), w.a_shop_order())
    (request,) = [it.message for it in made.messages if it.topic == "render.requests"]
    await process.tell(w.rendered(request))  # type: ignore[arg-type]
    assert await _timers(engine) == {ORDER: rfc3339(NOON + timedelta(seconds=600))}
    await asyncio.gather(Process(engine).tick(700), Process(engine).tick(700))
    ((sent,),) = await _rows(engine, "select count(*) from outbox where topic = 'dispatch.requests'")
    assert sent == 1
    assert await _timers(engine) == {ORDER: rfc3339(NOON + timedelta(seconds=700 + 3600))}


async def test_orders_made_before_their_shop_was_known_are_seen_to_in_any_interleaving(engine: AsyncEngine) -> None:
    """Twenty writers and the shop's own, each a process of its own: whoever commits last, no order waits for ever."""
    await Process(engine).tell(w.MUG)
    tellings = [Process(engine).tell(w.a_shop_order(shop_order_id=str(n))) for n in range(20)]
    await asyncio.gather(*tellings[:10], Process(engine).tell(w.a_shop()), *tellings[10:])
    process = Process(engine)
    while await process.tick(1):
        pass
    ((made, waiting),) = await _rows(engine, "select count(*), count(waits) from orders")
    ((asked,),) = await _rows(engine, "select count(*) from outbox where topic = 'render.requests'")
    assert (made, waiting, asked) == (20, 0, 20)
    history = await _history(engine)
    for order_id, snapshot in await _rows(engine, "select id, snapshot from orders"):
        assert fold(event for event in history if event.order_id == order_id) == snapshot


async def test_a_timer_of_an_order_that_is_gone_is_dropped(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        await tx.exec_driver_sql("insert into timers (order_id, due_at) values ($1, $2)", ("0" * 32, NOON - timedelta(days=1)))
    assert await Process(engine).tick() == 1
    assert await _rows(engine, "select order_id from timers") == []


async def test_a_policy_that_another_process_heard_of_is_heeded(engine: AsyncEngine) -> None:
    here, there = Process(engine), Process(engine)
    await here.tell(w.MUG, w.a_shop(auto_render=False), w.a_shop_order())
    await there.tell(w.a_shop())
    await here.tick()
    await here.ask(orders.Archive(order_id=ORDER, actor=ANN))
    await here.ask(orders.Unarchive(order_id=ORDER, actor=ANN))
    ((asked,),) = await _rows(engine, "select count(*) from outbox where topic = 'render.requests'")
    assert asked == 1
