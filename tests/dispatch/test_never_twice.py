"""I2: whatever gets lost, comes late, is repeated or dies, no order ever has two live vendor orders; and it ends (I5)."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from platen_contracts.dispatch import DispatchAccepted
from platen_dispatch.gateway.turn import VendorTurn

from tests.examples import examples

from .asked import requested, settle, withdraw
from .fake_vendor import Crash, FakeVendor, Fault
from .world import LEASE, World

FAULTS: st.SearchStrategy[Fault] = st.sampled_from(
    ["none", "none", "not_sent", "lost_request", "lost_reply", "late", "throttled", "auth", "rejected", "not_ready", "crash"]
)
STEPS = st.one_of(
    st.tuples(st.just("turn"), st.lists(FAULTS, max_size=4)),
    st.tuples(st.just("request"), st.tuples(st.integers(1, 3), st.sampled_from(["London", "Paris"]))),
    st.tuples(st.just("withdraw"), st.integers(1, 3)),
    st.tuples(st.just("settle"), st.tuples(st.integers(1, 3), st.booleans())),
    st.tuples(st.just("vendor_cancels"), st.none()),
    st.tuples(st.just("vendor_fails"), st.none()),
    st.tuples(st.just("deliver"), st.none()),
    st.tuples(st.just("wait"), st.floats(0.1, 200)),
)


class Story:
    """One order, its vendor, and whatever happens to both."""

    def __init__(self, *, checks_duplicates: bool = True) -> None:
        self.world = World(absence_gap_s=60)
        self.vendor = FakeVendor(lambda: self.world.now, checks_duplicates=checks_duplicates)
        self.world.hear(requested())

    async def happen(self, step: str, given: object) -> None:
        match step, given:
            case "turn", list(faults):
                self.vendor.faults = list(faults)
                await self.turn()
                self.vendor.faults = []
            case "request", (int(generation), str(city)):
                self.world.hear(requested(generation, city=city))
            case "withdraw", int(generation):
                self.world.hear(withdraw(generation))
            case "settle", (int(generation), bool(accepted)):
                self.world.hear(settle(accepted, next(iter(self.vendor.orders), "1") if accepted else None, generation))
            case "vendor_cancels", _:
                self._end("cancelled")
            case "vendor_fails", _:
                self._end("failed")
            case "deliver", _:
                self.vendor.deliver()
            case "wait", float(seconds):
                self.world.later(seconds)
        assert len(self.vendor.live) <= 1

    def _end(self, state: str) -> None:
        for held in self.vendor.live:
            held.state = state

    async def turn(self) -> None:
        """A worker's turn where one is due; a crash leaves the lease to run out."""
        if self.world.ledger.due is None:
            return
        self.world.wait_for_turn()
        plan = self.world.begin()
        if plan is None:
            return
        try:
            end = await VendorTurn(self.vendor, plan, lambda: None, lambda: self.world.now).run()
        except Crash:
            self.world.later(LEASE.total_seconds())
            return
        self.world.fact(end)

    async def heal(self) -> None:
        """Everything works from now on, what was on its way arrives, and whoever named an order wrongly takes that back."""
        self.vendor.deliver()
        for number, generation in self.world.ledger.generations.items():
            if generation.open and generation.wish == "own":
                self.world.hear(settle(False, generation=number))
        for _ in range(40):
            await self.turn()
            assert len(self.vendor.live) <= 1


@examples(300)
@given(st.lists(STEPS, max_size=25), st.booleans())
def test_no_order_is_ever_live_twice_and_every_generation_ends_when_the_world_heals(
    steps: list[tuple[str, object]], checks_duplicates: bool
) -> None:
    async def play() -> Story:
        story = Story(checks_duplicates=checks_duplicates)
        for step, what in steps:
            await story.happen(step, what)
        await story.heal()
        return story

    story = asyncio.run(play())
    assert [one for one in story.world.ledger.generations.values() if one.open] == []
    told_of = {event.vendor_order_id for event in story.world.told if isinstance(event, DispatchAccepted)}
    refused = any(one.phase == "refused" for one in story.world.ledger.generations.values())
    assert refused or {held.number for held in story.vendor.live} <= told_of


@given(st.lists(FAULTS.filter(lambda fault: fault != "rejected"), max_size=12), st.booleans())
def test_an_order_that_nobody_stops_is_accepted_once_whatever_gets_lost_on_the_way(
    faults: list[Fault], checks_duplicates: bool
) -> None:
    async def play() -> Story:
        story = Story(checks_duplicates=checks_duplicates)
        story.vendor.faults = list(faults)
        for _ in range(60):
            await story.turn()
        story.vendor.deliver()
        return story

    story = asyncio.run(play())
    assert len(story.vendor.live) == 1
    assert story.world.words().count("Accepted") == 1
    assert "Refused" not in story.world.words()
