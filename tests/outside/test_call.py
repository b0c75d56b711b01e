import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
from platen_outside.call import MAX_BODY, Outside
from platen_outside.failures import Answer, Rejected, Throttled, Transient, Unknown
from platen_outside.governor import Governor, RatePolicy
from platen_outside.retry import patiently

POLICY = RatePolicy(requests=1000, window_s=1, burst=500)


def outside(handler: Callable[[httpx.Request], httpx.Response], deadline_s: float = 5) -> Outside:
    client = httpx.AsyncClient(base_url="https://vendor.example", transport=httpx.MockTransport(handler))
    return Outside(client, Governor(POLICY), deadline_s=deadline_s)


async def test_an_answer_comes_back_as_json() -> None:
    assert await outside(lambda request: httpx.Response(200, json={"path": request.url.path})).ask("GET", "/orders") == Answer(
        200, {"path": "/orders"}
    )


async def test_a_throttled_call_closes_the_lane_for_the_calls_after_it() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(429, headers={"Retry-After": "120"})

    account = outside(handler)
    assert await account.ask("POST", "/first") == Throttled(120.0, 429)
    second = await account.ask("POST", "/second")
    assert isinstance(second, Throttled)
    assert second.status == 0
    assert seen == ["/first"]


async def test_a_lane_without_a_named_time_pauses_for_a_minute() -> None:
    account = outside(lambda _: httpx.Response(429))
    await account.ask("GET", "/")
    assert 50 < account.governor.paused_for() <= 60


async def test_a_redirect_is_not_followed() -> None:
    moved = outside(lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example/"}))
    outcome = await moved.ask("POST", "/orders", json={})
    assert isinstance(outcome, Rejected)
    assert outcome.status == 302


async def test_a_body_that_drips_past_the_deadline_is_given_up() -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    assert await outside(lambda _: httpx.Response(200, stream=Dripping()), deadline_s=0.05).ask("POST", "/") == Unknown(
        "TimeoutError"
    )


async def test_an_endless_body_is_given_up() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" " * MAX_BODY

    assert isinstance(await outside(lambda _: httpx.Response(200, stream=Endless())).ask("POST", "/"), Unknown)


async def test_a_read_is_asked_again_while_it_is_transient() -> None:
    answers = iter([httpx.Response(502), httpx.Response(503), httpx.Response(200, json=[])])
    account = outside(lambda _: next(answers))
    assert await patiently(lambda: account.ask("GET", "/"), wait_s=0.001) == Answer(200, [])


async def test_patience_ends_with_the_last_failure() -> None:
    account = outside(lambda _: httpx.Response(502))
    assert await patiently(lambda: account.ask("GET", "/"), attempts=2, wait_s=0.001) == Transient("HTTP 502")


async def test_a_refusal_is_not_asked_again() -> None:
    calls: list[int] = []

    def handler(_: httpx.Request) -> httpx.Response:
        calls.append(1)
        return httpx.Response(404, json={})

    account = outside(handler)
    assert isinstance(await patiently(lambda: account.ask("GET", "/"), wait_s=0.001), Rejected)
    assert len(calls) == 1
