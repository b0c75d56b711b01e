from dataclasses import replace
from typing import Any

import pytest
from platen_vendors.compare import differences
from platen_vendors.model import Snapshot, VendorOrder
from platen_vendors.printful.read import snapshot

from .orders import MUG, ORDER, POSTER, as_printful, with_recipient


def read(result: dict[str, Any]) -> Snapshot:
    made = snapshot(result)
    assert made is not None
    return made


def test_an_order_given_back_as_sent_is_as_meant() -> None:
    assert differences(ORDER, read(as_printful())) == ()


@pytest.mark.parametrize(
    ("field", "spelled"),
    [
        ("name", "  zoë   ångström "),
        ("address1", "19749 DEARBORN ST"),
        ("zip", "913-11"),
        ("phone", "12312322334"),
        ("email", "ZOE@example.com"),
        ("email", None),
        ("phone", None),
    ],
)
def test_another_spelling_of_the_recipient_is_as_meant(field: str, spelled: str | None) -> None:
    shown = as_printful()
    shown["recipient"][field] = spelled
    assert differences(ORDER, read(shown)) == ()


def test_a_region_that_the_vendor_filled_in_is_as_meant() -> None:
    assert differences(with_recipient(region_code=None), read(as_printful())) == ()


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (with_recipient(full_name="Someone Else"), "recipient.full_name"),
        (with_recipient(line1="20000 Dearborn St"), "recipient.line1"),
        (with_recipient(line2=None), "recipient.line2"),
        (with_recipient(company=None), "recipient.company"),
        (with_recipient(city="Reno"), "recipient.city"),
        (with_recipient(region_code="NV"), "recipient.region_code"),
        (with_recipient(postcode="91312"), "recipient.postcode"),
        (with_recipient(country="CA"), "recipient.country"),
        (with_recipient(phone="+1 999"), "recipient.phone"),
    ],
)
def test_another_recipient_is_told_by_its_path_without_the_value(changed: VendorOrder, path: str) -> None:
    assert differences(changed, read(as_printful())) == (path,)


def test_an_address_line_that_the_vendor_lost_is_told() -> None:
    shown = as_printful()
    shown["recipient"]["address2"] = None
    assert differences(ORDER, read(shown)) == ("recipient.line2",)


def test_another_quantity_product_or_file_is_told() -> None:
    mug, poster = ORDER.items
    moved = replace(poster, files=(replace(poster.files[0], url="http://127.0.0.1/f/new"), poster.files[1]))
    meant = replace(ORDER, items=(replace(mug, quantity=3, variant_id="4012"), moved))
    paths = (f"items.{MUG}.quantity", f"items.{MUG}.product", f"items.{POSTER}.files.front", f"items.{POSTER}.files")
    assert differences(meant, read(as_printful())) == paths


def test_sides_that_changed_places_are_told() -> None:
    shown = as_printful()
    front, back = shown["items"][1]["files"]
    front["type"], back["type"] = "back", "front"
    assert f"items.{POSTER}.files.front" in differences(ORDER, read(shown))


def test_missing_and_additional_lines_are_told() -> None:
    shown = as_printful()
    stranger = {**shown["items"][1], "id": 900, "external_id": None}
    shown["items"] = [shown["items"][0], stranger]
    assert differences(ORDER, read(shown)) == (f"items.{POSTER}", "items")


def test_a_line_that_stands_there_twice_is_told() -> None:
    shown = as_printful()
    shown["items"].append({**shown["items"][0], "id": 900})
    assert differences(ORDER, read(shown)) == ("items",)


def test_a_blank_product_is_told() -> None:
    shown = as_printful()
    shown["items"][0]["files"] = []
    assert differences(ORDER, read(shown)) == (f"items.{MUG}.files.front",)


def test_previews_and_the_vendors_name_of_the_main_area_are_as_meant() -> None:
    shown = as_printful()
    shown["items"][0]["files"][0]["type"] = "default"
    shown["items"][0]["files"].append({"type": "preview", "url": "https://printful.example/preview.png"})
    assert differences(ORDER, read(shown)) == ()


def test_a_file_whose_address_the_vendor_no_longer_shows_is_believed_by_its_placement() -> None:
    shown = as_printful()
    shown["items"][0]["files"][0]["url"] = None
    assert differences(ORDER, read(shown)) == ()
