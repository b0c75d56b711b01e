"""`GET /orders` as WooCommerce understands it (pure): which orders, in which sequence, which page, which headers."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from platen_sandbox.model import Json, Shop

from .errors import invalid_param
from .orders import STATUSES

REST_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}(:\d{2})?)?")
ORDERBY = {"date": "date_created", "modified": "date_modified", "id": "id"}


@dataclass(frozen=True)
class Page:
    orders: list[Json]
    headers: dict[str, str]


def list_orders(shop: Shop, orders: list[Json], params: QueryParams, url: str) -> Page:
    """Filtered, sorted and paged.

    Times compare by the second, strictly after and strictly before, in the shop's local time unless `dates_are_gmt`. As in
    WordPress, a bound with a zone suffix is first turned into the shop's local time, whatever column it meets.
    """
    per_page = _number(params, "per_page", 10, 1, 100)
    page = _number(params, "page", 1, 1, None)
    orderby = _one_of(params, "orderby", "date", tuple(ORDERBY))
    descending = _one_of(params, "order", "desc", ("asc", "desc")) == "desc"
    suffix = "_gmt" if params.get("dates_are_gmt", "false").lower() in ("true", "1") else ""
    statuses = _statuses(params)

    found = [order for order in orders if order["status"] in statuses]
    for field, name in (("date_created", ""), ("date_modified", "modified_")):
        if (after := _moment(params, f"{name}after", shop)) is not None:
            found = [order for order in found if order[field + suffix] > after]
        if (before := _moment(params, f"{name}before", shop)) is not None:
            found = [order for order in found if order[field + suffix] < before]
    for name, keep in (("include", True), ("exclude", False)):
        if ids := _ids(params, name):
            found = [order for order in found if (order["id"] in ids) is keep]
    if "search" in params:
        found = [
            order
            for order in found
            if params["search"].lower() in str(order["billing"]).lower() or params["search"] == order["number"]
        ]
    found.sort(key=lambda order: (order[ORDERBY[orderby]], order["id"]), reverse=descending)

    offset = _number(params, "offset", (page - 1) * per_page, 0, None)
    pages = ceil(len(found) / per_page)
    headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
    links = [(rel, number) for rel, number in (("prev", page - 1), ("next", page + 1)) if 1 <= number <= pages]
    if links:
        headers["Link"] = ", ".join(f'<{_page_url(url, params, number)}>; rel="{rel}"' for rel, number in links)
    return Page(found[offset : offset + per_page], headers)


def _page_url(url: str, params: QueryParams, page: int) -> str:
    return f"{url}?{urlencode([*((k, v) for k, v in params.multi_items() if k != 'page'), ('page', str(page))])}"


def _moment(params: QueryParams, name: str, shop: Shop) -> str | None:
    text = params.get(name)
    if text is None:
        return None
    if not REST_DATE.fullmatch(text):
        raise invalid_param(name, "Invalid date.")
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is not None:
        moment = moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()) + timedelta(minutes=shop.utc_offset_minutes)
    return moment.isoformat(timespec="seconds")


def _statuses(params: QueryParams) -> frozenset[str]:
    given = [word for name in ("status", "status[]") for value in params.getlist(name) for word in value.split(",") if word]
    for word in given:
        if word not in (*STATUSES, "any"):
            raise invalid_param("status", f"status[0] is not one of any, {', '.join(STATUSES)}.")
    if not given or "any" in given:
        return frozenset(STATUSES) - {"trash"}
    return frozenset(given)


def _ids(params: QueryParams, name: str) -> frozenset[int]:
    values = [word for key in (name, f"{name}[]") for value in params.getlist(key) for word in value.split(",") if word]
    if not all(word.isdecimal() for word in values):
        raise invalid_param(name, f"{name}[0] is not of type integer.")
    return frozenset(int(word) for word in values)


def _one_of(params: QueryParams, name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = params.get(name, default)
    if value not in allowed:
        raise invalid_param(name, f"{name} is not one of {', '.join(allowed)}.")
    return value


def _number(params: QueryParams, name: str, default: int, least: int, most: int | None) -> int:
    text = params.get(name, str(default))
    if not text.lstrip("-").isdecimal():
        raise invalid_param(name, f"{name} is not of type integer.")
    value = int(text)
    if value < least or (most is not None and value > most):
        allowed = (
            f"must be between {least} (inclusive) and {most} (inclusive)" if most is not None else f"must be at least {least}"
        )
        raise invalid_param(name, f"{name} {allowed}")
    return value
