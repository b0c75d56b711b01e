"""What people, the shop and other services may say of some orders: every command and every fact, right or wrong, by dice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from platen_contracts import artwork_v1, catalog, dispatch, orders, render, sync, tracking
from platen_contracts.common import ArtworkRef, FileRef, Money
from platen_contracts.message import Message
from platen_contracts.status import ActivityKind, OrderStatus
from platen_orders.model import Item, Order
from platen_orders.transitions import refusal, situation

from tests.orders import world as w
from tests.orders.world import ADA, ANN, BERLIN, MUG

T = TypeVar("T")
Words = dict[str, Any]

SHOP_ORDERS = ("1001", "1002")
SHOP_QUANTITIES, SHOP_PRICES = (2, 3, 1, 5), ("12.50", "9.99")
SECRETS = ("Zoë", "Åsa", "Hauptstra", "Nebenstra", "gate code", "TRACK-")
"""Whatever is personal holds one of these; they stand nowhere else."""
NOBODY = "0" * 32

_ANSWERS: Sequence[Words] = (
    {"name": "Zoë"},
    {"name": "Åsa"},
    {"name": "Zoë", "colour": "red"},
    {"colour": "green"},
    {"name": "Å" * 21},
)
_PLACES = (BERLIN, BERLIN.model_copy(update={"line1": "Nebenstraße 2"}), BERLIN.model_copy(update={"city": " "}))
_OLD = artwork_v1.Artwork(
    artwork_id="mug",
    version=3,
    title="Mug",
    width_px=300,
    height_px=400,
    options={"name": artwork_v1.Option(label="Name", max_length=20)},
    sides={
        name: artwork_v1.Side(layers=[artwork_v1.TextLayer(option="name", width=200, height=100, font="Noto Sans", size_px=40)])
        for name in ("front", "back")
    },
)


class Dice:
    """Chance, from a seed."""

    def __init__(self, seed: str) -> None:
        self._chance = Random(seed)

    def of(self, sides: int) -> int:
        return self._chance.randrange(sides)

    def one(self, options: Sequence[T]) -> T:
        return self._chance.choice(options)

    def rarely(self) -> bool:
        return self._chance.random() < 0.15


def command(held: Sequence[Order], dice: Dice) -> orders.OrderCommand:
    """Any; mostly of an order that allows it."""
    kind = dice.one(list(COMMANDS))
    action = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).strip("_")
    allowed = [order for order in held if refusal(situation(order), action) is None]
    order = dice.one(allowed if allowed and not dice.rarely() else held)
    must_look = kind in (orders.Send, orders.Retry)
    versions = [
        order.version if must_look else None,
        order.version,
        order.edited_version,
        order.edited_version - 1 or None,
        None,
        99,
    ]
    common = {
        "order_id": NOBODY if dice.of(20) == 19 else order.id,
        "actor": ADA if kind is orders.Erase and not dice.rarely() else ANN,
        "expected_version": dice.one(versions) if dice.of(3) == 2 else versions[0],
        "dry_run": dice.rarely(),
        "bulk_id": "b" * 32 if dice.rarely() else None,
    }
    return kind(**common, **COMMANDS[kind](order, dice))


def _item(order: Order, dice: Dice, *, ignored: bool = False) -> str:
    """Of the order; now and then of nobody."""
    wanted = [item_id for item_id, item in order.items.items() if item.ignored == ignored]
    return NOBODY if dice.of(20) == 19 else dice.one(wanted or list(order.items))


def _personalise(order: Order, dice: Dice) -> Words:
    return {"item_id": _item(order, dice), "answers": dice.one(_ANSWERS)}


def _set_artwork(order: Order, dice: Dice) -> Words:
    artwork = ArtworkRef(artwork_id="mug", version=dice.one([2, 3, 1, 9]))
    return {"item_id": _item(order, dice), "artwork": artwork, "answers": dice.one([None, *_ANSWERS])}


def _split_line(order: Order, dice: Dice) -> Words:
    item_id = max(order.items, key=lambda it: order.items[it].quantity) if not dice.rarely() else _item(order, dice)
    whole = order.items[item_id].quantity if item_id in order.items else 2
    return {"item_id": item_id, "quantities": dice.one([[1, whole - 1], [1] * whole, [whole - 1, 1], [whole], [whole, 1]])}


def _split_off(order: Order, dice: Dice) -> Words:
    some = list(order.items)
    return {"item_ids": dice.one([some[:1], some[1:2], some[1:], some, [NOBODY]])}


def _render(order: Order, dice: Dice) -> Words:
    return {"item_ids": dice.one([None, [_item(order, dice)]]), "again": dice.rarely()}


def _settle(_: Order, dice: Dice) -> Words:
    verdict, number = dice.one([(True, "77"), (False, None), (True, None)])
    return {"accepted": verdict, "vendor_order_id": number, "reason": "asked Zoë"}


def _record_parcel(order: Order, dice: Dice) -> Words:
    item_id = _item(order, dice)
    number = f"TRACK-{dice.of(2)}"
    return {
        "parcel": dice.one(["p1", "p2", " "]),
        "units": {item_id: dice.one([1, 2, 9])},
        "tracking_number": number,
        "carrier": "DHL",
    }


def _nothing(_: Order, __: Dice) -> Words:
    return {}


COMMANDS: Mapping[type[orders.OrderCommand], Callable[[Order, Dice], Words]] = {
    orders.Personalise: _personalise,
    orders.SetArtwork: _set_artwork,
    orders.SplitLine: _split_line,
    orders.SplitOff: _split_off,
    orders.IgnoreItem: lambda order, dice: {"item_id": _item(order, dice)},
    orders.RestoreItem: lambda order, dice: {"item_id": _item(order, dice, ignored=True)},
    orders.Render: _render,
    orders.EditShipping: lambda _, dice: {"recipient": dice.one(_PLACES)},
    orders.Send: _nothing,
    orders.Retry: _nothing,
    orders.StopSending: _nothing,
    orders.Settle: _settle,
    orders.Archive: _nothing,
    orders.Unarchive: _nothing,
    orders.Erase: _nothing,
    orders.RecordHandOver: _nothing,
    orders.RecordParcel: _record_parcel,
}


def fact(held: Sequence[Order], now: Any, dice: Dice) -> Message:
    """Any; dispatch speaks mostly of what is under way, and tracking of what was taken."""
    kind = dice.one(list(FACTS))
    fitting = [order for order in held if _fits(kind, order)]
    if not fitting and not dice.rarely():
        return fact(held, now, dice)
    made = FACTS[kind](dice.one(fitting or held), now, dice)
    return made.model_copy(update={"order_id": NOBODY}) if hasattr(made, "order_id") and dice.of(20) == 19 else made


def _fits(kind: type[Message], order: Order) -> bool:
    if issubclass(kind, dispatch.DispatchResult):
        return order.in_flight
    return bool(order.vendor_orders) if kind in (tracking.ShipmentUpdated, tracking.VendorOrderChanged) else True


def shop_order(_: Order | None, now: Any, dice: Dice) -> sync.ShopOrderObserved:
    """A look at one of the shop orders: two mugs of one vendor, and one of a vendor without an API. Now and then a late one."""
    number, lines = dice.one(SHOP_ORDERS), list[sync.ShopLine]()
    for line_id, vendor in (("1", "printer"), ("2", "printer"), ("3", "by-hand")):
        line = w.a_line(line_id, vendor_id=vendor, quantity=dice.one(SHOP_QUANTITIES), answers=dice.one(_ANSWERS[:2]))
        price = Money.model_validate({"amount": dice.one(SHOP_PRICES) if dice.rarely() else SHOP_PRICES[0], "currency": "EUR"})
        line = line.model_copy(update={"price": price})
        line = w.by_hand(line) if vendor == "by-hand" else line
        if not dice.rarely():
            lines.append(line.model_copy(update={"link": None}) if dice.rarely() else line)
    return w.a_shop_order(
        *(lines or [w.a_line("1")]),
        shop_order_id=number,
        modified_at=now,
        read_at=now - timedelta(seconds=dice.one([0, 0, 0, 40])),
        cancelled=dice.of(5) == 4,
        buyer_note="gate code" if dice.rarely() else None,
        recipient=None if dice.of(20) == 19 else dice.one(_PLACES[:2]),
    )


def drawn(order: Order, item_id: str, name: str, *, letter: str = "a", stale: bool = False) -> render.RenderFinished:
    side = order.items[item_id].sides[name]
    return render.RenderFinished(
        **_named(order, item_id, name, side.request_id or "d" * 32, "e" * 64 if stale else side.wanted),
        file=FileRef(sha256=w.a_sha(letter), size=1, media_type="image/png"),
        link=f"http://files/f/{order.id}/{letter}",
        renderer="test",
    )


def _named(order: Order, item_id: str, side: str, request_id: str, input_hash: str) -> Words:
    return {"request_id": request_id, "order_id": order.id, "item_id": item_id, "side": side, "input_hash": input_hash}


def _side(order: Order, dice: Dice) -> tuple[str, str]:
    item_id: str = dice.one(list(order.items))
    item: Item = order.items[item_id]
    return item_id, dice.one(list(item.sides) or ["front"])


def _rendered(order: Order, _: Any, dice: Dice) -> render.RenderFinished:
    item_id, name = _side(order, dice)
    if name in order.items[item_id].sides:
        return drawn(order, item_id, name, letter=dice.one("ab"), stale=dice.rarely())
    named = _named(order, item_id, name, "d" * 32, "e" * 64)
    file = FileRef(sha256=w.a_sha(), size=1, media_type="image/png")
    return render.RenderFinished(**named, file=file, link="http://files/f/a", renderer="test")


def _answered(order: Order, dice: Dice) -> Words:
    return _rendered(order, None, dice).model_dump(include={"request_id", "order_id", "item_id", "side", "input_hash"})


def _collected(order: Order, _: Any, dice: Dice) -> render.FileCollected:
    item_id, name = _side(order, dice)
    return render.FileCollected(order_id=order.id, item_id=item_id, side=name, sha256=w.a_sha(dice.one("ab")))


def _about(order: Order, dice: Dice) -> Words:
    """Of the latest generation; now and then of another."""
    return {"order_id": order.id, "generation": dice.one([max(order.generation, 1)] * 4 + [1, order.generation + 1])}


def _accepted(order: Order, _: Any, dice: Dice) -> dispatch.DispatchAccepted:
    differs = ["items"] if dice.rarely() else []
    return w.accepted(vendor_order_id=dice.one(["77", "77", "78"])).model_copy(update={**_about(order, dice), "differs": differs})


def shipped(order: Order, now: Any, units: Mapping[str, int], parcel: str, dice: Dice) -> tracking.ShipmentUpdated:
    box = tracking.Parcel(carrier="DHL", tracking_number=f"TRACK-{dice.of(3)}", units=dict(units), reshipment=dice.rarely())
    return w.shipped({}).model_copy(update={**_about(order, dice), "read_at": now, "parcels": {parcel: box}})


def _shipment(order: Order, now: Any, dice: Dice) -> tracking.ShipmentUpdated:
    units = {item_id: 1 + dice.of(item.quantity + 1) for item_id, item in order.items.items() if not dice.rarely()}
    return shipped(order, now - timedelta(seconds=dice.one([0, 40])), units, dice.one(["p1", "p2"]), dice)


def _vendor_said(order: Order, now: Any, dice: Dice) -> tracking.VendorOrderChanged:
    word, ended = dice.one([("in_production", False), ("failed", True), ("cancelled", True), ("on_hold", False)])
    cancelled = {item_id: 1 for item_id in order.items if dice.rarely()}
    said = w.vendor_said(word, ended=ended).model_copy(
        update={"cancelled_units": cancelled, "vendor_order_id": dice.one(["77", "77", "78"])}
    )
    return said.model_copy(update={**_about(order, dice), "read_at": now - timedelta(seconds=dice.one([0, 40]))})


def _shop(_: Order, __: Any, dice: Dice) -> catalog.Shop:
    return w.a_shop(
        auto_render=dice.of(2) == 0, auto_send_after_s=dice.one([None, 0, 600]), late_after={"new_s": dice.one([0, 60])}
    )


FACTS: Mapping[type[Message], Callable[[Order, Any, Dice], Message]] = {
    sync.ShopOrderObserved: shop_order,
    catalog.Artwork: lambda _, __, dice: MUG.model_copy(update={"version": dice.one([2, 1])}),
    artwork_v1.Artwork: lambda _, __, ___: _OLD,
    catalog.Shop: _shop,
    render.RenderFinished: _rendered,
    render.RenderFailed: lambda o, _, d: render.RenderFailed(**_answered(o, d), code="worker_died", remedy="Render again."),
    render.RenderSkipped: lambda o, _, d: render.RenderSkipped(**_answered(o, d), newer_request_id="c" * 32),
    render.FileCollected: _collected,
    dispatch.DispatchStarted: lambda o, _, d: w.started(1 + d.of(2)).model_copy(update=_about(o, d)),
    dispatch.DispatchDelayed: lambda o, _, d: w.delayed(1 + d.of(2)).model_copy(update=_about(o, d)),
    dispatch.DispatchInDoubt: lambda o, _, d: w.in_doubt(1 + d.of(2)).model_copy(update=_about(o, d)),
    dispatch.DispatchWithdrawn: lambda o, _, d: w.withdrawn().model_copy(update=_about(o, d)),
    dispatch.DispatchRefused: lambda o, _, d: w.refused().model_copy(update={**_about(o, d), "vendor_words": "Zoë who?"}),
    dispatch.DispatchAccepted: _accepted,
    tracking.ShipmentUpdated: _shipment,
    tracking.VendorOrderChanged: _vendor_said,
    sync.TrackingPosted: lambda o, now, d: sync.TrackingPosted(order_id=o.id, parcel=d.one(["p1", "p2"]), at=now),
    sync.TrackingNotPosted: lambda o, _, d: sync.TrackingNotPosted(
        order_id=o.id, parcel=d.one(["p1", "p2"]), code="no_plugin", remedy="Install it."
    ),
}


def next_good_thing(order: Order, now: Any, dice: Dice) -> list[Message]:
    """What brings an order a step further to its end, if nothing comes in between."""
    common: Words = {"order_id": order.id, "actor": ANN}
    seen: Words = {**common, "expected_version": order.version}
    if dice.of(2 if order.status is OrderStatus.FAILED else 8) == 0 and refusal(situation(order), "archive") is None:
        return [orders.Archive(**common)]
    if order.activity is ActivityKind.SCHEDULED:
        return [orders.StopSending(**common)]
    if order.in_flight:
        assert order.sending is not None
        if order.sending.outcome == "in_doubt" and dice.of(2):
            return [orders.Settle(**common, accepted=dice.of(2) == 0, vendor_order_id="77", reason="asked Zoë")]
        begun = order.sending.outcome != "requested"
        step = dice.one([w.accepted(), w.refused(), w.in_doubt()] if begun else [w.started(), w.delayed(), w.withdrawn()])
        return [step.model_copy(update={"order_id": order.id, "generation": order.generation})]
    match order.status:
        case OrderStatus.ARCHIVED:
            return [orders.Unarchive(**common)]
        case OrderStatus.NEW:
            asked = [(key, name) for key, item in order.items.items() for name, side in item.sides.items() if side.asked]
            return [drawn(order, *place) for place in asked] or [orders.Render(**common)]
        case OrderStatus.READY:
            return [orders.RecordHandOver(**common) if order.custom else orders.Send(**seen)]
        case OrderStatus.FAILED:
            return [orders.Render(**common), orders.Retry(**seen)]
        case _:
            return [shipped(order, now, {key: item.quantity for key, item in order.items.items()}, "p1", dice)]
