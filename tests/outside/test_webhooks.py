from collections.abc import AsyncIterator

import pytest
from platen_outside.webhooks import MOST_BYTES, Encoding, received, signature, signed_by

BODY = b'{"id":1}'


def test_the_signature_is_the_one_woocommerce_would_send() -> None:
    # printf '{"id":1}' | openssl dgst -sha256 -hmac secret -binary | base64
    assert signature(BODY, "secret", "base64") == "A971iWIMgT8Zj9A9eWfikrFj7wQ16/Qwcc4OlRl2PLc="
    assert signature(BODY, "secret", "hex") == "03def589620c813f198fd03d7967e292b163ef0435ebf43071ce0e9519763cb7"


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_both_secrets_are_accepted_while_one_replaces_the_other(encoding: Encoding) -> None:
    for secret in ("old", "new"):
        assert signed_by(BODY, signature(BODY, secret, encoding), ["new", "old"], encoding)


@pytest.mark.parametrize("given", [None, "", "nonsense", "ünïcode", signature(BODY, "other", "base64")])
def test_anything_else_is_refused(given: str | None) -> None:
    assert not signed_by(BODY, given, ["secret"], "base64")


def test_a_changed_body_is_refused() -> None:
    assert not signed_by(b'{"id":2}', signature(BODY, "secret", "base64"), ["secret"], "base64")


def test_an_empty_secret_signs_nothing() -> None:
    assert not signed_by(BODY, signature(BODY, "", "base64"), ["", ""], "base64")
    assert not signed_by(BODY, signature(BODY, "x", "base64"), [], "base64")


def test_a_hex_signature_may_be_in_capitals() -> None:
    assert signed_by(BODY, signature(BODY, "secret", "hex").upper(), ["secret"], "hex")


async def test_a_body_is_read_piece_by_piece_and_no_further_than_is_allowed() -> None:
    read = 0

    async def pieces(count: int) -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(count):
            read += 1
            yield b" " * (MOST_BYTES // 2)

    assert await received(pieces(2)) == b" " * MOST_BYTES
    read = 0
    assert await received(pieces(10)) is None
    assert read == 3
