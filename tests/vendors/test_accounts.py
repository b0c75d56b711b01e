"""Adapters by account."""

from typing import Any

import httpx
import pytest
from platen_contracts.catalog import Vendor
from platen_vendors.accounts import Accounts, Unusable, VendorSecret
from pydantic import ValidationError

SECRET = VendorSecret.model_validate({"token": "a-token", "store_id": "7", "something_else": 1})


def vendor(**changes: Any) -> Vendor:
    given = {"vendor_id": "prints", "title": "Prints", "kind": "printful", "url": "http://127.0.0.1:9"}
    return Vendor.model_validate({**given, **changes})


async def test_an_account_has_one_adapter_until_the_catalog_moves_it() -> None:
    accounts = Accounts({"prints": SECRET}, 1.0)
    assert accounts.known("prints") is None
    first = accounts.adapter_of(vendor())
    assert accounts.adapter_of(vendor(title="Another name")) is first
    moved = accounts.adapter_of(vendor(url="http://127.0.0.1:10"))
    assert moved is not first
    assert accounts.known("prints") is moved
    await accounts.aclose()


async def test_an_adapter_that_was_replaced_finishes_its_calls_and_is_closed_with_the_rest() -> None:
    closed = 0

    class Network(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(404, json={"code": 404, "result": "Not Found"})

        async def aclose(self) -> None:
            nonlocal closed
            closed += 1

    accounts = Accounts({"prints": SECRET}, 1.0, Network())
    first = accounts.adapter_of(vendor())
    accounts.adapter_of(vendor(url="http://127.0.0.1:10"))
    assert not isinstance(first, Unusable)
    assert type(await first.find("abc")).__name__ == "Absent"
    assert closed == 0
    await accounts.aclose()
    assert closed == 2


def test_an_account_that_cannot_be_asked_says_what_to_do() -> None:
    accounts = Accounts({"prints": SECRET}, 1.0)
    missing, custom = accounts.adapter_of(vendor(vendor_id="other")), accounts.adapter_of(vendor(kind="custom", url=None))
    assert isinstance(missing, Unusable)
    assert (missing.code, "PLATEN_VENDOR_SECRETS" in missing.remedy, "'other'" in missing.remedy) == ("no_secret", True, True)
    assert isinstance(custom, Unusable)
    assert (custom.code, "'custom' has no adapter" in custom.remedy) == ("unknown_kind", True)


@pytest.mark.parametrize("token", ["short", "0123456789abcde/", "é" * 20, "x" * 129])
def test_a_webhook_token_that_is_guessed_or_breaks_a_path_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="16 to 128 letters"):
        VendorSecret.model_validate({"token": "a-token", "webhook_token": token})
