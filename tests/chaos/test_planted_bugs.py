"""The auditor is not blind: bugs of the kind it is there for are planted, one at a time, and each is caught."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import platen_orders.decide.change
import platen_orders.decide.commands
import platen_orders.handlers
import platen_orders.store
import pytest
from platen_contracts.common import Actor
from platen_contracts.envelope import Meta, encode, encode_headers
from platen_contracts.ids import order_id
from platen_contracts.orders import Archive, Render, Unarchive
from platen_dispatch.decide import plan as planning
from platen_dispatch.gateway.turn import VendorTurn
from platen_messaging import inbox, outbox
from platen_messaging.batches import Batches, Tally
from platen_messaging.kafka import Producer, Sendable, partition_of_key
from platen_messaging.outcome import Outgoing
from platen_messaging.processor import Processor
from platen_messaging.records import DeadLetter
from platen_messaging.sending import Sender
from platen_orders.store import OrdersStore
from platen_sandbox.testing import running_sandbox
from platen_sandbox.vendor.service import VendorOrders
from platen_vendors.model import Absent

from tests.dispatch.asked import ORDER as DISPATCHED
from tests.dispatch.asked import VENDOR, requested, vendor
from tests.orders.world import MUG, a_shop_order
from tests.support import until

from .hall import Hall

ANN = Actor(kind="operator", name="ann")


def the_order(number: int) -> str:
    return order_id("mugs", f"{number}", "1")


async def observe(hall: Hall, *numbers: int) -> None:
    """One shop order each, with the artwork known before."""
    await hall.send("catalog.artworks", "mug/1", MUG)
    for number in numbers:
        await hall.send("sync.orders", f"mugs/{number}", a_shop_order(shop_order_id=f"{number}"))


async def made(hall: Hall, number: int) -> None:
    """Commands and facts are lanes of their own: a command that should find its order waits for it."""

    async def there() -> bool:
        return any(it["order_id"] == the_order(number) for it in await hall.bodies("orders.status"))

    await until(there)


async def test_an_honest_service_breaks_no_promise(hall: Hall) -> None:
    await observe(hall, 1, 2, 3)
    await hall.start("orders")
    await made(hall, 1)
    await hall.send("orders.commands", the_order(1), Archive(order_id=the_order(1), actor=ANN))
    await hall.send("orders.commands", the_order(1), Unarchive(order_id=the_order(1), actor=ANN))

    async def all_there() -> bool:
        return (await hall.verdict()).counts["versions"] >= 5

    await until(all_there)
    verdict = await hall.clean()
    assert verdict.counts["orders"] == 3


async def test_a_relay_that_reads_by_a_cursor_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    read, highest = Sender._read, 0

    async def after_the_last(self: Sender, session: Any) -> Sequence[Any]:
        nonlocal highest
        rows = [row for row in await read(self, session) if row.id > highest]
        highest = max([highest, *(row.id for row in rows)])
        return rows

    monkeypatch.setattr(Sender, "_read", after_the_last)
    running = await hall.start("orders")
    async with running.service.engine.begin() as slow:
        late = Outgoing("orders.commands", "k" * 32, Archive(order_id=the_order(9), actor=ANN), "late")
        await running.service.post([late], tx=slow)
        await observe(hall, 1)
        await made(hall, 1)
    await hall.broken("I5", "stays in the outbox of orders")


async def test_offsets_that_go_ahead_of_the_batch_are_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    settle, fails = Batches.settle, 1

    async def first_time_away(self: Batches[Any], records: Sequence[Any]) -> Tally:
        nonlocal fails
        if records[0].topic.endswith("sync.orders") and fails:
            fails -= 1
            raise RuntimeError("the process hangs up here")
        return await settle(self, records)

    monkeypatch.setattr(Batches, "settle", first_time_away)
    monkeypatch.setattr(Processor, "_back_to", lambda *_: None)
    await hall.start("orders")
    await observe(hall, 1)
    await asyncio.gather(*(hall.send("sync.orders", "mugs/1", a_shop_order(shop_order_id="1", read=n)) for n in range(1, 4)))
    await hall.broken("I7", "is neither in the inbox nor in the dead letters of orders")


async def test_an_inbox_outside_the_transaction_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    running = await hall.start("orders")
    remember, save, fails = inbox.remember, OrdersStore.save, 1

    async def on_its_own(tx: Any, ids: Any, now: Any) -> set[str]:
        async with running.service.engine.begin() as own:
            return await remember(own, ids, now)

    async def goes_away_once(self: OrdersStore, tx: Any, changed: Mapping[str, Any], messages: Sequence[Outgoing]) -> None:
        nonlocal fails
        if any(key.startswith("shop-order:") for key in changed) and fails:
            fails -= 1
            raise ConnectionResetError("gone")
        await save(self, tx, changed, messages)

    monkeypatch.setattr(inbox, "remember", on_its_own)
    monkeypatch.setattr(OrdersStore, "save", goes_away_once)
    await observe(hall, 1)
    await hall.broken("I1", "line 1 of shop order mugs/1 is in no order")


async def test_a_publish_before_the_commit_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    running = await hall.start("orders")
    insert = outbox.insert

    async def at_once(tx: Any, rows: Sequence[outbox.Row]) -> None:
        async with running.service.engine.begin() as own:
            await insert(own, rows)
        if any(row.topic == "orders.history" for row in rows):
            raise RuntimeError("the transaction fails after all")

    monkeypatch.setattr(outbox, "insert", at_once)
    await observe(hall, 1)
    await hall.broken("I8", f"order {the_order(1)} was told of, and is not there")


async def test_a_message_that_was_never_committed_is_caught(hall: Hall) -> None:
    await hall.start("orders")
    meta = Meta("f" * 32, Archive.TYPE, "orders", the_order(1), datetime.now(UTC))
    await hall.produce([("render.requests", b"k", b"{}", encode_headers(meta))])
    await hall.broken("I8", "was sent by orders and never committed")


async def test_a_row_moved_without_its_acknowledgement_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    send_all = Producer.send_all

    async def loses_history(self: Producer, records: Sequence[Sendable]) -> list[asyncio.Future[object]]:
        futures = await send_all(self, [record for record in records if not record.topic.endswith("orders.history")])
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        sent = iter(futures)
        return [done if record.topic.endswith("orders.history") else next(sent) for record in records]

    monkeypatch.setattr(Producer, "send_all", loses_history)
    await hall.start("orders")
    await observe(hall, 1)
    await hall.broken("I1", "and it is not on orders.history")


async def test_a_relay_that_mixes_up_the_order_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Sender._read

    async def backwards(self: Sender, session: Any) -> Sequence[Any]:
        return list(reversed(await read(self, session)))

    monkeypatch.setattr(Sender, "_read", backwards)
    running = await hall.start("orders", wait=False)
    await observe(hall, 1)
    for command in (Archive(order_id=the_order(1), actor=ANN), Unarchive(order_id=the_order(1), actor=ANN)):
        await hall.send("orders.commands", the_order(1), command)
    await running.ready()
    messages = [
        Outgoing("orders.commands", the_order(1), Render(order_id=the_order(1), actor=ANN, expected_version=n), f"{n:032x}")
        for n in (1, 2, 3)
    ]
    await running.service.post(messages)
    await hall.broken("I4", "came behind a later one of its key")


async def test_a_missing_row_lock_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lanes at one order at once. Without its lock nothing but the history's own key stands between them: that goes too."""
    for name, words in vars(platen_orders.store).items():
        if isinstance(words, str) and "for update" in words:
            monkeypatch.setattr(platen_orders.store, name, words.replace("for update", ""))
    running = await hall.start("orders")
    async with running.service.engine.begin() as tx:
        await tx.exec_driver_sql("alter table history drop constraint history_pkey")
    await observe(hall, 1)
    await made(hall, 1)
    load = OrdersStore.load
    both = asyncio.Barrier(2)

    async def together(self: OrdersStore, tx: Any, keys: Sequence[str]) -> dict[str, Any]:
        states = await load(self, tx, keys)
        if the_order(1) in states:
            async with asyncio.timeout(20):
                await both.wait()
        return states

    monkeypatch.setattr(OrdersStore, "load", together)
    await asyncio.gather(
        hall.send("orders.commands", the_order(1), Archive(order_id=the_order(1), actor=ANN)),
        hall.send("sync.orders", "mugs/1", a_shop_order(shop_order_id="1", read=5, buyer_note="and a ribbon")),
    )
    await hall.broken("I4", "its table and the row at version")


