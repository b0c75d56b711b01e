import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts.common import Address, VendorProduct
from platen_contracts.dispatch import DispatchItem, DispatchRequested, PrintFile
from platen_vendors.adapter import ADAPTERS, UnknownVendorKindError, adapter
from platen_vendors.model import KINDS, VendorAccount, VendorFile, external_id, vendor_order
from platen_vendors.printful import Printful

ORDER_ID = "0f" * 16
ITEM_ID = "ab" * 16


@given(number=st.integers(0, 2**128 - 1), submission=st.integers(1, 9_999_999))
def test_an_external_id_holds_the_order_and_the_submission_and_fits_printful(number: int, submission: int) -> None:
    made = external_id(f"{number:032x}", submission)
    assert int(made[:25], 36) == number
    assert made[25:] == str(submission)
    assert len(made) <= 32
    assert made.isalnum()
    assert made == made.lower()


def test_the_same_submission_always_has_the_same_external_id() -> None:
    assert external_id("0" * 31 + "a", 1) == "000000000000000000000000" + "a" + "1"
    assert external_id("f" * 32, 12) == "f5lxx1zz5pnorynqglhzmsp3312"


@pytest.mark.parametrize("order_id", ["", "F" * 32, "0" * 31, "0" * 33, "zz" * 16])
def test_an_order_id_of_another_shape_is_refused_with_the_value_seen(order_id: str) -> None:
    with pytest.raises(ValueError, match=r"order_id: .* is not 32 lower-case hex digits"):
        external_id(order_id, 1)


@pytest.mark.parametrize("submission", [0, -1, 10_000_000])
def test_a_submission_number_out_of_range_is_refused(submission: int) -> None:
    with pytest.raises(ValueError, match=r"submission: .* is not between 1 and 9999999"):
        external_id(ORDER_ID, submission)


def test_a_request_becomes_an_order_in_the_vendors_terms() -> None:
    file = PrintFile(sha256="c" * 64, link="http://files.example/f/abc")
    request = DispatchRequested(
        order_id=ORDER_ID,
        generation=2,
        vendor_id="prints",
        number="#1001-2",
        currency="EUR",
        recipient=Address(full_name="Ada", line1="1 High St", city="Leeds", country="GB"),
        items=[
            DispatchItem(
                item_id=ITEM_ID,
                title="Mug",
                quantity=3,
                product=VendorProduct(variant_id="4011", placements={"front": "default"}),
                files={"front": file, "back": file},
            )
        ],
    )
    order = vendor_order(request, submission=2)
    assert order.external_id == external_id(ORDER_ID, 2)
    assert (order.display_ref, order.currency, order.recipient) == ("#1001-2", "EUR", request.recipient)
    (item,) = order.items
    assert (item.item_id, item.quantity, item.variant_id) == (ITEM_ID, 3, "4011")
    assert item.files == (VendorFile("back", file.link, file.sha256), VendorFile("default", file.link, file.sha256))


def test_no_representation_shows_the_recipient_the_link_or_the_token() -> None:
    file = VendorFile("front", "http://files.example/f/secret", "c" * 64)
    assert "secret" not in repr(file)
    assert "hidden" not in repr(VendorAccount("prints", token="hidden"))


def test_each_kind_of_vendor_has_its_adapter() -> None:
    assert adapter("printful") is Printful


def test_a_kind_without_an_adapter_is_refused_with_what_is_known() -> None:
    with pytest.raises(UnknownVendorKindError, match=r"vendor kind: 'custom' has no adapter; known: printful\. Correct `kind`"):
        adapter("custom")


def test_the_kinds_that_rules_know_are_those_with_an_adapter() -> None:
    assert set(ADAPTERS) == KINDS
