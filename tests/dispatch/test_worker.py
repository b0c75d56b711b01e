"""The worker against a vendor that speaks Printful v1 and keeps books: it never holds two live orders for one of ours."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from platen_contracts.dispatch import (
    DispatchAccepted,
    DispatchDelayed,
    DispatchInDoubt,
    DispatchRefused,
    DispatchStarted,
    DispatchWithdrawn,
)
from platen_contracts.ids import derived_id
from platen_dispatch.worker import Worker
from platen_vendors.model import external_id
from structlog.testing import capture_logs

from tests.support import until

from .asked import ITEM, ORDER, VENDOR, settle, withdraw
from .conftest import LEASE, Scene, now

CREATE: dict[str, Any] = {"method": "POST", "path": "/orders"}
CONFIRM: dict[str, Any] = {"method": "POST", "path": "/confirm"}


async def only_live(scene: Scene) -> dict[str, Any]:
    """The one live order in the vendor's books."""
    live = [order for order in await scene.orders() if order["live"]]
    assert len(live) == 1
    return live[0]


async def test_an_order_is_created_as_a_draft_read_back_confirmed_and_accepted(scene: Scene) -> None:
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        accepted = await scene.office.last("Accepted")
    assert isinstance(accepted, DispatchAccepted)
    assert (accepted.items, accepted.submission, accepted.differs) == ({ITEM: 2}, 1, [])
    order = await only_live(scene)
    assert (str(order["id"]), order["external_id"]) == (accepted.vendor_order_id, external_id(ORDER, 1))
    assert await scene.office.words() == ["Started", "Accepted"]
    assert (order["create_calls"], order["confirm_calls"]) == (1, 1)
    assert "confirm=1" not in " ".join(await scene.calls())


@pytest.mark.parametrize("match", [CREATE, CONFIRM], ids=["create", "confirm"])
async def test_a_lost_reply_is_looked_up_and_finished(scene: Scene, match: dict[str, Any]) -> None:
    await scene.fault("drop_reply", match=match)
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    order = await only_live(scene)
    assert (len(await scene.orders()), order["create_calls"]) == (1, 1)


async def test_an_error_before_the_work_is_in_doubt_until_two_absences_then_created_under_the_same_external_id(
    scene: Scene,
) -> None:
    await scene.fault("error", match=CREATE)
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    assert await scene.office.words() == ["Started", "InDoubt", "Delayed", "Started", "Accepted"]
    doubt = (await scene.office.told())[1]
    assert isinstance(doubt, DispatchInDoubt)
    assert doubt.next_look is not None
    assert (await only_live(scene))["external_id"] == external_id(ORDER, 1)


async def test_an_error_after_the_work_is_found(scene: Scene) -> None:
    await scene.fault("error", match=CREATE, params={"status": 502, "html": True, "after_work": True})
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    assert await scene.office.words() == ["Started", "Accepted"]
    assert len(await scene.orders()) == 1


async def test_a_turn_begins_though_the_database_goes_away_for_a_moment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    apply, refused = scene.office.turns.apply, 0

    async def away_twice(*given: Any) -> Any:
        nonlocal refused
        if refused < 2:
            refused += 1
            raise ConnectionRefusedError
        return await apply(*given)

    monkeypatch.setattr(scene.office.turns, "apply", away_twice)
    async with scene.office.worker(scene.accounts(), lease=timedelta(minutes=5)):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    assert (await scene.office.words(), refused) == (["Started", "Accepted"], 2)


async def test_a_vendor_that_cannot_be_reached_delays_and_is_tried_again(scene: Scene) -> None:
    await scene.office.hear(scene.account(url="http://127.0.0.1:9"))
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        delayed = await scene.office.last("Delayed")
        assert isinstance(delayed, DispatchDelayed)
        assert (delayed.code, delayed.lane_paused) == ("unreachable", False)
        await scene.office.hear(scene.account())
        await scene.office.last("Accepted")
    assert await scene.live() == 1


async def test_patience_that_ran_out_is_a_refusal_with_a_remedy(scene: Scene) -> None:
    await scene.office.hear(scene.account(url="http://127.0.0.1:9", patience_s=0.5))
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        refused = await scene.office.last("Refused")
    assert isinstance(refused, DispatchRefused)
    assert refused.code == "patience_exhausted"


