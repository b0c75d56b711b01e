import pytest
from platen_vendors.printful.refusals import BY_CODE, printful_code, rejected


def body(message: str, reason: str = "BadRequest", code: object = 400) -> dict[str, object]:
    return {"code": code, "result": message, "error": {"reason": reason, "message": message}}


@pytest.mark.parametrize("code", BY_CODE)
def test_every_code_of_printful_has_a_code_of_ours_and_a_remedy_in_one_sentence(code: str) -> None:
    refusal = rejected(400, body("Something is wrong", reason=code))
    assert refusal.code.startswith("vendor.")
    assert refusal.remedy.endswith(".")
    assert len(refusal.remedy) <= 120
    assert refusal.message == "Something is wrong"


@pytest.mark.parametrize(
    "given",
    [
        body("x", reason="OR-13"),
        body("x", reason="EXTERNAL_ID_IN_USE"),
        body("OR-13: external id in use"),
        body("x", code="OR-13"),
        {"code": 400, "result": "OR-13"},
        {"error": {"message": "OR-13"}},
    ],
)
def test_a_code_is_found_wherever_it_stands(given: object) -> None:
    assert printful_code(given) == "OR-13"


@pytest.mark.parametrize("given", [None, [], "", 7, {"code": 400}, body("XOR-13 and OR-134 are no codes"), {"error": ["OR-13"]}])
def test_a_body_without_a_code_has_none(given: object) -> None:
    assert printful_code(given) is None


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("Recipient: zip is missing, it is required for US", "vendor.address", "recipient.postcode"),
        ("Recipient: state_code 'XX' is missing or unknown in US", "vendor.address", "recipient.region_code"),
        ("Invalid country code", "vendor.address", "recipient.country"),
        ("Recipient: name is missing", "vendor.address", "recipient.full_name"),
        ("Missing required parameter: recipient", "vendor.address", "recipient"),
        ("tax_number (CPF/CNPJ) is missing", "vendor.address", "recipient.tax_id"),
        ("Insufficient funds in your wallet", "vendor.payment", None),
        ("Item 0: this phone case variant is discontinued", "vendor.variant_restricted", "items.product"),
        ("Item 0: could not download the image", "vendor.file_link", "items.files"),
        ("Invalid position", "vendor.placement", "items.files"),
        ("Something else", "vendor.refused", None),
    ],
)
def test_without_a_code_the_words_tell_the_field(message: str, code: str, field: str | None) -> None:
    refusal = rejected(400, body(message))
    assert (refusal.code, refusal.field) == (code, field)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "vendor.not_found"), (413, "vendor.too_large"), (430, "vendor.request"), (418, "vendor.refused")]
)
def test_without_words_the_status_tells(status: int, code: str) -> None:
    refusal = rejected(status, None)
    assert (refusal.code, refusal.message) == (code, f"HTTP {status}")


def test_the_vendors_words_are_redacted_and_short() -> None:
    refusal = rejected(400, body("Cannot fetch http://files.example/f/secret?sig=abc " + "x" * 2000, reason="FL-2"))
    assert refusal.message.startswith("Cannot fetch http://files.example/f/…?… xxx")
    assert len(refusal.message) == 500


def test_the_vendors_words_are_not_in_its_representation() -> None:
    assert "Zoë" not in repr(rejected(400, body("Recipient Zoë is unknown")))
