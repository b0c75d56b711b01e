"""Rows and queue on the real Postgres."""

from datetime import timedelta

from platen_contracts.common import FileRef
from platen_messaging.outcome import Applied, Ignored
from platen_render.store.links import Links

from .asking import PNG, again, made, mug, not_made, request, take_in
from .room import Room


async def test_a_job_comes_out_of_the_queue_as_it_went_in(room: Room) -> None:
    asked = request(answers={"name": "สมชาย", "photo": PNG.model_dump()})
    await take_in(room.requests, mug(), asked)
    claim = await room.claim()
    assert claim is not None
    assert (claim.request, claim.artwork, claim.lost, claim.drawn) == (asked, mug(), 0, None)
    assert claim.cause.correlation_id == "c" * 32
    assert await room.claim() is None


async def test_a_job_waits_for_its_artwork_and_is_released_when_it_comes(room: Room) -> None:
    asked = request()
    await take_in(room.requests, asked, mug(version=2))
    assert await room.claim() is None
    counted = await room.queue.counted()
    assert (counted.waiting_for_artwork, counted.waiting) == (1, 0)
    await take_in(room.requests, mug())
    assert await room.claimed() == asked
    assert (await room.queue.counted()).drawing == 1


async def test_an_artwork_version_never_changes(room: Room) -> None:
    await take_in(room.requests, mug())
    (outcome,) = await take_in(room.requests, mug().model_copy(update={"title": "Another"}))
    assert isinstance(outcome, Ignored)
    await take_in(room.requests, request())
    claim = await room.claim()
    assert claim is not None
    assert claim.artwork.title == "Mug"


async def test_the_newest_of_three_requests_of_a_side_is_drawn_and_two_are_skipped(room: Room) -> None:
    first = request()
    second, third = again(first), again(first)
    await take_in(room.requests, mug(), first, second)
    await take_in(room.requests, third)
    assert await room.sent() == ["RenderSkipped", "RenderSkipped"]
    assert await room.claimed() == third
    assert await room.claim() is None


async def test_a_request_being_drawn_is_not_overtaken_until_its_lease_ends(room: Room) -> None:
    first = request()
    await take_in(room.requests, mug(), first)
    claim = await room.claim()
    assert claim is not None
    await take_in(room.requests, again(first))
    assert await room.sent() == []
    await room.queue.expire(claim.lease)
    await take_in(room.requests, again(first))
    assert await room.sent() == ["RenderSkipped", "RenderSkipped"]


async def test_the_same_request_twice_is_one_job(room: Room) -> None:
    asked = request()
    outcomes_ = [*await take_in(room.requests, mug(), asked, asked), *await take_in(room.requests, asked)]
    assert [type(outcome) for outcome in outcomes_] == [Applied, Applied, Ignored, Ignored]
    assert await room.rows("select count(*) from jobs") == [(1,)]


async def test_an_answer_ends_the_job_and_forgets_what_the_buyer_wrote(room: Room) -> None:
    drawn, failed = request(), request()
    await take_in(room.requests, mug(), drawn, failed)
    await take_in(room.outcomes, made(drawn), not_made(failed))
    assert await room.sent() == ["RenderFinished", "RenderFailed"]
    assert await room.rows("select count(*) from jobs") == [(0,)]


async def test_an_outcome_told_twice_is_answered_once(room: Room) -> None:
    asked = request()
    await take_in(room.requests, mug(), asked)
    await take_in(room.outcomes, made(asked, token="a" * 43))
    await take_in(room.outcomes, made(asked, token="b" * 43))
    assert await room.sent() == ["RenderFinished"]
    assert await room.rows("select token from links") == [("a" * 43,)]


async def test_a_request_asked_again_is_drawn_before_and_keeps_its_link(room: Room) -> None:
    asked = request()
    await take_in(room.requests, mug(), asked)
    await take_in(room.outcomes, made(asked, token="a" * 43))
    await take_in(room.requests, asked)
    claim = await room.claim()
    assert claim is not None
    assert claim.drawn is not None
    assert claim.drawn.file == PNG
    await take_in(room.outcomes, made(asked, claim.drawn.file, token="b" * 43))
    assert await room.sent() == ["RenderFinished", "RenderFinished"]
    assert await room.rows("select token from links") == [("a" * 43,)]