async def test_a_throttled_lane_waits_as_a_whole_and_goes_on(scene: Scene) -> None:
    other = "ab" * 16
    await scene.fault("throttle", params={"retry_after": 2})
    async with scene.office.worker(scene.accounts(), concurrency=2):
        await scene.office.hear(scene.asked())
        delayed = await scene.office.first("Delayed")  # the lane goes on by itself, and so may have the order
        assert isinstance(delayed, DispatchDelayed)
        assert (delayed.code, delayed.lane_paused) == ("throttled", True)
        await scene.office.hear(scene.asked(1, other))
        await scene.office.last("Accepted")
        await scene.office.last("Accepted", other)
    ((begun,),) = await scene.office.rows(
        "select min(created_at) from outbox where key = $1 and type like '%Started%'", other.encode()
    )
    assert begun >= delayed.next_try


async def test_an_account_without_a_secret_waits_and_is_warned_of_once(scene: Scene) -> None:
    others = [derived_id("order", number) for number in range(5)]
    with capture_logs() as lines:
        async with scene.office.worker(scene.accounts("another")):
            await scene.office.hear(scene.asked(), *(scene.asked(1, order) for order in others))
            delayed = await scene.office.last("Delayed")
    assert isinstance(delayed, DispatchDelayed)
    assert (delayed.code, delayed.lane_paused) == ("no_secret", True)
    (warning,) = [line for line in lines if line["log_level"] == "warning"]
    assert "PLATEN_VENDOR_SECRETS" in warning["remedy"]
    assert await scene.orders() == []


async def test_a_refusal_carries_code_field_remedy_and_leaves_nothing_live(scene: Scene) -> None:
    await scene.fault("refuse", match=CREATE, params={"code": "OR-6", "message": "The variant is restricted"})
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        refused = await scene.office.last("Refused")
    assert isinstance(refused, DispatchRefused)
    assert (refused.code, refused.field) == ("vendor.variant_restricted", "items.product")
    assert refused.vendor_words == "The variant is restricted"
    assert refused.remedy
    assert await scene.orders() == []


async def test_a_retry_finds_the_draft_that_was_refused_and_makes_it_what_is_meant_now(scene: Scene) -> None:
    await scene.fault("refuse", match=CONFIRM, params={"code": "BadRequest", "message": "Insufficient funds"})
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked(city="London"))
        await scene.office.last("Refused")
        assert [order["status"] for order in await scene.orders()] == ["draft"]
        await scene.office.hear(scene.asked(2, city="Bath"))
        accepted = await scene.office.last("Accepted", generation=2)
    assert accepted.generation == 2
    order = await only_live(scene)
    assert (order["recipient"]["city"], len(await scene.orders())) == ("Bath", 1)


async def test_a_confirmed_order_found_by_a_retry_is_the_older_generation_accepted(scene: Scene) -> None:
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked(city="London"))
        await scene.office.last("Accepted")
        await scene.office.hear(scene.asked(2, city="Bath"))
        unsent = await scene.office.last("Withdrawn", generation=2)
    accepted = (await scene.office.told())[-2]
    assert isinstance(accepted, DispatchAccepted)
    assert (accepted.generation, accepted.differs, unsent.generation) == (1, ["recipient.city"], 2)
    assert await scene.live() == 1


async def test_after_the_vendor_cancelled_it_a_retry_goes_under_the_next_external_id(scene: Scene) -> None:
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
        await scene.sandbox.step(VENDOR, f"@{external_id(ORDER, 1)}", "cancel")
        await scene.office.hear(scene.asked(2))
        accepted = await scene.office.last("Accepted", generation=2)
    assert isinstance(accepted, DispatchAccepted)
    assert (accepted.generation, accepted.submission) == (2, 2)
    assert (await only_live(scene))["external_id"] == external_id(ORDER, 2)


