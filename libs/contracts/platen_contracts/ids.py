"""Ids: 32 hex digits, derived where the same thing may be made twice."""

from __future__ import annotations

import hashlib


def derived_id(*parts: object) -> str:
    """The same parts give the same id, in any process, at any time."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def order_id(shop_id: str, shop_order_id: str, first_line_id: str) -> str:
    """An order's id, from the shop, the shop order and its first line."""
    return derived_id("order", shop_id, shop_order_id, first_line_id)