async def test_a_dead_letter_that_swallows_its_neighbours_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_of_them(
        self: Batches[Any], incoming: Sequence[Any], dead: Sequence[DeadLetter], failure: Exception, tally: Tally
    ) -> None:
        await self._settle((), [*dead, *(DeadLetter(it.record, it.topic, str(failure)) for it in incoming)], tally)

    monkeypatch.setattr(Batches, "_divide", all_of_them)
    await observe(hall, 1, 2)
    beside = partition_of_key(b"mugs/1", 12)
    name = next(name for name in (f"a\x00{it}" for it in count()) if partition_of_key(f"mugs/{name}".encode(), 12) == beside)
    guilty = a_shop_order(shop_order_id=name)
    headers = encode_headers(Meta("a" * 32, guilty.TYPE, "test", "", datetime.now(UTC)))
    await hall.produce([("sync.orders", f"mugs/{name}".encode(), encode(guilty), headers)])
    await hall.start("orders", wait=False)
    await hall.broken("I7", "which nothing was wrong with")
    await hall.broken("I1", "line 1 of shop order mugs/1 is in no order")


async def test_a_skipped_edge_and_a_wrong_way_back_are_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    history = platen_orders.decide.change._history

    def lies(order: Any, was: Any, *rest: Any) -> Any:
        told = history(order, was, *rest)
        if was != "Archived":
            return told
        return told._replace(value=(told.value or b"").replace(b'"to":"New"', b'"to":"Fulfilled"'))

    monkeypatch.setattr(platen_orders.decide.change, "_history", lies)
    await hall.start("orders")
    await observe(hall, 1)
    await made(hall, 1)
    for command in (Archive(order_id=the_order(1), actor=ANN), Unarchive(order_id=the_order(1), actor=ANN)):
        await hall.send("orders.commands", the_order(1), command)
    await hall.broken("I3", "crosses Archived → Fulfilled, which is no edge")
    await hall.broken("I6", "unarchives to Fulfilled; it was New before")


