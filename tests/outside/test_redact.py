import logging

import httpx
import pytest
from platen_outside.redact import redact, redact_library_logs


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "GET https://s.example/wp-json/wc/v3/orders?consumer_key=ck_1&page=2 failed",
            "GET https://s.example/wp-json/wc/v3/orders?… failed",
        ),
        ("https://user:pass@s.example:8443/a", "https://s.example:8443/a"),
        ("could not fetch http://h:8103/f/Zm9vYmFy123", "could not fetch http://h:8103/f/…"),
        ("/f/abcDEF/x", "/f/…/x"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: … …"),
        ('{"token": "abc", "n": 1}', '{"token": "…", "n": 1}'),
        ("api_key=abc&x=1", "api_key=…&x=1"),
        ("key ck_0123456789abcdef0123456789abcdef01234567 is revoked", "key ck_… is revoked"),
        ("http://[bad/f/abc", "…"),
        ("OR-4: shipping method is invalid", "OR-4: shipping method is invalid"),
        ("Is it so? yes=no", "Is it so? yes=no"),
    ],
)
def test_secrets_go_and_the_rest_stays(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_httpx_logs_no_query_string(caplog: pytest.LogCaptureFixture) -> None:
    redact_library_logs()
    redact_library_logs()
    caplog.set_level(logging.INFO, "httpx")
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(transport=transport) as client:
        client.get("https://s.example/orders?consumer_secret=cs_9")
    assert "https://s.example/orders?…" in caplog.text
    assert "cs_9" not in caplog.text
