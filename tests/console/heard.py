"""What a console may have heard: a small world of orders in every status, in several scripts, as the contracts carry it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from platen_contracts import catalog, orders, sync
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id, order_id
from platen_contracts.message import Message
from platen_contracts.status import OrderStatus
from platen_contracts.subscribing import difference
from platen_messaging.records import Incoming

OTHER_ITEM = "e" * 32
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

PEOPLE = [
    ("Zoë Müller", "Hauptstraße 1", "Berlin", "10115", "DE"),
    ("نور الهاشمي", "شارع الملك فيصل 14", "عمّان", "11118", "JO"),
    ("สมชาย ใจดี", "99/1 ถนนสุขุมวิท", "กรุงเทพมหานคร", "10110", "TH"),
    ("Ana María Pérez-Gómez", "Calle Mayor 8, 2º izq.", "Madrid", "28013", "ES"),
    ("William O’Connor", "12 Elm Street", "Cork", "T12 X8N3", "IE"),
]
NAMES = ["Zoë", "نور", "สมชาย", "Ana", "Liam"]
TITLES = ["Family mug", "Star map poster", "Pet tote bag"]
STATUSES = list(OrderStatus)

MUG = catalog.Artwork(
    artwork_id="family-mug",
    version=3,
    title="Family mug",
    width_px=2700,
    height_px=1050,
    options={
        "name": catalog.Option(label="Name on the mug", max_length=20),
        "message": catalog.Option(label="A message", required=False, max_length=200),
        "colour": catalog.Option(kind="choice", label="Colour", required=False, choices=["red", "blue", "forest green"]),
    },
    sides={
        "front": catalog.Side(layers=[catalog.TextLayer(option="name", width=900, height=300, font="Noto Sans", size=220)]),
    },
)
STAR_MAP = MUG.model_copy(
    update={
        "artwork_id": "star-map",
        "version": 1,
        "title": "Star map",
        "options": {
            "name": catalog.Option(label="Name", max_length=20),
            "place": catalog.Option(label="Place under the sky", max_length=60),
        },
    }
)
SHOPS = [
    catalog.Shop(shop_id="atelier-nour", title="Atelier Nour أتيليه نور", url="https://nour.example", sync_from=NOON),
    catalog.Shop(shop_id="siam-prints", title="สยามพริ้นท์ Siam Prints", url="https://siam.example", sync_from=NOON),
]
VENDORS = [
    catalog.Vendor(vendor_id="printful-eu", title="Printful (Riga)", kind="printful"),
    catalog.Vendor(vendor_id="handmade-berlin", title="Handmade Berlin", kind="custom"),
]
ALLOWED: dict[OrderStatus, tuple[str, ...]] = {
    OrderStatus.NEW: ("render", "edit_shipping", "archive", "view_print_file"),
    OrderStatus.READY: ("render", "edit_shipping", "send", "archive", "view_print_file"),
    OrderStatus.SENT: ("view_print_file",),
    OrderStatus.FULFILLED: ("view_print_file",),
    OrderStatus.FAILED: ("render", "edit_shipping", "retry", "archive", "see_detail", "view_print_file"),
    OrderStatus.ARCHIVED: ("unarchive",),
}
ALL_ACTIONS = (
    *("split_off", "render", "edit_shipping", "view_print_file", "send", "retry", "see_detail", "record_hand_over"),
    *("record_parcel", "archive", "unarchive", "stop_sending", "settle", "erase"),
)


def an_order(nth: int, status: OrderStatus | None = None, **fields: Any) -> orders.OrderSnapshot:
    """The `nth` order; without a status every sixth has the same."""
    shop = SHOPS[nth % 2].shop_id
    status = status or STATUSES[nth % len(STATUSES)]
    this = order_id(shop, str(nth), "1")
    allowed = ALLOWED[status]
    words: dict[str, Any] = {
        "order_id": this,
        "version": 4,
        "number": f"#{1000 + nth}",
        "shop_id": shop,
        "shop_order_id": str(nth),
        "vendor_id": "handmade-berlin" if nth % 7 == 3 else "printful-eu",
        "custom": nth % 7 == 3,
        "status": status,
        "status_since": NOON - timedelta(minutes=13 * nth),
        "created_at": NOON - timedelta(minutes=17 * nth + 20),
        "placed_at": NOON - timedelta(minutes=17 * nth + 25),
        "edited_version": 2,
        "activity": {"kind": "none"},
        "items": {item_id(this): an_item(nth, status)},
        "actions": {name: "allowed" if name in (*allowed, "erase") else _withheld(name, status) for name in ALL_ACTIONS},
    }
    if status is OrderStatus.FAILED:
        remedy = "The vendor does not deliver to this postcode: edit shipping, then send again."
        words["failure"] = {"code": "address_refused", "field": "recipient.postcode", "remedy": remedy}
    if status in (OrderStatus.SENT, OrderStatus.FULFILLED):
        words["generation"] = 1
        words["vendor_order"] = {"vendor_order_id": f"10445{nth:04}", "generation": 1, "status": "in_production"}
    if status is OrderStatus.FULFILLED:
        shipped = NOON - timedelta(minutes=13 * nth)
        words["parcels"] = {
            "p1": {"carrier": "DHL", "service": "Paket", "shipped_at": shipped, "units": {item_id(this): 2}, "posted": True}
        }
    return orders.OrderSnapshot.model_validate(words | fields)


def by_hand(nth: int, **fields: Any) -> orders.OrderSnapshot:
    """An order of a custom vendor with two items, a hand-over and a parcel: three units of the first, one of them shipped."""
    order = an_order(nth, OrderStatus.READY)
    first = item_id(order.order_id)
    item = order.items[first].model_dump(mode="json", exclude_none=True)
    reasons = dict.fromkeys(("send", "retry", "edit_shipping", "stop_sending", "settle"), "custom_vendor")
    words: dict[str, Any] = {
        "custom": True,
        "vendor_id": "handmade-berlin",
        "items": {
            first: {**item, "quantity": 3, "shipped": 1},
            OTHER_ITEM: {**item, "line_id": "2", "title": "Pet tote bag", "quantity": 1, "state": "Ignored"},
        },
        "parcels": {"1": {"carrier": "DHL", "units": {first: 1}}},
        "hand_over": {"at": NOON, "version": 1},
        "actions": dict.fromkeys(ALL_ACTIONS, "allowed") | {"unarchive": "wrong_status", "see_detail": "wrong_status"} | reasons,
    }
    return an_order(nth, OrderStatus.READY, **{**words, **fields})


def item_id(this: str) -> str:
    return derived_id("item", this)


def an_item(number: int, status: OrderStatus) -> dict[str, Any]:
    states = {
        OrderStatus.NEW: ("To render", "rendering"),
        OrderStatus.READY: ("Ready", "current"),
        OrderStatus.SENT: ("Sent", "current"),
        OrderStatus.FULFILLED: ("Fulfilled", "current"),
        OrderStatus.FAILED: ("Failed", "current"),
        OrderStatus.ARCHIVED: ("To render", "stale"),
    }
    state, file = states[status]
    editable = "allowed" if status in (OrderStatus.NEW, OrderStatus.READY, OrderStatus.FAILED) else "wrong_status"
    side: dict[str, Any] = {"state": file}
    if file != "rendering":
        side["file"] = {"sha256": "ab" * 32, "size": 2_480_115, "media_type": "image/png"}
    return {
        "line_id": "1",
        "title": TITLES[number % len(TITLES)],
        "variant": "11 oz / White",
        "quantity": 1 + number % 3,
        "state": state,
        "artwork": {"artwork_id": "family-mug", "version": 3},
        "price": {"amount": "14.90", "currency": "EUR"},
        "sides": {"front": side},
        "actions": {
            "personalise": editable,
            "render": editable,
            "view_print_file": "allowed" if "file" in side else "no_file",
            "split_line": editable if status is not OrderStatus.FAILED else "wrong_status",
            "set_artwork": editable,
            "ignore_item": editable,
            "restore_item": editable,
        },
    }


def a_private(order: orders.OrderSnapshot, number: int = 0, **fields: Any) -> orders.OrderPrivate:
    name, line1, city, postcode, country = PEOPLE[number % len(PEOPLE)]
    item = item_id(order.order_id)
    words: dict[str, Any] = {
        "order_id": order.order_id,
        "version": order.version,
        "shop_id": order.shop_id,
        "shop_order_id": order.shop_order_id,
        "recipient": {
            "full_name": name,
            "line1": line1,
            "city": city,
            "postcode": postcode,
            "country": country,
            "email": "someone@example.org",
            "phone": "+49 30 1234567",
        },
        "items": {
            item: {
                "answers": {"name": NAMES[number % len(NAMES)], "message": "Happy birthday!\nFrom all of us", "colour": "blue"},
                "files": {"front": f"https://files.example/f/{order.order_id[:12]}"},
            }
        },
    }
    if order.parcels:
        words["tracking"] = {"p1": {"tracking_number": "JD0146000003", "tracking_url": "https://dhl.example/JD0146000003"}}
    return orders.OrderPrivate.model_validate(words | fields)


def a_history(order: orders.OrderSnapshot) -> list[orders.OrderChanged]:
    """How the order came to be as it is: read in the shop, edited, rendered, and then its status."""
    now = order.model_dump(mode="json", exclude_none=True)
    item = item_id(order.order_id)
    steps: list[tuple[dict[str, Any], str, str, str, list[str]]] = [
        ({"status": "New", "version": 1}, "shop", order.shop_id, "platen.sync.ShopOrderObserved.v1", []),
        ({"status": "New", "version": 2}, "operator", "ann", "platen.orders.Personalise.v1", [f"items.{item}.answers"]),
        ({"status": "New", "version": 3}, "operator", "ann", "platen.orders.Render.v1", []),
        ({"status": order.status.value, "version": 4}, "service", "render", "platen.render.RenderFinished.v1", []),
    ]
    rendering = {**now["items"][item], "state": "To render", "sides": {"front": {"state": "rendering"}}}
    none = {**now["items"][item], "state": "To render", "sides": {"front": {"state": "none"}}}
    before: dict[str, Any] = {}
    events: list[orders.OrderChanged] = []
    for place, (changed, kind, name, cause, personal) in enumerate(steps):
        after = {**now, **changed, "items": {item: (none, none, rendering, now["items"][item])[place]}}
        event = {
            "order_id": order.order_id,
            "version": place + 1,
            "at": order.created_at + timedelta(minutes=4 * place),
            "actor": {"kind": kind, "name": name},
            "cause": {"id": derived_id(order.order_id, place), "type": cause},
            "from": before.get("status"),
            "to": after["status"],
            "patch": difference(before, after),
            "personal_changed": personal,
        }
        events.append(orders.OrderChanged.model_validate(event))
        before = after
    return events


def the_catalogue() -> list[tuple[Message, str]]:
    """Every message with its topic."""
    told: list[tuple[Message, str]] = [(MUG, "catalog.artworks")]
    told += [(shop, "catalog.shops") for shop in SHOPS]
    return told + [(vendor, "catalog.vendors") for vendor in VENDORS]


def an_order_told(order: orders.OrderSnapshot, number: int = 0) -> list[tuple[Message, str]]:
    told: list[tuple[Message, str]] = [(order, "orders.status"), (a_private(order, number), "orders.private")]
    return told + [(event, "orders.history") for event in a_history(order)]


def a_progress(shop_id: str = "atelier-nour", **fields: Any) -> sync.SyncProgressed:
    words: dict[str, Any] = {
        "shop_id": shop_id,
        "run_id": derived_id("run", shop_id),
        "state": "finished",
        "found": 214,
        "imported": 188,
    }
    return sync.SyncProgressed.model_validate(words | fields)


def incoming(message: Message | None, topic: str, key: str = "", *, at: datetime = NOON, message_id: str = "") -> Incoming:
    """As a lane reads it. Without an id each message gets one of its own from what it says."""
    said = "" if message is None else message.model_dump_json()
    kind = "" if message is None else type(message).TYPE
    return Incoming(Meta(message_id or derived_id(topic, key, said, at), kind, "test", key, at), message, key, topic)


def _withheld(name: str, status: OrderStatus) -> str:
    if status is OrderStatus.ARCHIVED:
        return "archived"
    withheld = {"stop_sending": "not_sending", "settle": "not_in_doubt"}
    withheld |= dict.fromkeys(("record_hand_over", "record_parcel"), "integrated_vendor")
    return withheld.get(name, "wrong_status")