async def test_a_command_without_a_reply_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = outbox.insert

    async def silent(tx: Any, rows: Sequence[outbox.Row]) -> None:
        await insert(tx, [row for row in rows if row.topic != "orders.replies"])

    monkeypatch.setattr(outbox, "insert", silent)
    await hall.start("orders")
    await hall.send("orders.commands", the_order(1), Archive(order_id=the_order(1), actor=ANN))
    await hall.broken("I7", "has 0 replies")


@pytest.fixture
def no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that takes an external id twice."""
    create = VendorOrders.create

    def forgetful(self: VendorOrders, account: Any, given: Any, *rest: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(type(self._world), "vendor_order", lambda *_: None)
            return create(self, account, given, *rest)

    monkeypatch.setattr(VendorOrders, "create", forgetful)


async def send_through_a_lost_reply(hall: Hall, sandbox: Any) -> None:
    """A request whose first creation at the vendor gets no answer."""
    hall.sandbox = sandbox.url
    await sandbox.fault(f"vendor/{VENDOR}", "drop_reply", match={"method": "POST", "path": "/orders"}, times=1)
    await hall.start("dispatch")
    await hall.send("catalog.vendors", VENDOR, vendor(url=sandbox.vendor(VENDOR), absence_gap_s=0.1))
    await hall.send("dispatch.requests", DISPATCHED, requested())


async def test_an_honest_dispatch_finds_what_it_lost(hall: Hall, no_check: None) -> None:
    async with running_sandbox(pace=None) as sandbox:
        await send_through_a_lost_reply(hall, sandbox)

        async def accepted() -> bool:
            return bool(await hall.bodies("dispatch.results", "DispatchAccepted"))

        await until(accepted)
        verdict = await hall.clean()
        await hall.close()
    assert verdict.counts["vendor orders"] == 1


async def test_a_retry_without_a_lookup_is_caught(hall: Hall, no_check: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def finds_nothing(self: VendorTurn) -> Absent:
        return Absent(self.now())

    monkeypatch.setattr(VendorTurn, "_look", finds_nothing)
    async with running_sandbox(pace=None) as sandbox:
        await send_through_a_lost_reply(hall, sandbox)
        await confirm_all(hall, sandbox)
        await hall.broken("I2", "were alive at once")
        await hall.close()


async def test_a_key_for_each_attempt_is_caught(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_key(ledger: Any, generation: Any, now: Any) -> Any:
        honest = planning.plan(ledger, generation, now)
        order = dataclasses.replace(honest.order, external_id=f"{honest.order.external_id[:25]}{generation.turn}")
        return dataclasses.replace(honest, order=order)

    monkeypatch.setattr("platen_dispatch.worker.work.plan", another_key)
    async with running_sandbox(pace=None) as sandbox:
        # The turn itself looks too: only one that cannot see the vendor at all leaves it to the next, with another key.
        await sandbox.fault(f"vendor/{VENDOR}", "error", match={"method": "GET"}, times=3)
        await send_through_a_lost_reply(hall, sandbox)
        await confirm_all(hall, sandbox)
        await hall.broken("I2", "were alive at once")
        await hall.close()


async def confirm_all(hall: Hall, sandbox: Any) -> None:
    """The vendor's staff confirm whatever draft lies there, once there are two."""

    async def two() -> list[dict[str, Any]]:
        found = (await sandbox.ledger(account=VENDOR))["orders"]
        return found if len(found) > 1 else []

    for entry in await until(two):
        if not entry["live"]:
            headers = {"Authorization": f"Bearer token-{VENDOR}"}
            await sandbox.control.post(f"/vendors/{VENDOR}/orders/{entry['id']}/confirm", headers=headers)
