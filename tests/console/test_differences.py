"""What the shop says beside what stands here."""

from __future__ import annotations

from typing import Any

import pytest
from platen_console.web.differences import Difference, Take, differences
from platen_contracts.orders import OrderSnapshot
from platen_contracts.status import OrderStatus

from .heard import MUG, a_private, an_order, item_id

ORDER = an_order(1, OrderStatus.NEW)
SENT = an_order(1, OrderStatus.SENT)
ITEM = item_id(ORDER.order_id)
ARTWORKS = {"family-mug/3": MUG}
HERE = {
    "full_name": "Zoë Müller",
    "line1": "Hauptstraße 1",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
    "email": "someone@example.org",
    "phone": "+49 30 1234567",
}
MOVED = {"line1": "Nebenstraße 2", "city": "Hamburg", "country": "DE"}


def _told(shop: dict[str, Any], order: OrderSnapshot = ORDER, **fields: Any) -> list[Difference]:
    return differences(order, a_private(order, shop=shop, **fields), ARTWORKS)


def test_a_place_is_one_field_and_taken_over_with_the_person_that_stands_here() -> None:
    (it,) = _told({"recipient.address": {"value": MOVED}})
    assert (it.field, it.here) == ("Recipient’s address", "Hauptstraße 1\n10115 Berlin\nDE")
    assert it.shop == "Nebenstraße 2\nHamburg\nDE"
    kept = {name: value for name, value in HERE.items() if name != "postcode"}
    assert it.take == Take("edit_shipping", {**kept, **MOVED})


def test_what_the_shop_took_away_is_a_dash_and_a_name_cannot_be_taken_away() -> None:
    name, phone = _told({"recipient.phone": {}, "recipient.full_name": {}})
    assert (name.here, name.shop, name.take) == ("Zoë Müller", "–", None)
    assert (phone.here, phone.shop) == ("+49 30 1234567", "–")
    assert phone.take == Take("edit_shipping", {key: value for key, value in HERE.items() if key != "phone"})


def test_an_answer_is_told_by_its_question_and_taken_over_alone() -> None:
    (it,) = _told({f"items.{ITEM}.answers.name": {"value": "نور"}})
    assert it == Difference("Star map poster: Name on the mug", "Zoë", "نور", Take("personalise", {"answer.name": "نور"}, ITEM))


@pytest.mark.parametrize("value", [{"value": {"sha256": "ab" * 32, "size": 2_480_115, "media_type": "image/png"}}, {}])
def test_a_photo_or_a_withdrawn_answer_is_shown_and_left_to_a_person(value: dict[str, Any]) -> None:
    (it,) = _told({f"items.{ITEM}.answers.name": value})
    assert (it.shop, it.take) == ("a photo, 2.5 MB" if value else "–", None)


def test_an_artwork_is_taken_over_by_name_and_version() -> None:
    (it,) = _told({f"items.{ITEM}.artwork": {"value": {"artwork_id": "star-map", "version": 2}}})
    assert (it.here, it.shop) == ("family-mug/3", "star-map/2")
    assert it.take == Take("set_artwork", {"artwork": "star-map/2"}, ITEM)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("lines.1.quantity", {"value": 7}, ("Star map poster: quantity", "2", "7")),
        ("lines.1.listing", {"value": "55:7"}, ("Star map poster: listing", "–", "55:7")),
        ("lines.1", {}, ("Star map poster: the line", "in the order", "taken out of the order")),
        ("lines.1", {"value": True}, ("Star map poster: the line", "in the order", "ordered")),
        ("buyer_note", {"value": "Please hurry"}, ("The buyer’s note", "–", "Please hurry")),
        ("something.new", {"value": [1, 2]}, ("something new", "–", "1\n2")),
    ],
)
def test_what_only_a_person_can_divide_or_answer_is_shown(path: str, value: dict[str, Any], said: tuple[str, str, str]) -> None:
    (it,) = _told({path: value})
    assert ((it.field, it.here, it.shop), it.take) == (said, None)


def test_a_line_that_was_split_is_told_with_all_its_parts() -> None:
    item = ORDER.items[ITEM].model_copy(update={"quantity": 1})
    order = ORDER.model_copy(update={"items": {ITEM: ORDER.items[ITEM], "e" * 32: item}})
    (it,) = _told({"lines.1.quantity": {"value": 7}}, order)
    assert it.here == "2 + 1"


def test_nothing_is_taken_over_where_the_order_does_not_offer_the_action() -> None:
    paths = {"recipient.address": {"value": MOVED}, f"items.{ITEM}.answers.name": {"value": "Ana"}}
    assert [it.take for it in _told(paths, SENT)] == [None, None]


def test_without_a_private_half_nothing_differs() -> None:
    assert differences(ORDER, None, ARTWORKS) == []
