from datetime import UTC, datetime

import httpx
import pytest
from platen_outside.failures import (
    Answer,
    AuthFailed,
    Failure,
    Rejected,
    Throttled,
    Transient,
    Unknown,
    classify,
    classify_error,
    retry_after,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def of(status: int, body: bytes = b"{}", *, safe: bool = False, **headers: str) -> Answer | Failure:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(status, named, body, safe=safe, now=NOW)


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")])
def test_a_request_of_which_no_byte_left_may_be_sent_again(error: Exception) -> None:
    assert isinstance(classify_error(error, safe=False), Transient)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.RemoteProtocolError("x"),
        TimeoutError(),
    ],
)
def test_a_write_that_broke_on_the_way_may_have_been_done_but_a_read_is_just_repeated(error: Exception) -> None:
    assert isinstance(classify_error(error, safe=False), Unknown)
    assert isinstance(classify_error(error, safe=True), Transient)


def test_the_cause_never_holds_the_address_that_was_asked() -> None:
    outcome = classify_error(httpx.ReadTimeout("https://shop.example/?consumer_secret=cs_1"), safe=False)
    assert outcome.cause == "ReadTimeout"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 408])
def test_a_server_error_is_unknown_for_a_write_and_transient_for_a_read(status: int) -> None:
    assert isinstance(of(status, b"<html>Bad gateway</html>"), Unknown)
    assert isinstance(of(status, b"<html>Bad gateway</html>", safe=True), Transient)


def test_a_2xx_that_is_not_json_does_not_prove_that_a_write_was_done() -> None:
    assert isinstance(of(200, b"<html>ok</html>"), Unknown)
    assert isinstance(of(200, b""), Unknown)
    assert isinstance(of(200, b"", safe=True), Transient)


def test_a_deeply_nested_body_is_unreadable_and_not_a_crash() -> None:
    assert isinstance(of(200, b"[" * 200_000), Unknown)


def test_a_2xx_with_json_is_the_answer() -> None:
    assert of(201, b'{"id": 1}') == Answer(201, {"id": 1})


@pytest.mark.parametrize("status", [400, 404, 409, 422, 301])
def test_other_statuses_are_refusals_with_their_body(status: int) -> None:
    assert of(status, b'{"a": 1}') == Rejected(status, {"a": 1})
    assert of(status, b"<h1>no</h1>") == Rejected(status, "<h1>no</h1>", is_json=False)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_a_class_of_their_own(status: int) -> None:
    assert of(status) == AuthFailed(status)


def test_too_many_calls_say_how_long_to_wait() -> None:
    assert of(429, retry_after="17") == Throttled(17.0, 429)
    assert of(429, X_Ratelimit_Reset="9") == Throttled(9.0, 429)
    assert of(429) == Throttled(None, 429)


def test_a_busy_server_that_names_a_time_is_waited_for_by_reads_alone() -> None:
    assert of(503, safe=True, retry_after="5") == Throttled(5.0, 503)
    assert isinstance(of(503, retry_after="5"), Unknown)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"Retry-After": "999999"}, 3600.0),
        ({"Retry-After": "-4"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon", "X-Ratelimit-Reset": "3"}, 3.0),
        ({}, None),
    ],
)
def test_the_wait_is_read_from_seconds_dates_and_unix_times(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
