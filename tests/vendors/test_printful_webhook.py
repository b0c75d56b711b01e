import json
from datetime import UTC, datetime
from typing import Any

import pytest
from platen_vendors.model import MalformedWebhookError, VendorEvent
from platen_vendors.printful.webhook import events


def webhook(**changes: Any) -> bytes:
    body = {
        "type": "package_shipped",
        "created": 1622456737,
        "retries": 0,
        "store": 12,
        "data": {"shipment": {"id": 10}, "order": {"id": 13, "external_id": "abc1", "status": "fulfilled"}},
    }
    return json.dumps({**body, **changes}).encode()


def test_an_event_only_says_which_order_to_read() -> None:
    assert events(webhook()) == (
        VendorEvent(
            "13",
            "abc1",
            "package_shipped",
            "package_shipped:13:1622456737:10",
            datetime(2021, 5, 31, 10, 25, 37, tzinfo=UTC),
            False,
        ),
    )


def test_a_delivery_sent_again_has_the_same_key() -> None:
    assert events(webhook(retries=5))[0].dedupe_key == events(webhook())[0].dedupe_key


def test_another_parcel_in_the_same_second_has_another_key() -> None:
    other = webhook(data={"shipment": {"id": 11}, "order": {"id": 13}})
    assert events(other)[0].dedupe_key != events(webhook())[0].dedupe_key


def test_a_type_not_known_here_still_says_which_order_to_read() -> None:
    assert events(webhook(type="order_dreamt", data={"order": {"id": 13}}))[0].vendor_order_id == "13"


@pytest.mark.parametrize("data", [None, {}, {"product_id": 7}, {"order": None}])
def test_an_event_about_no_order_gives_nothing(data: object) -> None:
    assert events(webhook(type="stock_updated", data=data)) == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "body: Invalid JSON"),
        (b"webhook_id=5", "body: Invalid JSON"),
        (b"[]", "body: Input should be an object"),
        (b"{}", "type: Field required"),
        (b'{"type": "x", "data": {"order": {"name": "Zoe"}}}', "data.order.id: Field required"),
        (b"\xff\xfe", "body: Invalid JSON"),
    ],
)
def test_what_printful_would_not_send_is_refused_in_one_line_without_its_content(body: bytes, words: str) -> None:
    with pytest.raises(MalformedWebhookError, match=words) as refused:
        events(body)
    assert "\n" not in str(refused.value)
    assert "Zoe" not in str(refused.value)