async def test_after_the_vendor_failed_it_a_retry_edits_and_confirms_the_same_order(scene: Scene) -> None:
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked(city="London"))
        await scene.office.last("Accepted")
        await scene.sandbox.step(VENDOR, f"@{external_id(ORDER, 1)}", "fail", {"reason": "Broken image"})
        await scene.office.hear(scene.asked(2, city="Bath"))
        await scene.office.last("Accepted", generation=2)
    order = await only_live(scene)
    assert (order["recipient"]["city"], len(await scene.orders())) == ("Bath", 1)


async def test_an_order_that_is_there_already_is_read_back_and_finished(scene: Scene) -> None:
    """As after a lost ledger: OR-13 tells."""
    async with scene.office.worker(scene.accounts()):
        await scene.fault("drop_reply", match=CREATE)
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    for table in ("ledger", "outbox", "inbox"):
        async with scene.office.engine.begin() as tx:
            await tx.exec_driver_sql(f"delete from {table}")
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    assert len(await scene.orders()) == 1


async def test_withdrawn_before_a_worker_takes_it_nothing_is_sent(scene: Scene) -> None:
    await scene.office.hear(scene.asked(), withdraw())
    async with scene.office.worker(scene.accounts()):
        assert await scene.office.words() == ["Withdrawn"]
    assert await scene.calls() == []


async def test_withdrawn_in_doubt_the_draft_that_is_found_is_deleted(scene: Scene) -> None:
    await scene.fault("drop_reply", match=CREATE)
    await scene.fault("error", match={"method": "GET"}, times="forever", params={"status": 500})
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await scene.office.last("InDoubt")
        await scene.office.hear(withdraw())
        await scene.sandbox.call("DELETE", "/faults")  # not before: what is found first is finished
        withdrawn = await scene.office.last("Withdrawn")
    assert withdrawn == DispatchWithdrawn(order_id=ORDER, generation=1)
    assert [order["draft_deleted"] for order in await scene.orders()] == [True]


async def test_withdrawn_too_late_is_accepted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    unreadable = asyncio.Event()
    monkeypatch.setattr("platen_sandbox.faults.asyncio", SimpleNamespace(sleep=lambda _seconds: unreadable.wait()))
    await scene.fault("slow", match=CONFIRM)
    await scene.fault("drop_reply", match=CONFIRM)
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await until(lambda: _in_hand(scene, CONFIRM))
        await scene.fault("error", match={"method": "GET"}, times="forever", params={"status": 500})
        unreadable.set()
        await scene.office.last("InDoubt")
        await scene.office.hear(withdraw())
        await scene.sandbox.call("DELETE", "/faults")
        await scene.office.last("Accepted")
    assert await scene.live() == 1


async def test_an_order_made_by_hand_is_fetched_by_the_id_that_a_person_gives(scene: Scene) -> None:
    await scene.fault("error", match=CREATE, times="forever")
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.account(absence_gap_s=3600), scene.asked())
        await scene.office.last("InDoubt")
        await scene.sandbox.call("DELETE", "/faults")
        by_hand = await _made_by_hand(scene)
        await scene.office.hear(settle(True, by_hand))
        accepted = await scene.office.last("Accepted")
    assert isinstance(accepted, DispatchAccepted)
    assert accepted.vendor_order_id == by_hand
    assert await scene.live() == 1


async def _made_by_hand(scene: Scene) -> str:
    body = {
        "recipient": {
            "name": "Ada",
            "address1": "12 St James's Square",
            "city": "London",
            "country_code": "GB",
            "zip": "SW1Y 4JH",
        },
        "items": [{"variant_id": 4011, "quantity": 2, "files": [{"type": "default", "url": scene.link}]}],
    }
    headers = {"Authorization": f"Bearer token-{VENDOR}"}
    answer = await scene.sandbox.control.post(f"/vendors/{VENDOR}/orders?confirm=1", json=body, headers=headers)
    answer.raise_for_status()
    return str(answer.json()["result"]["id"])


async def test_a_person_says_not_accepted_and_nothing_is_there(scene: Scene) -> None:
    await scene.fault("error", match=CREATE)
    await scene.office.hear(scene.account(absence_gap_s=3600), scene.asked())
    async with scene.office.worker(scene.accounts()):
        await scene.office.last("InDoubt")
        await scene.office.hear(settle(False))
        withdrawn = await scene.office.last("Withdrawn")
    assert withdrawn == DispatchWithdrawn(order_id=ORDER, generation=1, by="settle")


