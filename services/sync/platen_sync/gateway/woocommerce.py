"""WooCommerce REST v3, with the Shipment Tracking plugin (AST answers at the same place). Source: reference/apis.md 2.3."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from platen_contracts.sync import SkippedOrder
from platen_outside.call import Outside
from platen_outside.failures import Answer, Failure, Rejected, Unknown
from platen_outside.retry import patiently

from platen_sync.decide.woocommerce import Unreadable, key_of, read_order
from platen_sync.gateway.shop import Absent, Page, ParcelToPost, Shelf, Unusable
from platen_sync.model import PageAsked, SeenOrder

ORDERS = "/wp-json/wc/v3/orders"
TRACKINGS = "/wp-json/wc-shipment-tracking/v3/orders/{}/shipment-trackings"

POST_S = 30.0
"""A post is given up after this, its turn in the lane included; well under the time after which the shop is read again."""

_NOT_WOOCOMMERCE = Unusable(
    "not_woocommerce", "the shop's url does not answer as WooCommerce REST v3; check shop.url and its permalinks"
)


class WooCommerce:
    """One shop. Reads are asked again when they fail in passing; a post is sent once."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def paused_for(self) -> float:
        return self._outside.governor.paused_for()

    async def list_changed(self, asked: PageAsked, per_page: int) -> Page | Unusable | Failure:
        answer = await self._read(ORDERS, _list_params(asked, per_page))
        if not isinstance(answer, Answer):
            return answer
        if not isinstance(answer.body, list):
            return _NOT_WOOCOMMERCE
        return _page(cast("list[object]", answer.body))

    async def fetch(self, shop_order_id: str) -> SeenOrder | Absent | Unusable | Failure:
        answer = await self._read(f"{ORDERS}/{shop_order_id}")
        if isinstance(answer, Rejected) and answer.status in (404, 410):
            return _NOT_WOOCOMMERCE if _code(answer) in ("rest_no_route", None) else Absent()
        if not isinstance(answer, Answer):
            return answer
        try:
            return read_order(answer.body)
        except Unreadable as wrong:
            return Unusable("unreadable", f"order {shop_order_id} cannot be read: {wrong}")

    async def read_shelf(self, shop_order_id: str) -> Shelf | Absent | Unusable | Failure:
        answer = await self._read(TRACKINGS.format(shop_order_id))
        if isinstance(answer, Answer):
            return _shelf(answer, "tracking_number", plugin=True)
        if not (isinstance(answer, Rejected) and answer.status in (404, 410)):
            return answer
        if _code(answer) != "rest_no_route":
            return _NOT_WOOCOMMERCE if _code(answer) is None else Absent()
        notes = await self._read(f"{ORDERS}/{shop_order_id}/notes", {"type": "customer"})
        if isinstance(notes, Answer):
            return _shelf(notes, "note", plugin=False)
        if isinstance(notes, Rejected) and notes.status in (404, 410):
            return _NOT_WOOCOMMERCE if _code(notes) in ("rest_no_route", None) else Absent()
        return notes

    async def post_tracking(self, shop_order_id: str, parcel: ParcelToPost, shelf: Shelf) -> Failure | None:
        path = TRACKINGS.format(shop_order_id) if shelf.plugin else f"{ORDERS}/{shop_order_id}/notes"
        body = _tracking(parcel) if shelf.plugin else {"note": _note(parcel), "customer_note": True}
        try:
            async with asyncio.timeout(POST_S):
                answer = await self._outside.ask("POST", path, json=body)
        except TimeoutError:
            return Unknown("TimeoutError")
        return None if isinstance(answer, Answer) else answer

    async def _read(self, path: str, params: dict[str, str] | None = None) -> Answer | Failure:
        return await patiently(lambda: self._outside.ask("GET", path, params=params))


def _list_params(asked: PageAsked, per_page: int) -> dict[str, str]:
    """Times are GMT and without a zone: with one, WordPress would shift them to the shop's own."""
    return {
        "modified_after": asked.after.strftime("%Y-%m-%dT%H:%M:%S"),
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "status": "any",
        "per_page": str(per_page),
        "page": str(asked.page),
    }


def _page(rows: Sequence[object]) -> Page | Unusable:
    modified: list[datetime] = []
    orders: list[SeenOrder] = []
    unreadable: list[SkippedOrder] = []
    for row in rows:
        try:
            shop_order_id, at = key_of(row)
        except Unreadable as wrong:
            return Unusable("unreadable", f"the shop's list of orders cannot be read: {wrong}")
        modified.append(at)
        try:
            orders.append(read_order(row))
        except Unreadable as wrong:
            remedy = f"the shop answers it in a way that cannot be read: {wrong}; correct the order in the shop"
            unreadable.append(SkippedOrder(shop_order_id=shop_order_id, code="unreadable", remedy=remedy))
    if modified != sorted(modified):
        return Unusable("not_sorted", "the shop does not sort orders by modified time; WooCommerce 5.8 or later is needed")
    return Page(modified, orders, unreadable)


def _shelf(answer: Answer, field: str, *, plugin: bool) -> Shelf | Unusable:
    if not isinstance(answer.body, list):
        return _NOT_WOOCOMMERCE
    rows = (row for row in cast("list[object]", answer.body) if isinstance(row, Mapping))
    return Shelf(plugin, [str(cast("Mapping[str, Any]", row).get(field) or "") for row in rows])


def _tracking(parcel: ParcelToPost) -> dict[str, str]:
    """A provider the plugin does not know would lose its link, so with a link of our own it is always a custom one."""
    body = {"tracking_number": parcel.tracking_number}
    if parcel.tracking_url:
        body |= {"custom_tracking_provider": parcel.carrier or "Carrier", "custom_tracking_link": parcel.tracking_url}
    else:
        body |= {"tracking_provider": parcel.carrier or "Carrier"}
    if parcel.shipped_at:
        body["date_shipped"] = parcel.shipped_at.strftime("%Y-%m-%d")
    return body


def _note(parcel: ParcelToPost) -> str:
    carrier = f" with {parcel.carrier}" if parcel.carrier else ""
    link = f" Follow it here: {parcel.tracking_url}" if parcel.tracking_url else ""
    return f"Your parcel is on its way{carrier}. Tracking number: {parcel.tracking_number} .{link}"


def _code(answer: Rejected) -> str | None:
    """WordPress's code for what is wrong; None where something else answered, such as the host's own error page."""
    body = answer.body
    code = cast("Mapping[str, Any]", body).get("code") if isinstance(body, Mapping) else None
    return code if isinstance(code, str) else None
