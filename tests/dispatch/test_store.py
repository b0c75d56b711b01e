"""Ledgers, vendors and claims on a real Postgres."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from platen_contracts.dispatch import DispatchStarted
from platen_contracts.ids import derived_id
from platen_dispatch.decide import facts
from platen_dispatch.worker import Worker
from platen_messaging.outcome import Applied, Ignored
from platen_messaging.tables import TABLES
from platen_vendors.accounts import Accounts

from .asked import ORDER, VENDOR, requested, vendor, withdraw
from .conftest import Office, now

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def began(generation: int = 1, turn: int = 1, order_id: str = ORDER) -> facts.TurnBegan:
    return facts.TurnBegan(order_id=order_id, vendor_id=VENDOR, generation=generation, turn=turn, lease_until=now() + MINUTE)


async def begin(office: Office, fact: facts.TurnBegan) -> object:
    fact_id = derived_id(fact.order_id, fact.generation, fact.turn)
    return (await office.turns.apply([office.turns.fact(fact, fact_id, fact.order_id)]))[0]


async def test_what_is_asked_is_there_again_as_it_was(office: Office) -> None:
    await office.hear(vendor(), requested())
    ledger = await office.ledger()
    assert ledger.generations[1].asked == requested()
    assert (ledger.vendor_id, ledger.lease) == (VENDOR, None)
    assert ledger.due is not None


async def test_many_messages_of_one_order_in_one_batch_see_each_other(office: Office) -> None:
    outcomes = await office.hear(vendor(), requested(), withdraw(), requested(2), requested(2))
    assert [type(outcome) for outcome in outcomes] == [Applied, Applied, Applied, Applied, Ignored]
    assert await office.words() == ["Withdrawn"]
    assert (await office.ledger()).latest == 2


async def test_in_a_database_that_was_set_back_everything_that_is_open_is_doubted_and_nothing_that_has_ended(
    office: Office,
) -> None:
    waiting, under_way, over = derived_id("waiting"), derived_id("under way"), derived_id("over")
    await office.hear(vendor(), *(requested(1, order) for order in (waiting, under_way, over)), withdraw(1, over))
    await begin(office, began(order_id=under_way))
    async with office.engine.begin() as tx:
        await office.store.doubt(tx)
    doubted = [(await office.ledger(order)).generations[1].doubted for order in (waiting, under_way, over)]
    assert doubted == [True, True, False]


async def test_an_order_is_claimed_once_and_again_only_after_its_time(office: Office) -> None:
    await office.hear(vendor(), requested())
    moment = now()
    (claim,) = await office.claims.take(moment, MINUTE, 8, [], 7)
    assert (claim.ledger.order_id, claim.vendor) == (ORDER, vendor())
    assert await office.claims.take(moment, MINUTE, 8, [], 7) == []
    assert len(await office.claims.take(moment + 2 * MINUTE, MINUTE, 8, [], 7)) == 1


async def test_claims_that_race_never_get_the_same_order(office: Office) -> None:
    orders = [derived_id("order", number) for number in range(40)]
    await office.hear(vendor(), *(requested(1, order) for order in orders))
    moment = now()
    taken = await asyncio.gather(*(office.claims.take(moment, MINUTE, 10, [], 100) for _ in range(6)))
    claimed = [claim.ledger.order_id for claims in taken for claim in claims]
    assert len(claimed) == len(set(claimed))
    rest = await office.claims.take(moment, MINUTE, 40, [], 100)
    assert {*claimed, *(claim.ledger.order_id for claim in rest)} == set(orders)


async def test_a_turn_is_begun_once_however_often_it_is_tried(office: Office) -> None:
    await office.hear(vendor(), requested())
    outcomes = await asyncio.gather(*(begin(office, began()) for _ in range(4)))
    assert [isinstance(outcome, Applied) for outcome in outcomes].count(True) == 1
    (event,) = await office.told()
    assert isinstance(event, DispatchStarted)


async def test_a_lease_is_renewed_only_by_the_turn_that_holds_it(office: Office) -> None:
    await office.hear(vendor(), requested())
    await begin(office, began())
    assert await office.claims.renew(ORDER, "1.1", HOUR)
    ((renewed,),) = await office.rows(
        "select due between now() + $1::interval and now() + $2::interval from ledger", HOUR - MINUTE, HOUR
    )
    assert renewed
    assert not await office.claims.renew(ORDER, "1.2", HOUR)


@pytest.mark.parametrize("skew", [-HOUR, HOUR], ids=["behind", "ahead"])
async def test_a_turn_is_nobody_elses_however_the_clocks_of_processes_differ(office: Office, skew: timedelta) -> None:
    await office.hear(vendor(), requested(), at=now() - 2 * HOUR)
    await office.rows("update ledger set due = due - interval '2 hours' returning 1")
    worker = Worker(office.turns, office.claims, Accounts({}, 1.0), lease=MINUTE, now=lambda: now() + skew)
    (claim,) = await office.claims.take(now() + skew, MINUTE, 8, [], 7)
    assert await worker._begin(claim, now() + skew) is not None
    for clock in (-HOUR, timedelta(0), HOUR):
        assert await office.claims.take(now() + clock, MINUTE, 8, [], 7) == []
    await office.rows("update ledger set due = now() returning 1")
    assert len(await office.claims.take(now() - HOUR, MINUTE, 8, [], 7)) == 1


async def test_a_message_that_comes_during_a_turn_keeps_its_renewed_lease(office: Office) -> None:
    await office.hear(vendor(), requested())
    await begin(office, began())
    await office.claims.renew(ORDER, "1.1", HOUR)
    until = (await office.ledger()).due
    await office.hear(withdraw())
    ledger = await office.ledger()
    assert (ledger.due, ledger.lease, ledger.generations[1].wish) == (until, "1.1", "withdraw")


async def test_requests_of_a_vendor_nobody_knows_are_claimed_once_the_catalog_brings_it(office: Office) -> None:
    await office.hear(requested())
    moment = now() + timedelta(seconds=1)
    assert await office.claims.take(moment, MINUTE, 8, [], 7) == []
    await office.hear(vendor())
    assert len(await office.claims.take(moment, MINUTE, 8, [], 7)) == 1


async def test_orders_of_a_paused_vendor_are_not_claimed_until_its_pause_is_over(office: Office) -> None:
    await office.hear(vendor(), requested(), requested(1, "ab" * 16))
    await begin(office, began())
    until = now() + MINUTE
    closed = facts.LaneClosed(order_id=ORDER, vendor_id=VENDOR, generation=1, turn=1, code="throttled", until=until)
    await office.turns.apply([office.turns.fact(closed, "ee" * 16, ORDER)])
    moment = now() + timedelta(seconds=1)
    assert await office.claims.take(moment, MINUTE, 8, [], 7) == []
    assert len(await office.claims.take(until, MINUTE, 8, [], 7)) == 2


async def test_no_vendor_waits_behind_anothers_queue(office: Office) -> None:
    many = [requested(1, derived_id("many", number), vendor_id="many") for number in range(30)]
    await office.hear(vendor(vendor_id="many"), vendor(), *many, requested())
    moment = now() + timedelta(seconds=1)
    claims = await office.claims.take(moment, MINUTE, 4, ["many"] * 2, 7)
    assert sorted(claim.vendor.vendor_id for claim in claims) == ["many", "many", "many", VENDOR]
    assert await office.claims.take(moment, MINUTE, 4, ["many"] * 7, 7) == []


async def test_results_follow_from_the_conversation_that_asked(office: Office) -> None:
    await office.hear(vendor(), requested(), withdraw())
    ((headers,),) = await office.rows("select headers from outbox")
    assert "c0" * 16 in headers


@pytest.mark.parametrize("table", [*TABLES, "ledger", "vendors"])
async def test_the_migration_makes_every_table(office: Office, table: str) -> None:
    assert (await office.rows("select to_regclass($1)::text", table))[0][0] == table
