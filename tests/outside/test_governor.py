import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_outside.governor import Governor, RatePolicy


class FakeClock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


PRINTFUL = RatePolicy(requests=120, window_s=60, burst=20)


async def passes(governor: Governor, clock: FakeClock, count: int, patience_s: float = 30.0) -> list[float]:
    times: list[float] = []
    for _ in range(count):
        assert await governor.enter(patience_s)
        times.append(clock.time)
    return times


def most_in_any_window(times: list[float], window_s: float) -> int:
    return max(sum(1 for other in times if start <= other < start + window_s) for start in times)


@given(
    requests=st.integers(2, 200),
    burst_share=st.floats(0.01, 0.9),
    window_s=st.floats(0.5, 120),
    rests=st.lists(st.floats(0, 200), max_size=3),
)
def test_no_window_ever_holds_more_calls_than_the_policy_allows(
    requests: int, burst_share: float, window_s: float, rests: list[float]
) -> None:
    policy = RatePolicy(requests, window_s, min(requests - 1, max(1, int(requests * burst_share))))
    clock = FakeClock()
    governor = Governor(policy, clock)

    async def use() -> list[float]:
        times: list[float] = []
        for rest in [*rests, 0.0]:
            times += await passes(governor, clock, policy.burst + 3, patience_s=1e9)
            clock.time += rest
        return times

    assert most_in_any_window(asyncio.run(use()), policy.window_s * 0.999) <= policy.requests


async def test_a_full_bucket_lets_the_burst_through_at_once_and_then_paces() -> None:
    clock = FakeClock()
    times = await passes(Governor(PRINTFUL, clock), clock, 22)
    assert times[19] == 1000.0
    assert times[20] == pytest.approx(1000.6)
    assert times[21] == pytest.approx(1001.2)


async def test_a_pause_closes_the_lane_for_everyone_waiting() -> None:
    clock = FakeClock()
    governor = Governor(PRINTFUL, clock)
    governor.pause(25)
    times = await asyncio.gather(*(passes(governor, clock, 1) for _ in range(3)))
    assert min(times) == [1025.0]


async def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    governor = Governor(PRINTFUL, FakeClock())
    governor.pause(25)
    governor.pause(1)
    assert governor.paused_for() == 25


async def test_a_call_is_turned_away_at_once_when_its_turn_is_too_far_away() -> None:
    clock = FakeClock()
    governor = Governor(PRINTFUL, clock)
    governor.pause(600)
    assert not await governor.enter(patience_s=30)
    assert clock.time == 1000.0


async def test_the_queue_counts_for_the_turn() -> None:
    class StoppedClock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    governor = Governor(RatePolicy(requests=3, window_s=20, burst=1), StoppedClock())
    assert await governor.enter(patience_s=15)
    second = asyncio.create_task(governor.enter(patience_s=15))
    await asyncio.sleep(0)
    assert not await governor.enter(patience_s=15)
    second.cancel()


async def test_a_cancelled_wait_costs_no_turn() -> None:
    clock = FakeClock()
    governor = Governor(RatePolicy(requests=3, window_s=20, burst=1), clock)
    await governor.enter()
    waiting = asyncio.create_task(governor.enter())
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await governor.enter()
    assert clock.time == pytest.approx(1010.0)


def test_two_processes_that_share_an_account_stay_within_its_policy_together() -> None:
    part = PRINTFUL.share(0.5)
    assert (part.requests, part.burst) == (60, 10)


def test_a_burst_as_large_as_the_window_is_refused_with_the_value_seen() -> None:
    with pytest.raises(ValueError, match="burst: 120 is not between 1 and 119"):
        RatePolicy(requests=120, window_s=60, burst=120)


async def test_a_limit_that_the_other_side_tells_is_adopted_from_then_on() -> None:
    clock = FakeClock()
    governor = Governor(RatePolicy(requests=3, window_s=20, burst=1), clock)
    await governor.enter()
    governor.adopt(RatePolicy(requests=120, window_s=60, burst=20))
    await governor.enter()
    assert clock.time == pytest.approx(1000.6)
