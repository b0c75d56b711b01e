from datetime import UTC, datetime
from typing import Any

import pytest
from platen_contracts.status import VendorStatus
from platen_vendors.model import Issue, Shipment, Snapshot
from platen_vendors.printful.read import snapshot

from .orders import MUG, ORDER, POSTER, as_printful


def read(result: dict[str, Any]) -> Snapshot:
    made = snapshot(result)
    assert made is not None
    return made


def parcel(**changes: Any) -> dict[str, Any]:
    shipment = {
        "id": 10,
        "carrier": "FEDEX",
        "service": "SmartPost",
        "tracking_number": 123,
        "tracking_url": "https://t.example/123",
        "shipped_at": 1588716060,
        "reshipment": False,
        "items": [{"item_id": 500, "quantity": 1}, {"item_id": 501, "quantity": 1}],
    }
    return {**shipment, **changes}


@pytest.mark.parametrize(
    ("raw", "status", "stage", "ended"),
    [
        ("draft", VendorStatus.DRAFT, "editable", False),
        ("failed", VendorStatus.FAILED, "editable", True),
        ("inreview", VendorStatus.ACCEPTED, "live", False),
        ("pending", VendorStatus.ACCEPTED, "live", False),
        ("inprocess", VendorStatus.IN_PRODUCTION, "live", False),
        ("onhold", VendorStatus.ON_HOLD, "live", False),
        ("partial", VendorStatus.PARTIALLY_SHIPPED, "live", False),
        ("fulfilled", VendorStatus.SHIPPED, "live", False),
        ("canceled", VendorStatus.CANCELLED, "ended", True),
        ("archived", VendorStatus.UNKNOWN, "unknown", False),
        ("teleported", VendorStatus.UNKNOWN, "unknown", False),
    ],
)
def test_every_word_of_printful_has_a_neutral_one_and_is_kept(raw: str, status: VendorStatus, stage: str, ended: bool) -> None:
    shown = read(as_printful(status=raw))
    assert (shown.status, shown.stage, shown.ended, shown.status_raw) == (status, stage, ended, raw)


def test_a_word_not_known_here_is_an_issue() -> None:
    assert read(as_printful(status="teleported")).issues == (Issue("vendor.status_unknown", words="teleported"),)


def test_a_parcel_counts_units_by_our_items() -> None:
    assert read(as_printful(status="partial", shipments=[parcel()])).shipments == (
        Shipment(
            shipment_id="10",
            carrier="FEDEX",
            service="SmartPost",
            tracking_number="123",
            tracking_url="https://t.example/123",
            shipped_at=datetime(2020, 5, 5, 22, 1, tzinfo=UTC),
            units={MUG: 1, POSTER: 1},
        ),
    )


def test_the_same_item_twice_in_a_parcel_is_added_up() -> None:
    lines = [{"item_id": 500, "quantity": 1}, {"item_id": "500", "quantity": 1}]
    assert read(as_printful(shipments=[parcel(items=lines)])).shipments[0].units == {MUG: 2}


def test_a_parcel_that_cannot_be_read_is_an_issue_and_the_others_still_count() -> None:
    shown = read(as_printful(shipments=[{"carrier": "no id"}, "nonsense", parcel()]))
    assert len(shown.shipments) == 1
    assert shown.issues == (Issue("vendor.shipment_unreadable"), Issue("vendor.shipment_unreadable"))


def test_units_of_a_line_that_is_not_ours_are_an_issue() -> None:
    shown = read(as_printful(shipments=[parcel(items=[{"item_id": 999, "quantity": 1}])]))
    assert shown.shipments[0].units == {}
    assert shown.issues == (Issue("vendor.shipment_of_unknown_item"),)


@pytest.mark.parametrize("moment", [None, 0, 1e300, -1e300])
def test_an_odd_moment_is_no_moment(moment: float | None) -> None:
    assert read(as_printful(shipments=[parcel(shipped_at=moment)])).shipments[0].shipped_at is None


def test_a_cancelled_order_has_cancelled_what_was_not_shipped() -> None:
    shipped = parcel(items=[{"item_id": 500, "quantity": 1}])
    again = parcel(id=11, reshipment=True, items=[{"item_id": 500, "quantity": 1}])
    assert read(as_printful(status="canceled", shipments=[shipped, again])).cancelled_units == {MUG: 1, POSTER: 1}
    assert read(as_printful(status="partial", shipments=[shipped])).cancelled_units == {}


def test_what_the_vendor_has_of_each_item_is_counted() -> None:
    assert read(as_printful()).units == {MUG: 2, POSTER: 1}


def test_goods_that_ran_out_are_issues_of_their_item() -> None:
    shown = as_printful()
    shown["items"][0]["out_of_stock"] = True
    shown["items"][1]["discontinued"] = True
    assert read(shown).issues == (Issue("vendor.out_of_stock", MUG), Issue("vendor.discontinued", POSTER))


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "Not Found",
        {},
        {"id": 1},
        {"status": "draft"},
        {"id": 1, "status": "draft", "items": [{"id": 1}]},
        {"id": [], "status": {}},
    ],
)
def test_what_is_no_order_is_not_read_as_one(result: object) -> None:
    assert snapshot(result) is None


def test_fields_that_are_null_or_missing_are_simply_not_known() -> None:
    shown = read({"id": 5, "status": "pending", "items": None, "recipient": None, "shipments": None})
    assert (shown.vendor_order_id, shown.external_id, shown.items, dict(shown.recipient)) == ("5", None, (), {})


def test_nothing_personal_is_in_its_representation() -> None:
    shown = repr(read(as_printful(shipments=[parcel()])))
    for hidden in (ORDER.recipient.full_name, ORDER.recipient.line1, "zoe@example.com", "t.example", "/f/token"):
        assert hidden not in shown
