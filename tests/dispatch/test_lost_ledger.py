"""Dispatch whose database was lost, or set back: what it no longer knows is looked for, never sent again."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from platen_cli.recovery.reading import read
from platen_contracts.dispatch import DispatchAccepted, DispatchRefused, DispatchResult, DispatchWithdrawn
from platen_contracts.envelope import Meta, decode, encode, encode_headers
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.topics import MESSAGES
from platen_dispatch.decide import facts
from platen_dispatch.main import build
from platen_dispatch.settings import Settings
from platen_messaging.databases import open_engine
from platen_sandbox.testing import Sandbox, running_sandbox
from pydantic import SecretStr

from tests.conftest import Database, Topics
from tests.running import Running
from tests.support import until

from .asked import VENDOR, requested, vendor, withdraw
from .conftest import now
from .world import World

TABLES = "inbox, outbox, outbox_sent, ledger, vendors, places"


def doubted_world() -> World:
    world = World()
    world.hear(requested(), doubted=True)
    return world


def test_a_doubted_request_that_the_vendor_has_is_accepted_without_sending() -> None:
    world = doubted_world()
    plan = world.begin()
    assert plan is not None
    assert (plan.look_first, plan.create) == (True, False)
    world.taken()
    assert world.words() == ["Accepted"]


def test_a_doubted_request_that_is_absent_twice_is_refused_and_not_sent() -> None:
    world = doubted_world()
    for _ in range(2):
        plan = world.begin()
        assert plan is not None
        assert not plan.create
        world.end(facts.Missing, as_of=world.now)
        world.wait_for_turn() if world.ledger.due else None
    refused = world.told[-1]
    assert isinstance(refused, DispatchRefused)
    assert refused.code == "record_lost"
    assert "Started" not in world.words()


def test_a_doubted_request_is_looked_for_under_every_number_up_to_the_first_that_is_absent() -> None:
    world = doubted_world()
    for number in (1, 2):
        plan = world.begin()
        assert plan is not None
        assert (plan.submission, plan.create) == (number, False)
        world.end(facts.Gone, submission=number)
        world.wait_for_turn()
    plan = world.begin()
    assert plan is not None
    assert plan.submission == 3
    world.taken()
    assert world.words() == ["Accepted"]


@pytest.mark.parametrize("withdrawn_first", [True, False])
def test_a_doubted_request_that_was_withdrawn_is_looked_for_before_that_is_said(withdrawn_first: bool) -> None:
    world = World()
    messages = [withdraw(), requested()] if withdrawn_first else [requested(), withdraw()]
    for message in messages:
        world.hear(message, doubted=True)
    assert world.words() == []
    for _ in range(2):
        plan = world.begin()
        assert plan is not None
        assert (plan.create, plan.remove) == (False, True)
        world.end(facts.Missing, as_of=world.now)
        world.wait_for_turn() if world.ledger.due else None
    assert isinstance(world.told[-1], DispatchWithdrawn)


@dataclass
class Service:
    """Dispatch on the real broker and database, with a vendor that keeps books."""

    kafka: str
    prefix: str
    database: str
    sandbox: Sandbox
    link: str

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        settings = Settings(
            kafka=self.kafka,
            database=self.database,
            topic_prefix=self.prefix,
            vendor_secrets={VENDOR: {"token": SecretStr(f"token-{VENDOR}")}},  # type: ignore[dict-item]
        )
        stop = asyncio.Event()
        dispatch = build(settings)
        running = Running(dispatch, stop, asyncio.ensure_future(dispatch.serve(stop)))
        try:
            yield running
        finally:
            await running.end()

    async def send(self, topic: str, key: str, message: Message) -> None:
        meta = Meta(secrets.token_hex(16), message.TYPE, "test", key, now())
        async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
            await producer.send_and_wait(self.prefix + topic, encode(message), key=key.encode(), headers=encode_headers(meta))

    async def ask(self, *order_ids: str) -> None:
        for order_id in order_ids:
            await self.send("dispatch.requests", order_id, requested(1, order_id, link=self.link))

    async def answers(self, count: int) -> dict[str, list[DispatchResult]]:
        """What was said that ends a generation, by order, once there is so much of it."""

        async def enough() -> dict[str, list[DispatchResult]]:
            found: dict[str, list[DispatchResult]] = {}
            async for record in read(self.kafka, [self.prefix + "dispatch.results"]):
                result = decode(record.value, record.headers, MESSAGES)
                if isinstance(result, DispatchAccepted | DispatchRefused | DispatchWithdrawn):
                    found.setdefault(result.order_id, []).append(result)
            return found if sum(map(len, found.values())) >= count else {}

        return await until(enough, 100)

    async def books(self) -> list[dict[str, Any]]:
        return (await self.sandbox.ledger(account=VENDOR))["orders"]

    async def writes(self) -> int:
        """Calls at the vendor that could change something, reads left aside."""
        calls = (await self.sandbox.ledger(account=VENDOR))["calls"]
        return sum(call["method"] != "GET" for call in calls)

    async def copy(self) -> None:
        """A backup of everything, made while nothing is left to send: what it held of that would be sent again, and counted."""

        async def nothing_waits() -> bool:
            return await self.query("select count(*) from outbox") == 0

        await until(nothing_waits)
        for table in TABLES.split(", "):
            await self.query(f"create table copy_of_{table} as table {table}")

    async def restore(self) -> None:
        statements = [f"truncate {TABLES}"]
        for table in TABLES.split(", "):
            overriding = "overriding system value" if table == "outbox" else ""
            statements.append(f"insert into {table} {overriding} select * from copy_of_{table}")
        await self.query(*statements)

    async def paused_with(self, order_id: str) -> None:
        """Asks for an order that the vendor has no time for, and returns once that is said."""
        await self.sandbox.fault(f"vendor/{VENDOR}", "throttle", params={"retry_after": 60})
        await self.ask(order_id)

        async def waits() -> bool:
            said = [record async for record in read(self.kafka, [self.prefix + "dispatch.results"])]
            return any(b"throttled" in (record.value or b"") for record in said if record.key == order_id.encode())

        await until(waits)

    async def query(self, *statements: str) -> Any:
        """In one transaction; what the last one finds first."""
        engine = open_engine(self.database, pooled=False)
        try:
            async with engine.begin() as tx:
                for statement in statements[:-1]:
                    await tx.exec_driver_sql(statement)
                found = await tx.exec_driver_sql(statements[-1])
                return found.scalar() if found.returns_rows else None
        finally:
            await engine.dispose()

    async def waits_for_a_lock(self) -> bool:
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return await self.query(waiting) > 0

    async def kept(self, count: int) -> None:
        """Returns once the place of that many requests is kept."""

        async def all_of_them() -> bool:
            return await self.query("select sum(next) from places where lane = 'requests'") == count

        await until(all_of_them)


@pytest.fixture
async def service(
    database: Database, topics: Topics, kafka_bootstrap: str, topic_prefix: str, link: str
) -> AsyncIterator[Service]:
    await topics("dispatch.requests", "catalog.vendors", "dispatch.results", "dispatch.dead-letter")
    async with running_sandbox(pace=None) as sandbox:
        service = Service(kafka_bootstrap, topic_prefix, await database("platen_dispatch"), sandbox, link)
        await service.send("catalog.vendors", VENDOR, vendor(url=sandbox.vendor(VENDOR), absence_gap_s=0.3))
        yield service


async def test_with_its_database_emptied_nothing_is_printed_twice_and_everything_is_answered(service: Service) -> None:
    sent = [derived_id("sent", number) for number in range(3)]
    async with service.running():
        await service.ask(*sent)
        await service.answers(3)
    printed, created = await service.books(), await service.writes()
    await service.query(f"truncate {TABLES}")
    fresh = derived_id("fresh")
    async with service.running():
        answered = await service.answers(6)
        assert all(isinstance(answer, DispatchAccepted) for order_id in sent for answer in answered[order_id])
        assert [order["id"] for order in await service.books()] == [order["id"] for order in printed]
        assert await service.writes() == created
        # What comes now is sent as ever.
        await service.ask(fresh)
        await service.answers(7)
    assert len([order for order in await service.books() if order["live"]]) == 4


async def test_with_its_database_set_back_what_came_since_is_looked_for_and_what_never_was_sent_is_refused(
    service: Service,
) -> None:
    before, since, never = derived_id("before"), derived_id("since"), derived_id("never")
    async with service.running():
        await service.ask(before)
        await service.answers(1)
    await service.copy()
    async with service.running():
        await service.ask(since)
        await service.answers(2)
        await service.paused_with(never)
    await service.restore()
    async with service.running():
        answered = await service.answers(4)
    assert [type(answer) for answer in answered[since]] == [DispatchAccepted, DispatchAccepted]
    assert [json.loads(answer.model_dump_json())["code"] for answer in answered[never]] == ["record_lost"]
    assert len([order for order in await service.books() if order["live"]]) == 2


async def test_with_its_database_set_back_while_it_runs_it_notices_with_the_next_request(service: Service) -> None:
    before, since, fresh = derived_id("before"), derived_id("since"), derived_id("fresh")
    async with service.running():
        await service.ask(before)
        await service.answers(1)
        await service.kept(1)
        await service.copy()
        await service.ask(since)
        await service.answers(2)
        await service.kept(2)
        await service.restore()
        await service.ask(fresh)
        answered = await service.answers(4)
    assert [type(answer) for answer in answered[since]] == [DispatchAccepted, DispatchAccepted]
    # What came with the noticing is doubted if it was still open then: it was sent, or it was not and that is said.
    (last,) = answered[fresh]
    sent = isinstance(last, DispatchAccepted)
    assert sent or (isinstance(last, DispatchRefused) and last.code == "record_lost")
    assert len([order for order in await service.books() if order["live"]]) == 2 + sent


async def test_with_its_database_set_back_the_worker_sends_nothing_before_the_lane_has_found_its_place(service: Service) -> None:
    order = derived_id("withdrawn")
    async with service.running():
        await service.paused_with(order)
        await service.kept(1)
    await service.copy()
    await service.send("dispatch.requests", order, withdraw(1, order))
    async with service.running():
        await service.answers(1)
        await service.kept(2)
    await service.restore()
    # What stands there now: an order that waits to be sent, at a vendor that has time for it.
    writes = await service.writes()
    await service.query("update vendors set paused_until = now()")
    await service.query("update ledger set due = now()")
    engine = open_engine(service.database, pooled=False)
    async with engine.begin() as tx:
        await tx.exec_driver_sql("select * from places where lane = 'requests' for update")
        async with service.running() as dispatch:
            await until(service.waits_for_a_lock)
            assert not dispatch.service.in_place("requests")
            assert await service.writes() == writes
            await tx.rollback()
            answered = await service.answers(2)
    await engine.dispose()
    # Withdrawn again, or refused as `record_lost` where it was looked for before the lane came to the withdrawal.
    assert not any(isinstance(answer, DispatchAccepted) for answer in answered[order])
    assert await service.books() == []
