"""Orders on a real Postgres: what is decided is what is stored, once, whoever else writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from platen_contracts import orders
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id, order_id
from platen_contracts.message import Message
from platen_contracts.orders import OrderChanged
from platen_contracts.subscribing import fold
from platen_messaging.databases import open_engine
from platen_messaging.desk import Desk
from platen_messaging.faults import is_transient
from platen_messaging.outcome import Applied, Ignored
from platen_messaging.records import Incoming
from platen_orders import store as store_module
from platen_orders.handlers import COMMANDS, FACTS
from platen_orders.model import Entry
from platen_orders.store import OrdersStore
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database

from . import world as w
from .world import ANN, NOON, ORDER


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = open_engine(await database("platen_orders"))
    yield made
    await made.dispose()


def _desk(engine: AsyncEngine, handlers: Any = FACTS) -> Desk[Entry]:
    return Desk(engine, OrdersStore(), handlers, "orders", lambda: NOON)


def _incoming(message: Message, message_id: str) -> Incoming:
    return Incoming(Meta(derived_id(message_id), type(message).TYPE, "test", "", NOON), message, "", "")


async def _rows(engine: AsyncEngine, query: str) -> Sequence[Any]:
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(query)).all()


async def _history(engine: AsyncEngine) -> list[OrderChanged]:
    rows = await _rows(engine, "select event::text from history order by order_id, version")
    return [OrderChanged.model_validate_json(row[0]) for row in rows]


async def test_row_topic_and_history_agree_to_the_byte(engine: AsyncEngine) -> None:
    await _desk(engine).apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(), "shop order")])
    ((outcome),) = await _desk(engine, COMMANDS).apply([_incoming(orders.Render(order_id=ORDER, actor=ANN), "render")])
    assert isinstance(outcome, Applied)
    (request,) = [it.message for it in outcome.messages if it.topic == "render.requests"]
    assert request is not None
    await _desk(engine).apply([_incoming(w.rendered(request), "rendered")])  # type: ignore[arg-type]

    ((snapshot, version),) = await _rows(engine, "select snapshot::text, version from orders")
    published = await _rows(
        engine, "select convert_from(value, 'UTF8') from outbox where topic = 'orders.status' order by id desc"
    )
    assert published[0][0] == snapshot
    history = await _history(engine)
    assert [event.version for event in history] == list(range(1, version + 1))
    assert fold(history) == json.loads(snapshot)
    sent = await _rows(engine, "select count(*) from outbox where topic = 'orders.history'")
    assert sent[0][0] == version


async def test_a_message_seen_again_changes_nothing(engine: AsyncEngine) -> None:
    desk = _desk(engine)
    twice = [_incoming(w.a_shop_order(), "shop order")] * 2
    first, second = await desk.apply(twice)
    assert isinstance(first, Applied)
    assert isinstance(second, Ignored)
    (again,) = await desk.apply(twice[:1])
    assert isinstance(again, Ignored)
    assert len(await _history(engine)) == 1


async def test_writers_that_race_for_one_shop_order_lose_nothing(engine: AsyncEngine) -> None:
    """Twenty writers with a store each, as in twenty processes, tell the parcels of one order."""
    await _desk(engine).apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(w.a_line(quantity=20)), "shop order")])
    (item,) = [row[0] for row in await _rows(engine, "select json_object_keys(state->'items') from orders")]
    await asyncio.gather(
        *(_desk(engine).apply([_incoming(w.shipped({item: 1}, parcel=f"p{n}"), f"parcel {n}")]) for n in range(20))
    )
    ((status, parcels),) = await _rows(
        engine, "select status, (select count(*) from json_object_keys(state->'parcels')) from orders"
    )
    assert (status, parcels) == ("Fulfilled", 20)
    versions = [event.version for event in await _history(engine)]
    assert versions == list(range(1, len(versions) + 1))


async def test_an_artwork_and_the_orders_that_wait_for_it_never_miss_each_other(engine: AsyncEngine) -> None:
    messages: list[Message] = [w.a_shop_order(shop_order_id=str(n)) for n in range(30)]
    messages.insert(15, w.MUG)

    async def until_applied(place: int) -> None:
        while True:
            try:
                await _desk(engine).apply([_incoming(messages[place], str(place))])
                return
            except DBAPIError as error:
                if not is_transient(error):  # a deadlock is, and a lane tries again too
                    raise

    await asyncio.gather(*map(until_applied, range(len(messages))))
    ((made, waiting),) = await _rows(engine, "select count(*), count(*) filter (where 'mug/1' = any(waits)) from orders")
    assert (made, waiting) == (30, 0)


async def test_a_shop_line_is_taken_in_once_for_ever(engine: AsyncEngine) -> None:
    await _desk(engine).apply([_incoming(w.a_shop_order(), "one")])
    await _desk(engine).apply([_incoming(w.a_shop_order(read=60), "two")])
    rows = await _rows(engine, "select shop_order, line_id, order_id from lines")
    assert [tuple(row) for row in rows] == [("mugs/1001", "1", order_id("mugs", "1001", "1"))]


async def test_what_a_rolled_back_transaction_made_of_an_order_is_not_remembered(engine: AsyncEngine) -> None:
    """The store keeps what it wrote in memory; a transaction that fails after the save must leave no trace there."""
    store = OrdersStore()
    desk = Desk(engine, store, FACTS, "orders", lambda: NOON)
    await desk.apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(w.a_line(quantity=9)), "shop order")])
    (item,) = [row[0] for row in await _rows(engine, "select json_object_keys(state->'items') from orders")]

    class Torn(OrdersStore):
        async def save(self, tx: Any, changed: Any, messages: Any) -> None:
            await store.save(tx, changed, messages)
            raise ConnectionError("torn after the save")

        async def load(self, tx: Any, keys: Any) -> Any:
            return await store.load(tx, keys)

    with pytest.raises(ConnectionError):
        await Desk(engine, Torn(), FACTS, "orders", lambda: NOON).apply([_incoming(w.shipped({item: 5}, parcel="p1"), "lost")])
    await desk.apply([_incoming(w.shipped({item: 1}, parcel="p2"), "kept")])
    ((parcels,),) = await _rows(engine, "select string_agg(key, ',') from orders, json_each(state->'parcels')")
    assert parcels == "p2"


async def test_what_another_process_made_of_an_order_is_read_again(engine: AsyncEngine) -> None:
    here, there = (Desk(engine, OrdersStore(), FACTS, "orders", lambda: NOON) for _ in range(2))
    await here.apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(w.a_line(quantity=9)), "shop order")])
    (item,) = [row[0] for row in await _rows(engine, "select json_object_keys(state->'items') from orders")]
    for n, desk in enumerate((here, there, here, there)):
        await desk.apply([_incoming(w.shipped({item: 1}, parcel=f"p{n}"), f"parcel {n}")])
    ((parcels, version),) = await _rows(
        engine, "select string_agg(key, ',' order by key), max(version) from orders, json_each(state->'parcels')"
    )
    assert parcels == "p0,p1,p2,p3"
    assert [event.version for event in await _history(engine)] == list(range(1, version + 1))


async def test_one_command_that_splits_an_order_writes_two_in_one_transaction(engine: AsyncEngine) -> None:
    lines = (w.a_line("1"), w.a_line("2", quantity=3))
    await _desk(engine).apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(*lines), "shop order")])
    keys = "select json_object_keys(state->'items') from orders"
    moved = (await _rows(engine, keys))[1][0]
    split = _incoming(orders.SplitOff(order_id=ORDER, actor=ANN, item_ids=[moved]), "split")
    bulk = [split, _incoming(orders.SplitLine(order_id=ORDER, actor=ANN, item_id="0" * 32, quantities=[1, 1]), "refused")]
    ((outcome), _) = await _desk(engine, COMMANDS).apply(bulk)
    assert isinstance(outcome, Applied)

    child = derived_id(split.meta.id, "order")
    rows = await _rows(engine, "select id, shop_order, state->>'number', snapshot::text, version from orders order by 3")
    assert [(row[0], row[1], row[2]) for row in rows] == [(ORDER, "mugs/1001", "#1001"), (child, "mugs/1001", "#1001-2")]
    told = "select key, topic, convert_from(value, 'UTF8') from outbox where value is not null order by id"
    published = {(row[0].decode(), row[1]): row[2] for row in await _rows(engine, told)}
    history = await _history(engine)
    for order_id_, _, _, snapshot, version in rows:
        assert published[order_id_, "orders.status"] == snapshot
        assert (order_id_, "orders.private") in published
        events = [event for event in history if event.order_id == order_id_]
        assert [event.version for event in events] == list(range(1, version + 1))
        assert fold(events) == json.loads(snapshot)
    assert (await _rows(engine, "select state->>'orders_made' from shop_orders"))[0][0] == "2"

    cancelled = w.a_shop_order(*lines, read=10, cancelled=True)
    await _desk(engine).apply([_incoming(cancelled, "cancelled")])
    assert {row[0] for row in await _rows(engine, "select status from orders")} == {"Archived"}


async def test_splits_that_race_take_a_number_each(engine: AsyncEngine) -> None:
    lines = [w.a_line(str(n)) for n in range(1, 10)]
    await _desk(engine).apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(*lines), "shop order")])
    items = [row[0] for row in await _rows(engine, "select json_object_keys(state->'items') from orders")]
    splits = [orders.SplitOff(order_id=ORDER, actor=ANN, item_ids=[item]) for item in items[1:]]
    await asyncio.gather(*(_desk(engine, COMMANDS).apply([_incoming(it, f"split {n}")]) for n, it in enumerate(splits)))
    numbers = {row[0] for row in await _rows(engine, "select state->>'number' from orders")}
    assert numbers == {"#1001", *(f"#1001-{n}" for n in range(2, 10))}


async def test_after_an_erasure_nothing_personal_is_left_in_the_rows(engine: AsyncEngine) -> None:
    await _desk(engine).apply([_incoming(w.MUG, "mug"), _incoming(w.a_shop_order(), "shop order")])
    await _desk(engine, COMMANDS).apply([_incoming(orders.Erase(order_id=ORDER, actor=w.ADA), "erase")])
    await _desk(engine).apply([_incoming(w.a_shop_order(read=60, buyer_note="gate code"), "again")])
    for table in ("orders", "shop_orders", "lines", "history"):
        rows = await _rows(engine, f"select row_to_json(t)::text from {table} t")
        text = " ".join(row[0] for row in rows)
        assert [secret for secret in ("Zoë", "Hauptstra", "10115", "gate code") if secret in text] == [], table
    last = await _rows(engine, "select value from outbox where topic = 'orders.private' order by id desc limit 1")
    assert last[0][0] is None


async def test_what_one_lane_pushes_out_of_memory_another_still_holds(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_ORDERS_IN_MEMORY", 5)
    monkeypatch.setattr(store_module, "_ARTWORKS_IN_MEMORY", 1)
    shared = OrdersStore()
    facts = Desk(engine, shared, FACTS, "orders", lambda: NOON)
    commands = Desk(engine, shared, COMMANDS, "orders", lambda: NOON)
    await facts.apply([_incoming(w.MUG, "mug")])
    shop_orders = [str(number) for number in range(8)]
    await facts.apply([_incoming(w.a_shop_order(shop_order_id=it), f"seen {it}") for it in shop_orders])
    ids = [order_id("mugs", it, "1") for it in shop_orders]

    async def edit(which: str, turn: int) -> Sequence[Any]:
        recipient = w.BERLIN.model_copy(update={"line2": f"floor {turn}"})
        command = orders.EditShipping(order_id=which, actor=ANN, recipient=recipient)
        return await commands.apply([_incoming(command, f"edit {which} {turn}")])

    for turn in range(4):
        outcomes = await asyncio.gather(*(edit(which, turn) for which in ids))
        assert all(isinstance(outcome, Applied) for (outcome,) in outcomes)


async def test_a_shop_is_compared_with_its_row_and_not_with_an_older_one_in_memory(engine: AsyncEngine) -> None:
    store = OrdersStore()
    desk = Desk(engine, store, FACTS, "orders", lambda: NOON)
    before, after = w.a_shop(auto_render=False), w.a_shop(auto_render=True)
    await desk.apply([_incoming(before, "before")])
    await desk.apply([_incoming(after, "after")])
    store._shops = {before.shop_id: before}  # what a transaction that began earlier may leave behind
    await desk.apply([_incoming(before, "before again")])
    async with engine.begin() as tx:
        assert await OrdersStore().read_shops(tx) == {before.shop_id: before}
