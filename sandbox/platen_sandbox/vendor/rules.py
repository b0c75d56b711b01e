"""What Printful accepts as an order (pure). Raises PrintfulError with the code of its documentation."""

import re
from typing import Any

from platen_sandbox.model import Account, Json

from .errors import PrintfulError

EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
SHIPPING = re.compile(r"[A-Z][A-Z0-9_]*")
COUNTRY = re.compile(r"[A-Z]{2}")
VARIANTS = ("variant_id", "sync_variant_id", "external_variant_id", "warehouse_product_variant_id")
MOST_UNITS = 1000
TEXT_FIELDS = (
    "name",
    "company",
    "address1",
    "address2",
    "city",
    "state_code",
    "country_code",
    "zip",
    "phone",
    "email",
    "tax_number",
)
WITHOUT_POSTCODE = frozenset(
    "AE AG AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM DJ DM ER FJ GD GH GM GQ GY HK IE JM KI KM KN LC ML MO MR MU MW NR NU "  # noqa: SIM905
    "PA QA RW SB SC SL SO SR ST SY TD TF TG TK TL TO TT TV TZ UG VU WS YE ZW".split()
)
STATES = {
    country: frozenset(codes.split())
    for country, codes in {
        "US": "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
        "PA RI SC SD TN TX UT VT VA WA WV WI WY AA AE AP AS GU MP PR VI",
        "CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
        "AU": "ACT NSW NT QLD SA TAS VIC WA",
    }.items()
}


def check_order(account: Account, given: Json) -> None:
    """A whole order, as POST takes it."""
    check_external_id(given.get("external_id"))
    if not isinstance(given.get("recipient"), dict):
        raise PrintfulError("Missing required parameter: recipient")
    if "items" not in given:
        raise PrintfulError("Missing required parameter: items")
    check_parts(account, given)


def check_parts(account: Account, given: Json) -> None:
    """Whatever of an order is given, as PUT takes it."""
    if "shipping" in given and not (isinstance(given["shipping"], str) and SHIPPING.fullmatch(given["shipping"])):
        raise PrintfulError(f"Invalid shipping method: {given['shipping']!r}", "OR-4")
    if "recipient" in given:
        check_recipient(given["recipient"])
    if "items" in given:
        check_items(account, given["items"])


def check_external_id(external_id: Any) -> None:
    if external_id is None:
        return
    if not isinstance(external_id, str | int) or not EXTERNAL_ID.fullmatch(str(external_id)):
        message = f"External ID {external_id!r} is invalid: up to 32 digits, Latin letters, dashes and underscores are allowed"
        raise PrintfulError(message)


def check_recipient(recipient: Any) -> None:
    if not isinstance(recipient, dict):
        raise PrintfulError("Invalid parameter type: recipient must be an object", "InvalidParameter", 431)
    for name in TEXT_FIELDS:
        if not isinstance(recipient.get(name), str | None):
            raise PrintfulError(f"Invalid parameter type: recipient.{name} must be a string", "InvalidParameter", 431)
    country = recipient.get("country_code") or ""
    if not COUNTRY.fullmatch(country):
        raise PrintfulError(f"Recipient: country_code {country!r} is missing or invalid")
    for name in ("name", "address1", "city"):
        if not (recipient.get(name) or "").strip():
            raise PrintfulError(f"Recipient: {name} is missing")
    if country not in WITHOUT_POSTCODE and not (recipient.get("zip") or "").strip():
        raise PrintfulError(f"Recipient: zip is missing, it is required for {country}")
    if country in STATES and recipient.get("state_code") not in STATES[country]:
        raise PrintfulError(f"Recipient: state_code {recipient.get('state_code')!r} is missing or unknown in {country}")
    if country == "BR" and not recipient.get("tax_number"):
        raise PrintfulError("Recipient: tax_number (CPF/CNPJ) is missing, it is required for BR")


def check_items(account: Account, items: Any) -> None:
    if not isinstance(items, list) or not items:
        raise PrintfulError("Items are missing: an order needs at least one")
    seen: set[Any] = set()
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise PrintfulError(f"Item {at} is not an object", "OR-5")
        _check_item(account, at, item)
        external_id = item.get("external_id")
        if external_id is not None and external_id in seen:
            raise PrintfulError(f"Item {at}: external_id {external_id!r} is used twice in this order")
        seen.add(external_id)


def _check_item(account: Account, at: int, item: Json) -> None:
    if sum(1 for name in VARIANTS if item.get(name) is not None) != 1:
        raise PrintfulError(f"Item {at}: exactly one of {', '.join(VARIANTS)} is required")
    if "variant_id" in item and (not isinstance(item["variant_id"], int) or item["variant_id"] < 1):
        raise PrintfulError(f"Item {at}: invalid variant_id {item['variant_id']!r}", "InvalidParameter", 431)
    if item.get("variant_id") in account.restricted_variants:
        raise PrintfulError(f"Item {at}: variant {item['variant_id']} is currently restricted", "OR-6")
    quantity = item.get("quantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 1 <= quantity <= MOST_UNITS:
        raise PrintfulError(f"Item {at}: quantity is {quantity!r}, allowed: 1 to {MOST_UNITS}")
    files = item.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise PrintfulError(f"Item {at}: files must be a list of objects", "InvalidParameter", 431)
    for file in files:
        if "id" not in file and not (isinstance(file.get("url"), str) and file["url"].startswith(("http://", "https://"))):
            raise PrintfulError(f"Item {at}: file URL {file.get('url')!r} is invalid", "FL-2")
    types = [file.get("type", "default") for file in files]
    if len(types) != len(set(types)):
        raise PrintfulError(f"Item {at}: several files for the same placement", "OR-12")


def check_confirmable(items: list[Json]) -> None:
    """A catalogue variant without a print file would be ordered blank."""
    for at, item in enumerate(items):
        if item.get("variant_id") is not None and not item.get("files") and not item.get("product_template_id"):
            raise PrintfulError(f"Item {at} can't be submitted without any print files")
