"""The two pictures of an order that others see: the public one without personal data, and the private one."""

from __future__ import annotations

from platen_contracts.status import ActivityKind, FileState, ItemState, OrderStatus

from platen_orders.model import Failure, Held, Item, Json, Order, Parcel, SideFile, VendorOrder
from platen_orders.transitions import Situation, offered, situation


def public(order: Order, before: Held | None = None) -> Json:
    """`OrderSnapshot` as JSON: no nulls, objects by id, no lists. Items that are as they were `before` keep their picture."""
    now = situation(order)
    kept = _unchanged(order, before)
    shipped = order.shipped()
    cancelled = order.cancelled(shipped)
    snapshot: Json = {
        "order_id": order.id,
        "version": order.version,
        "number": order.number,
        "shop_id": order.shop_id,
        "shop_order_id": order.shop_order_id,
        "vendor_id": order.vendor_id,
        "custom": order.custom,
        "status": order.status.value,
        "status_since": order.status_since,
        "created_at": order.created_at,
        "placed_at": order.placed_at,
        "edited_version": order.edited_version,
        "generation": order.generation,
        "activity": _activity(order),
        "items": {
            item_id: _item(order, item, shipped.get(item_id, 0), cancelled.get(item_id, 0), now, kept.get(item_id))
            for item_id, item in order.items.items()
        },
        "actions": offered(now),
    }
    if order.parent is not None:
        snapshot |= {"parent": order.parent, "parent_version": order.parent_version}
    if order.children:
        snapshot["children"] = order.children
    if order.hand_over is not None:
        snapshot["hand_over"] = {"at": order.hand_over.at, "version": order.hand_over.version}
    if order.erased:
        snapshot["erased"] = True
    if order.attention:
        snapshot["attention"] = {
            key: {"since": it.since, "remedy": it.remedy} | _present(about=it.about) for key, it in order.attention.items()
        }
    if order.failure is not None and OrderStatus.FAILED in (order.status, order.archived_from):
        snapshot["failure"] = _failure(order.failure)
    if (latest := order.latest_vendor_order) is not None:
        snapshot["vendor_order"] = _vendor_order(latest, order.vendor_orders[latest])
    if order.parcels:
        snapshot["parcels"] = {key: _parcel(parcel) for key, parcel in order.told_parcels.items()}
    return snapshot


def private(order: Order) -> Json:
    """`OrderPrivate` as JSON."""
    picture: Json = {
        "order_id": order.id,
        "version": order.version,
        "shop_id": order.shop_id,
        "shop_order_id": order.shop_order_id,
        "items": {item_id: _private_item(item) for item_id, item in order.items.items()},
        "tracking": {
            key: _present(tracking_number=parcel.tracking_number, tracking_url=parcel.tracking_url)
            for key, parcel in order.told_parcels.items()
        },
    }
    picture.update(_present(recipient=order.recipient, buyer_note=order.buyer_note, vendor_words=order.vendor_words))
    if order.shop_differs:
        picture["shop"] = {path: _present(value=it.shop) for path, it in order.shop_differs.items()}
    return picture


def item_state(order: Order, item: Item, shipped: int, cancelled: int) -> ItemState:
    """Where one item stands, from its own files and the order's status."""
    status = order.archived_from or order.status
    if item.ignored:
        return ItemState.IGNORED
    if status == OrderStatus.FULFILLED or (status == OrderStatus.SENT and 0 < shipped >= item.quantity - cancelled):
        return ItemState.FULFILLED
    if status == OrderStatus.SENT:
        return ItemState.SENT
    if order.activity is not ActivityKind.NONE:
        return ItemState.PROCESSING
    if status == OrderStatus.FAILED:
        return ItemState.FAILED
    if item.artwork is None:
        return ItemState.MISSING_ARTWORK
    return ItemState.READY if item.current else ItemState.TO_RENDER


def file_state(side: SideFile) -> FileState:
    """`rendering` while a request for what is wanted is open; `failed` when that very input failed."""
    if side.current:
        return FileState.CURRENT
    if side.asked:
        return FileState.RENDERING
    if side.failed_hash == side.wanted:
        return FileState.FAILED
    return FileState.STALE if side.file is not None else FileState.NONE


def _activity(order: Order) -> Json:
    sending = order.sending
    if sending is None or not order.in_flight:
        if order.scheduled is None:
            return {"kind": ActivityKind.NONE.value}
        return {"kind": ActivityKind.SCHEDULED.value, "since": order.scheduled.since, "next_try": order.scheduled.due}
    return {"kind": order.activity.value, "since": sending.since} | _present(
        attempt=sending.attempt, next_try=sending.next_try, reason=sending.reason
    )


def _unchanged(order: Order, before: Held | None) -> Json:
    """The pictures of the items that are the very same in an order that stands where it stood; units may yet have moved."""
    if before is None or _stand(order) != _stand(before.order):
        return {}
    items, pictures = before.order.items, before.public["items"]
    return {item_id: pictures[item_id] for item_id, item in order.items.items() if item is items.get(item_id)}


def _stand(order: Order) -> tuple[object, ...]:
    """All of an order that shows in its items."""
    return (order.status, order.archived_from, order.activity, order.custom, order.erased)


def _item(order: Order, item: Item, shipped: int, cancelled: int, now: Situation, kept: Json | None) -> Json:
    if kept is not None and kept["shipped"] == shipped and kept["cancelled"] == cancelled:
        return kept
    picture: Json = {
        "line_id": item.line_id,
        "title": item.title,
        "quantity": item.quantity,
        "state": item_state(order, item, shipped, cancelled).value,
        "sides": {name: _side(side) for name, side in item.sides.items()},
        "shipped": shipped,
        "cancelled": cancelled,
        "actions": offered(now if item.has_file == now.has_file else now._replace(has_file=item.has_file), of_item=True),
    }
    if item.variant is not None:
        picture["variant"] = item.variant
    if item.artwork is not None:
        picture["artwork"] = item.artwork
    if item.price is not None:
        picture["price"] = item.price
    return picture


def _side(side: SideFile) -> Json:
    picture: Json = {"state": file_state(side).value}
    if side.file is not None:
        picture["file"] = side.file
    if side.failure is not None and side.failed_hash == side.wanted:
        picture["failure"] = _failure(side.failure)
    return picture


def _failure(failure: Failure) -> Json:
    return {"code": failure.code, "remedy": failure.remedy} | _present(field=failure.field)


def _vendor_order(vendor_order_id: str, taken: VendorOrder) -> Json:
    return {"vendor_order_id": vendor_order_id, "generation": taken.generation} | _present(
        status=taken.status, status_raw=taken.raw
    )


def _parcel(parcel: Parcel) -> Json:
    return {"units": parcel.units, "reshipment": parcel.reshipment, "posted": parcel.posted} | _present(
        carrier=parcel.carrier, service=parcel.service, shipped_at=parcel.shipped_at
    )


def _private_item(item: Item) -> Json:
    return {
        "answers": item.answers,
        "files": {name: side.link for name, side in item.sides.items() if side.link is not None},
        "hashes": {name: side.file_hash for name, side in item.sides.items() if side.file_hash is not None},
    }


def _present(**values: object) -> Json:
    return {name: value for name, value in values.items() if value is not None}
