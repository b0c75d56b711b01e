"""One turn at the vendor, step by step, against a vendor in memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from platen_dispatch.decide import facts
from platen_dispatch.decide.plan import Plan
from platen_dispatch.gateway.turn import LeaseLost, VendorTurn
from platen_vendors.model import Found, Shipment, Snapshot, VendorOrder, vendor_order

from .asked import ORDER, T0, VENDOR, requested
from .fake_vendor import FakeVendor, Fault


def plan(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "order_id": ORDER,
        "vendor_id": VENDOR,
        "generation": 2,
        "turn": 1,
        "submission": 1,
        "order": vendor_order(requested(), 1),
        "older": {},
        "named": None,
        "look_first": False,
        "create": True,
        "remove": False,
    }
    return Plan(**{**given, **changes})


def vendor_of(*faults: Fault) -> FakeVendor:
    made = FakeVendor(lambda: T0)
    made.faults = list(faults)
    return made


async def run(vendor: FakeVendor, **changes: Any) -> facts.TurnEnd:
    return await VendorTurn(vendor, plan(**changes), lambda: None, lambda: T0).run()


async def with_order(state: str, city: str = "London") -> FakeVendor:
    vendor = vendor_of()
    await vendor.submit(vendor_order(requested(city=city), 1))
    vendor.orders["1"].state = state
    return vendor


@pytest.mark.parametrize(
    ("faults", "end"),
    [
        (["none", "none", "none", "none"], facts.Taken),
        (["not_sent"], facts.NotNow),
        (["throttled"], facts.LaneClosed),
        (["auth"], facts.LaneClosed),
        (["rejected"], facts.TurnedDown),
        (["lost_request"], facts.Lost),
        (["lost_reply"], facts.Taken),
        (["late"], facts.Lost),
        (["lost_reply", "not_sent"], facts.Lost),
        (["none", "not_sent"], facts.NotNow),
        (["none", "none", "not_sent"], facts.NotNow),
        (["none", "none", "throttled"], facts.LaneClosed),
        (["none", "none", "rejected"], facts.TurnedDown),
        (["none", "none", "not_ready"], facts.NotNow),
        (["none", "none", "lost_reply"], facts.Taken),
        (["none", "none", "lost_request"], facts.Lost),
        (["none", "none", "late"], facts.Lost),
        (["none", "none", "none", "not_sent"], facts.Taken),
    ],
)
async def test_whatever_a_step_ends_in_the_turn_ends_in_one_fact(faults: list[Fault], end: type[facts.TurnEnd]) -> None:
    """Steps: create, read back, confirm, read back."""
    ended = await run(vendor_of(*faults))
    assert type(ended) is end


@pytest.mark.parametrize("faults", [["none", "not_sent"], ["none", "none", "throttled"], ["none", "none", "rejected"]])
async def test_a_draft_that_is_left_is_named(faults: list[Fault]) -> None:
    ended = await run(vendor_of(*faults))
    assert isinstance(ended, facts.NotNow | facts.LaneClosed | facts.TurnedDown)
    assert ended.draft == "1"


async def test_an_immediate_look_after_a_lost_reply_gives_the_first_absence() -> None:
    ended = await run(vendor_of("lost_request"))
    assert isinstance(ended, facts.Lost)
    assert (ended.at, ended.absent_as_of) == (T0, T0)


@pytest.mark.parametrize("state", ["draft", "failed"])
async def test_an_editable_order_that_differs_is_made_what_is_meant_before_it_is_confirmed(state: str) -> None:
    vendor = await with_order(state, city="Paris")
    ended = await run(vendor, look_first=True)
    assert isinstance(ended, facts.Taken)
    assert (ended.by_generation, ended.differs) == (2, [])
    assert vendor.orders["1"].order.recipient.city == "London"
    assert vendor.orders["1"].state == "live"


async def test_what_cannot_be_made_as_meant_is_never_confirmed() -> None:
    class Stubborn(FakeVendor):
        """Changes addresses as it likes."""

        async def replace(self, vendor_order_id: str, order: VendorOrder) -> Any:
            other = dataclasses.replace(order, recipient=order.recipient.model_copy(update={"city": "Leeds"}))
            return await super().replace(vendor_order_id, other)

    vendor = Stubborn(lambda: T0)
    await vendor.submit(vendor_order(requested(city="Paris"), 1))
    ended = await run(vendor, look_first=True)
    assert isinstance(ended, facts.TurnedDown)
    assert (ended.code, ended.field, vendor.live) == ("vendor.differs", "recipient.city", [])


async def test_a_live_order_that_an_older_generation_meant_is_that_ones() -> None:
    vendor = await with_order("live", city="Paris")
    older = {1: vendor_order(requested(city="Paris"), 1)}
    ended = await run(vendor, look_first=True, older=older)
    assert isinstance(ended, facts.Taken)
    assert (ended.by_generation, ended.differs) == (1, ["recipient.city"])


async def test_a_live_order_that_nobody_meant_is_the_present_generations_and_differs() -> None:
    vendor = await with_order("live", city="Leeds")
    ended = await run(vendor, look_first=True, older={1: vendor_order(requested(city="Paris"), 1)})
    assert isinstance(ended, facts.Taken)
    assert (ended.by_generation, ended.differs) == (2, ["recipient.city"])


async def test_a_cancelled_order_is_gone_but_not_one_of_which_something_shipped() -> None:
    vendor = await with_order("cancelled")
    assert isinstance(await run(vendor, look_first=True), facts.Gone)

    class Shipped(FakeVendor):
        async def find(self, external_id: str) -> Any:
            found = await super().find(external_id)
            parcel = Shipment("1", None, None, None, None, None, {})
            return Found((dataclasses.replace(found.snapshots[0], shipments=(parcel,)),))

    shipped = Shipped(lambda: T0)
    shipped.orders = vendor.orders
    assert isinstance(await run(shipped, look_first=True), facts.Taken)


async def test_a_word_that_nobody_knows_settles_nothing() -> None:
    class Odd(FakeVendor):
        async def find(self, external_id: str) -> Any:
            found = await super().find(external_id)
            odd: Snapshot = dataclasses.replace(found.snapshots[0], stage="unknown", status_raw="archived")
            return Found((odd,))

    odd = Odd(lambda: T0)
    odd.orders = (await with_order("draft")).orders
    ended = await run(odd, look_first=True)
    assert isinstance(ended, facts.Undecided)
    assert "archived" in ended.reason


@pytest.mark.parametrize(
    ("state", "faults", "end"),
    [
        ("draft", [], facts.Gone),
        ("failed", [], facts.Gone),
        ("cancelled", [], facts.Gone),
        ("live", [], facts.Taken),
        ("draft", ["none", "rejected"], facts.Undecided),
        ("draft", ["none", "lost_reply"], facts.Undecided),
        ("draft", ["none", "not_sent"], facts.NotNow),
    ],
)
async def test_removing_deletes_drafts_and_nothing_else(state: str, faults: list[Fault], end: type[facts.TurnEnd]) -> None:
    vendor = await with_order(state)
    vendor.faults = faults
    ended = await run(vendor, look_first=True, create=False, remove=True)
    assert type(ended) is end
    assert all(held.state != "live" for held in vendor.orders.values()) or state == "live"


async def test_a_turn_that_may_only_look_creates_nothing() -> None:
    vendor = vendor_of()
    assert isinstance(await run(vendor, look_first=True, create=False), facts.Missing)
    assert vendor.orders == {}


async def test_nothing_is_sent_without_the_lease() -> None:
    def lost() -> None:
        raise LeaseLost

    vendor = await with_order("draft")
    turn = VendorTurn(vendor, plan(look_first=True), lost, lambda: T0)
    with pytest.raises(LeaseLost):
        await turn.run()
    assert vendor.live == []


async def test_among_several_of_one_external_id_a_live_one_is_the_answer() -> None:
    vendor = FakeVendor(lambda: T0, checks_duplicates=False)
    order = vendor_order(requested(), 1)
    await vendor.submit(order)
    await vendor.submit(order)
    await vendor.confirm("2")
    ended = await run(vendor, look_first=True)
    assert isinstance(ended, facts.Taken)
    assert (ended.vendor_order_id, len(vendor.live)) == ("2", 1)
