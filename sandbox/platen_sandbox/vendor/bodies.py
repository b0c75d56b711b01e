"""Printful's answers and callbacks (pure)."""

from decimal import Decimal
from itertools import pairwise

from platen_sandbox.model import Account, Json, VendorOrder

UNIT_PRICE = Decimal("13.00")
SHIPPING_PRICE = Decimal("5.00")


def order_body(account: Account, order: VendorOrder, files: dict[tuple[str, str], Json]) -> Json:
    """The order resource. Dates are UNIX seconds."""
    items = [_item(account, item, files) for item in order.body["items"]]
    subtotal = sum((UNIT_PRICE * item["quantity"] for item in items), Decimal(0))
    return {
        "id": order.id,
        "external_id": order.external_id,
        "store": account.store,
        "status": order.status,
        "shipping": order.body.get("shipping") or "STANDARD",
        "shipping_service_name": "Flat Rate (3-4 business days after fulfillment)",
        "created": order.created,
        "updated": order.updated,
        "recipient": order.body["recipient"],
        "items": items,
        "branding_items": [],
        "incomplete_items": [],
        "costs": _costs(subtotal),
        "retail_costs": _retail_costs(order.body.get("retail_costs") or {}),
        "pricing_breakdown": [],
        "shipments": order.shipments,
        **{name: order.body[name] for name in ("gift", "packing_slip") if order.body.get(name)},
    }


def _item(account: Account, item: Json, files: dict[tuple[str, str], Json]) -> Json:
    given = {name: value for name, value in item.items() if value is not None and name != "files"}
    shown = [_file(file, files.get((account.id, file.get("url", "")))) for file in item.get("files", [])]
    product = (
        {"variant_id": item["variant_id"], "product_id": 1, "image": "", "name": item.get("name", "Poster")}
        if item.get("variant_id")
        else None
    )
    return {
        **given,
        "quantity": item.get("quantity", 1),
        "price": f"{UNIT_PRICE:.2f}",
        "name": item.get("name", "Poster"),
        **({"product": product} if product else {}),
        "files": shown,
        "options": item.get("options", []),
        "discontinued": False,
        "out_of_stock": False,
    }


def _file(given: Json, known: Json | None) -> Json:
    """A file as the library shows it: `waiting` until it was downloaded, then `ok` with what was found in it."""
    shown = {
        "type": given.get("type", "default"),
        "url": given.get("url", ""),
        "visible": given.get("visible", True),
        "is_temporary": False,
    }
    if known is None:
        return {**shown, "status": "waiting"}
    names = ("id", "hash", "filename", "mime_type", "size", "width", "height", "dpi", "created")
    return {**shown, **{name: known[name] for name in names}, "status": "ok"}


def _costs(subtotal: Decimal) -> Json:
    nothing = ("discount", "digitization", "additional_fee", "fulfillment_fee", "retail_delivery_fee", "tax", "vat")
    amounts = {"subtotal": subtotal, "shipping": SHIPPING_PRICE, "total": subtotal + SHIPPING_PRICE}
    return {"currency": "USD", **{name: f"{amount:.2f}" for name, amount in amounts.items()}, **dict.fromkeys(nothing, "0.00")}


def _retail_costs(given: Json) -> Json:
    names = ("subtotal", "discount", "shipping", "tax", "vat", "total")
    return {"currency": given.get("currency", "USD"), **{name: given.get(name) for name in names}}


def callback(account: Account, kind: str, data: Json, created: int, retries: int) -> Json:
    return {"type": kind, "created": created, "retries": retries, "store": account.store, "data": data}


def split_parcels(items: list[tuple[int, int]], parcels: int) -> list[list[tuple[int, int]]]:
    """Spreads (item id, quantity) over at most `parcels` parcels, unit by unit, as evenly as it goes; none is empty."""
    units = [item_id for item_id, quantity in items for _ in range(quantity)]
    count = max(1, min(parcels, len(units)))
    bounds = [len(units) * i // count for i in range(count + 1)]
    chunks = [units[start:end] for start, end in pairwise(bounds)]
    return [[(item_id, chunk.count(item_id)) for item_id in dict.fromkeys(chunk)] for chunk in chunks if chunk]