async def test_the_first_file_of_an_input_stays(room: Room) -> None:
    first, second = request(input_hash="1" * 64), request(input_hash="1" * 64)
    other = FileRef(sha256="cd" * 32, size=4, media_type="image/png")
    await take_in(room.requests, mug(), first, second)
    await take_in(room.outcomes, made(first), made(second, other, token="u" * 43))
    await take_in(room.requests, request(input_hash="1" * 64))
    claim = await room.claim()
    assert claim is not None
    assert claim.drawn is not None
    assert claim.drawn.file == PNG
    assert await Links(room.engine).file_of("u" * 43) == other


async def test_another_renderer_draws_anew(room: Room) -> None:
    asked = request()
    await take_in(room.requests, mug(), asked)
    await take_in(room.outcomes, made(asked, renderer="press 0"))
    await take_in(room.requests, asked)
    claim = await room.claim()
    assert claim is not None
    assert claim.drawn is None


async def test_twins_are_the_others_that_nobody_has_in_hand(room: Room) -> None:
    jobs = [request(input_hash="1" * 64) for _ in range(3)]
    await take_in(room.requests, mug(), request(), *jobs)
    await room.claimed()
    in_hand = await room.claimed()
    twins = await room.queue.twins("1" * 64, 10)
    assert [twin.request for twin in twins] == [job for job in jobs if job != in_hand]


async def test_one_job_of_a_shop_does_not_wait_behind_five_thousand_of_another(room: Room) -> None:
    await take_in(room.requests, mug())
    for _ in range(5):
        await take_in(room.requests, *[request(shop_id="large") for _ in range(1000)])
    for _ in range(20):
        await room.claimed()
    await take_in(room.requests, request(shop_id="small"))
    shops = [(await room.claimed()).shop_id for _ in range(3)]
    assert "small" in shops


async def test_shops_take_turns(room: Room) -> None:
    await take_in(room.requests, mug(), *[request(shop_id="a") for _ in range(9)])
    await take_in(room.requests, *[request(shop_id=shop) for shop in "bbbccc"])
    shops = [(await room.claimed()).shop_id for _ in range(9)]
    assert sorted(shops) == sorted("aaabbbccc")


async def test_a_shop_whose_jobs_waited_for_an_artwork_does_not_jump_the_queue(room: Room) -> None:
    await take_in(room.requests, *[request(shop_id="late") for _ in range(50)])
    await take_in(room.requests, mug(2), *[request(shop_id="b", artwork={"artwork_id": "mug", "version": 2}) for _ in range(50)])
    for _ in range(10):
        await room.claimed()
    await take_in(room.requests, mug())
    shops = [(await room.claimed()).shop_id for _ in range(10)]
    assert 4 <= shops.count("late") <= 6


async def test_a_leased_job_is_claimed_again_once_its_lease_ends(room: Room) -> None:
    await take_in(room.requests, mug(), request())
    first = await room.claim()
    assert first is not None
    assert await room.claim() is None
    await room.queue.renew([first.lease], timedelta(0))
    second = await room.claim()
    assert second is not None
    assert (second.request, second.lost) == (first.request, 1)
    await room.queue.renew([first.lease], timedelta(0))
    assert await room.claim() is None


async def test_a_job_put_back_in_good_order_is_not_counted_as_lost(room: Room) -> None:
    await take_in(room.requests, mug(), request())
    first = await room.claim()
    assert first is not None
    await room.queue.release([first.lease], timedelta(hours=1))
    assert await room.claim() is None
    assert (await room.queue.counted()).waiting == 1
    await room.rows("update jobs set due_at = now()")
    second = await room.claim()
    assert second is not None
    assert second.lost == 0