@pytest.mark.parametrize("match", [CREATE, CONFIRM], ids=["before create ends", "before confirm ends"])
async def test_a_worker_that_dies_in_the_middle_is_followed_by_one_that_looks_first(scene: Scene, match: dict[str, Any]) -> None:
    await scene.fault("slow", match=match, params={"seconds": 1.5})
    await scene.office.hear(scene.account(absence_gap_s=5), scene.asked())
    async with scene.office.doomed_worker(scene.accounts()):
        await until(lambda: _in_hand(scene, match))
    async with scene.office.worker(scene.accounts()):
        await scene.office.last("Accepted")
    order = await only_live(scene)
    assert (len(await scene.orders()), order["create_calls"]) == (1, 1)
    started = [event for event in await scene.office.told() if isinstance(event, DispatchStarted)]
    assert len(started) == 1


async def _in_hand(scene: Scene, match: dict[str, Any]) -> bool:
    """The vendor has the call, and is slow about it."""
    faults = await scene.sandbox.call("GET", "/faults")
    listed = faults["faults"] if isinstance(faults, dict) else faults
    return any(fault["hits"] for fault in listed if fault["match"] == match)


async def test_a_turn_that_met_a_vendor_gone_from_the_catalog_begins_once_that_is_back(scene: Scene) -> None:
    worker = Worker(scene.office.turns, scene.office.claims, scene.accounts())
    await scene.office.hear(scene.asked())
    start = now()
    (claim,) = await scene.office.claims.take(start, LEASE, 1, [], 1)
    await scene.office.rows("update vendors set document = null returning 1")
    assert await worker._begin(claim, start) is None
    await scene.office.hear(scene.account())
    (claim,) = await scene.office.claims.take(start + 2 * LEASE, LEASE, 1, [], 1)
    assert await worker._begin(claim, start) is not None
    assert await scene.office.words() == ["Started"]


async def test_a_slow_turn_keeps_its_lease(scene: Scene) -> None:
    """Renewed every four seconds, so that only a machine that stands still for eight breaks it."""
    lease = timedelta(seconds=12)
    await scene.fault("slow", match=CREATE, params={"seconds": lease.total_seconds() + 1})
    async with scene.office.worker(scene.accounts(), lease=lease), scene.office.worker(scene.accounts(), lease=lease):
        await scene.office.hear(scene.asked())
        await scene.office.last("Accepted")
    assert await scene.office.words() == ["Started", "Accepted"]
    assert (await scene.office.ledger()).generations[1].turn == 1


async def test_many_orders_by_two_workers_through_faults_are_each_live_once(scene: Scene) -> None:
    orders = [derived_id("order", number) for number in range(25)]
    await scene.fault("drop_reply", match=CREATE, times=4)
    await scene.fault("drop_reply", match=CONFIRM, times=4)
    await scene.fault("error", match=CREATE, times=4)
    async with scene.office.worker(scene.accounts()), scene.office.worker(scene.accounts()):
        await scene.office.hear(*(scene.asked(1, order) for order in orders))
        for order in orders:
            await scene.office.last("Accepted", order)
    books = await scene.orders()
    assert sorted(order["external_id"] for order in books) == sorted(external_id(order, 1) for order in orders)
    assert all(order["live"] for order in books)


async def test_stopping_lets_the_turn_under_way_end(scene: Scene) -> None:
    await scene.fault("slow", match=CREATE, params={"seconds": 0.7})
    async with scene.office.worker(scene.accounts()):
        await scene.office.hear(scene.asked())
        await until(lambda: _in_hand(scene, CREATE))
    assert await scene.office.words() == ["Started", "Accepted"]


async def test_an_idle_worker_does_not_keep_the_database_busy(scene: Scene) -> None:
    counted = 0
    take = scene.office.claims.take

    async def counting(*given: Any) -> Any:
        nonlocal counted
        counted += 1
        return await take(*given)

    scene.office.claims.take = counting  # type: ignore[method-assign]
    async with scene.office.worker(scene.accounts()):
        begun = now()
        await until(lambda: asyncio.sleep(0, counted >= 12))
        assert now() - begun > timedelta(seconds=0.8)
