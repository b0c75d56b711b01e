"""What sync makes of a WooCommerce order: neutral words, links, answers, and why some wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from platen_contracts.catalog import Listing, Policies, Shop, Vendor
from platen_contracts.common import ArtworkRef, OutputProfile, VendorProduct
from platen_sync.decide.observing import Known, Reported, Skipped, observe, relink, resolve
from platen_sync.decide.woocommerce import Unreadable, key_of, read_order
from platen_sync.model import Listed, ShopOrder, Standing, Wants

Json = dict[str, Any]

SYNC_FROM = datetime(2026, 11, 1, tzinfo=UTC)
READ = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
SHOP = Shop(shop_id="shop-a", title="Shop A", url="https://a.example", sync_from=SYNC_FROM)
PRINTFUL = Vendor(vendor_id="printful-main", title="Printful", kind="printful")
BY_HAND = Vendor(vendor_id="by-hand", title="The printer next door", kind="custom")


def woo_line(**given: Any) -> Json:
    return {
        "id": 501,
        "name": "Poster",
        "parent_name": None,
        "product_id": 11,
        "variation_id": 0,
        "quantity": 2,
        "total": "49.98",
        "price": 24.99,
        "sku": "POSTER-A2",
        "meta_data": [{"id": 1, "key": "Name", "value": "Ada", "display_key": "Name", "display_value": "Ada"}],
    } | given


def woo_order(**given: Any) -> Json:
    return {
        "id": 1001,
        "number": "1001",
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-11-23T09:00:00",
        "date_modified_gmt": "2026-11-23T10:00:00",
        "customer_note": "",
        "billing": {
            "first_name": "Ada",
            "last_name": "L",
            "address_1": "Bill St 1",
            "country": "DE",
            "email": "a@b.example",
            "phone": "12",
        },
        "shipping": {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company": "",
            "address_1": "Ship St 2",
            "address_2": "",
            "city": "Berlin",
            "state": "BE",
            "postcode": "10115",
            "country": "de",
        },
        "line_items": [woo_line()],
    } | given


def listing(
    listing_id: str = "11", vendor_id: str = "printful-main", artwork: bool = True, questions: dict[str, str] | None = None
) -> Listing:
    return Listing(
        shop_id="shop-a",
        listing_id=listing_id,
        title="Poster",
        vendor_id=vendor_id,
        product=VendorProduct(variant_id="4012"),
        profile=OutputProfile(profile_id="a2", version=1, width_px=60, height_px=80),
        artwork=ArtworkRef(artwork_id="name-poster", version=3) if artwork else None,
        questions=questions or {"Name": "name"},
    )


def catalog(*listings: Listing, vendors: tuple[Vendor, ...] = (PRINTFUL, BY_HAND)):
    by_id = {vendor.vendor_id: vendor for vendor in vendors}
    found = {one.listing_id: Listed("shop-a", one.listing_id, one, by_id.get(one.vendor_id)) for one in listings}
    return found.get


def observed(raw: Json, *listings: Listing, held: ShopOrder | None = None, vendors: tuple[Vendor, ...] = (PRINTFUL, BY_HAND)):
    seen = read_order(raw)
    held = held or ShopOrder("shop-a", seen.shop_order_id)
    return observe(held, seen, READ, catalog(*listings, vendors=vendors), SHOP)


def test_an_order_with_a_listing_is_reported_whole() -> None:
    outcome = observed(woo_order(), listing())

    assert isinstance(outcome, Reported)
    told = outcome.observed
    assert (told.shop_id, told.shop_order_id, told.number, told.currency) == ("shop-a", "1001", "1001", "EUR")
    assert (told.modified_at, told.read_at) == (datetime(2026, 11, 23, 10, 0, tzinfo=UTC), READ)
    assert told.recipient is not None
    assert (told.recipient.full_name, told.recipient.line1, told.recipient.country) == ("Ada Lovelace", "Ship St 2", "DE")
    assert (told.recipient.phone, told.recipient.email, told.recipient.line2) == ("12", "a@b.example", None)
    line = told.lines[0]
    assert (line.line_id, line.title, line.quantity, line.sku) == ("501", "Poster", 2, "POSTER-A2")
    assert line.price is not None
    assert (str(line.price.amount), line.price.currency) == ("24.99", "EUR")
    assert line.link is not None
    assert (line.link.vendor_id, line.link.custom, line.link.answers) == ("printful-main", False, {"name": "Ada"})


def test_without_a_shipping_address_the_billing_address_is_where_it_goes() -> None:
    outcome = observed(woo_order(shipping={"first_name": "", "address_1": "", "country": ""}), listing())
    assert isinstance(outcome, Reported)
    assert outcome.observed.recipient is not None
    assert outcome.observed.recipient.line1 == "Bill St 1"


@pytest.mark.parametrize("country", ["", "Germany", "D1", "ไท"])
def test_an_address_without_a_real_country_code_is_no_address(country: str) -> None:
    raw = woo_order(shipping={"address_1": "Ship St 2", "country": country})
    assert read_order(raw).recipient is None


@pytest.mark.parametrize(
    "text",
    ["مُحَمَّد عبد الله", "สมชาย ใจดี", "Zoë & Søn <3", "👩‍👩‍👧 family", "نصّ\nمن سطرين"],
    ids=["arabic", "thai", "markup", "emoji", "lines"],
)
def test_a_buyers_words_stay_as_they_were_typed(text: str) -> None:
    raw = woo_order(line_items=[woo_line(meta_data=[{"id": 1, "key": "Name", "value": text}])])
    outcome = observed(raw, listing())
    assert isinstance(outcome, Reported)
    assert outcome.observed.lines[0].link is not None
    assert outcome.observed.lines[0].link.answers == {"name": text}


@pytest.mark.parametrize(
    ("meta", "answer"),
    [
        ([{"key": "engraving", "value": "Ada"}], "Ada"),
        ([{"key": "_pao_1", "display_key": "engraving", "value": "Ada"}], "Ada"),
        ([{"key": "engraving", "value": ["Ada", "Alan"]}], ["Ada", "Alan"]),
        ([{"key": "engraving", "value": {"label": "Your name", "value": "Ada"}}], "Ada"),
        ([{"key": "engraving", "value": [{"value": "Ada"}, {"value": ""}, {"value": "Alan"}]}], ["Ada", "Alan"]),
        ([{"key": "engraving", "value": "Ada"}, {"key": "engraving", "value": "Alan"}], ["Ada", "Alan"]),
        ([{"key": "engraving", "value": 1952}], "1952"),
        ([{"key": "engraving", "value": True}], "yes"),
        ([{"key": "engraving", "value": "  "}], None),
        ([{"key": "other", "value": "Ada"}], None),
        ([], None),
    ],
)
def test_each_plugins_way_of_keeping_an_answer_is_understood(meta: list[Json], answer: object) -> None:
    outcome = observed(woo_order(line_items=[woo_line(meta_data=meta)]), listing(questions={"engraving": "name"}))
    assert isinstance(outcome, Reported)
    assert outcome.observed.lines[0].link is not None
    assert outcome.observed.lines[0].link.answers.get("name") == answer


def test_a_variation_speaks_before_its_product_and_the_product_where_no_variation_does() -> None:
    raw = woo_order(line_items=[woo_line(variation_id=77, name="Poster - A2, black", parent_name="Poster")])
    line = read_order(raw).lines[0]
    assert (line.title, line.variant, line.listing_ids) == ("Poster", "A2, black", ["11:77", "11"])

    both = resolve(line, catalog(listing("11"), listing("11:77", "by-hand")), import_missing_artwork=False)
    assert both.link is not None
    assert (both.link.listing_id, both.link.custom) == ("11:77", True)
    product = resolve(line, catalog(listing("11")), import_missing_artwork=False)
    assert product.link is not None
    assert product.link.listing_id == "11"


def test_a_listing_whose_vendor_is_not_heard_of_leaves_the_line_unlinked_until_it_comes() -> None:
    first = observed(woo_order(), listing(), vendors=())
    assert isinstance(first, Skipped)
    assert first.why.code == "no_line_linked"

    after = relink(first.state, catalog(listing()), SHOP)

    assert isinstance(after, Reported)
    assert after.observed.lines[0].link is not None
    assert after.state.waiting == ()


def test_an_order_with_one_linked_line_is_reported_again_when_the_other_lines_listing_comes() -> None:
    raw = woo_order(line_items=[woo_line(), woo_line(id=502, product_id=12)])
    first = observed(raw, listing("11"))
    assert isinstance(first, Reported)
    assert [line.link is not None for line in first.observed.lines] == [True, False]
    assert [(wait.listing_id, wait.wants) for wait in first.state.waiting] == [("12", Wants.LINK)]

    again = relink(first.state, catalog(listing("11"), listing("12")), SHOP)

    assert isinstance(again, Reported)
    assert [line.link is not None for line in again.observed.lines] == [True, True]
    assert (again.observed.modified_at, again.observed.read_at) == (first.observed.modified_at, first.observed.read_at)
    assert isinstance(relink(again.state, catalog(listing("11"), listing("12")), SHOP), Known)


def test_a_line_whose_listing_has_no_artwork_waits_until_it_has_one() -> None:
    first = observed(woo_order(), listing(artwork=False))
    assert isinstance(first, Skipped)
    assert first.why.code == "no_line_linked"
    assert [wait.wants for wait in first.state.waiting] == [Wants.ARTWORK]
    again = relink(first.state, catalog(listing()), SHOP)
    assert isinstance(again, Reported)
    assert again.observed.lines[0].link is not None


def test_a_shop_may_want_lines_without_an_artwork_imported_as_they_are() -> None:
    shop = SHOP.model_copy(update={"policies": Policies(import_missing_artwork=True)})
    outcome = observe(ShopOrder("shop-a", "1001"), read_order(woo_order()), READ, catalog(listing(artwork=False)), shop)
    assert isinstance(outcome, Reported)
    link = outcome.observed.lines[0].link
    assert link is not None
    assert link.artwork is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "pending"}, "not_paid"),
        ({"status": "on-hold"}, "not_paid"),
        ({"status": "checkout-draft"}, "not_paid"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "refunded"}, "cancelled"),
        ({"status": "trash"}, "cancelled"),
        ({"status": "wc-awaiting-shipment"}, "unknown_status"),
        ({"date_created_gmt": "2026-10-31T23:59:59"}, "placed_before_start"),
        ({"line_items": []}, "no_line_linked"),
        ({"line_items": [woo_line(quantity=0)]}, "no_line_linked"),
        ({"line_items": [woo_line(quantity=1001)]}, "too_many_units"),
        ({"line_items": [woo_line(id=number) for number in range(201)]}, "too_many_lines"),
        (
            {
                "line_items": [
                    woo_line(id=n, meta_data=[{"key": str(k), "value": "x" * 2000} for k in range(9)]) for n in range(70)
                ]
            },
            "too_large",
        ),
    ],
)
def test_an_order_that_is_not_for_us_yet_is_skipped_with_a_code_and_a_remedy(changes: Json, code: str) -> None:
    questions = {str(k): f"o{k}" for k in range(9)} | {"Name": "name"}
    outcome = observed(woo_order(**changes), listing(questions=questions))
    assert isinstance(outcome, Skipped)
    assert outcome.why.code == code
    assert len(outcome.why.remedy) > 20
    assert not outcome.state.reported


@pytest.mark.parametrize("status", ["processing", "completed"])
def test_paid_orders_are_imported(status: str) -> None:
    assert isinstance(observed(woo_order(status=status), listing()), Reported)


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "trash"])
def test_an_order_that_was_reported_and_is_cancelled_then_is_reported_as_cancelled(status: str) -> None:
    first = observed(woo_order(), listing())
    assert isinstance(first, Reported)
    later = observed(woo_order(status=status, date_modified_gmt="2026-11-23T11:00:00"), listing(), held=first.state)
    assert isinstance(later, Reported)
    assert later.observed.cancelled


def test_the_same_reading_twice_is_reported_once_and_a_change_within_the_same_second_again() -> None:
    first = observed(woo_order(), listing())
    assert isinstance(first, Reported)
    assert isinstance(observed(woo_order(), listing(), held=first.state), Known)
    assert isinstance(observed(woo_order(customer_note="Please hurry"), listing(), held=first.state), Reported)


def test_an_older_reading_changes_nothing() -> None:
    first = observed(woo_order(), listing())
    assert isinstance(first, Reported)
    older = read_order(woo_order(date_modified_gmt="2026-11-23T09:59:59", customer_note="old"))
    outcome = observe(first.state, older, READ + timedelta(hours=1), catalog(listing()), SHOP)
    assert isinstance(outcome, Known)
    assert outcome.state.seen == first.state.seen


def test_a_reading_answers_the_hints_that_came_before_it_began_and_no_later_one() -> None:
    early = ShopOrder("shop-a", "1001", hinted_at=READ - timedelta(seconds=1), read_next=READ)
    late = ShopOrder("shop-a", "1001", hinted_at=READ + timedelta(seconds=1), read_next=READ)
    assert observed(woo_order(), listing(), held=early).state.hinted_at is None
    assert observed(woo_order(), listing(), held=late).state.hinted_at == late.hinted_at


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ([], "the order"),
        (woo_order(id="abc"), "id"),
        (woo_order(date_created_gmt="yesterday"), "date_created_gmt"),
        (woo_order(currency="Euro"), "currency"),
        (woo_order(line_items={"0": {}}), "line_items"),
        (woo_order(line_items=[woo_line(quantity="many")]), "quantity"),
    ],
)
def test_what_is_no_order_is_told_by_its_field(raw: object, field: str) -> None:
    with pytest.raises(Unreadable, match=field):
        read_order(raw)


def test_paging_needs_only_the_id_and_the_modified_time() -> None:
    assert key_of({"id": 5, "date_modified_gmt": "2026-11-23T10:00:00", "line_items": 7})[0] == "5"


def test_bytes_that_no_database_takes_are_left_out_of_texts() -> None:
    seen = read_order(woo_order(customer_note="a\x00b \ud800"))
    assert seen.buyer_note == "ab ?"
    assert seen.standing is Standing.PAID


def test_a_line_price_is_what_one_unit_cost_after_discounts() -> None:
    line = read_order(woo_order(line_items=[woo_line(quantity=3, total="10.00")])).lines[0]
    assert line.price is not None
    assert str(line.price.amount) == "3.33"
    assert read_order(woo_order(line_items=[woo_line(total="free")])).lines[0].price is None
