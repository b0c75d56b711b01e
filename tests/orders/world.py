"""An orders service without Kafka and Postgres: the same handlers over states in memory, for tests of pure decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from platen_contracts import dispatch, orders, render, sync, tracking
from platen_contracts.catalog import Artwork, Option, Policies, Shop, Side, TextLayer
from platen_contracts.common import Actor, Address, ArtworkRef, FileRef, Money, OutputProfile, VendorProduct
from platen_contracts.envelope import Meta, rfc3339
from platen_contracts.ids import derived_id, order_id
from platen_contracts.message import Message
from platen_contracts.orders import OrderCommand
from platen_messaging.handlers import Tombstone
from platen_messaging.outcome import Applied, Context, Outcome, Outgoing
from platen_orders.decide.timers import TimerDue
from platen_orders.handlers import COMMANDS, FACTS, TIMERS
from platen_orders.model import Entry, Held, Order

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANN = Actor(kind="operator", name="ann")
ADA = Actor(kind="admin", name="ada")
ORDER = order_id("mugs", "1001", "1")
MUG = Artwork(
    artwork_id="mug",
    version=1,
    title="Mug",
    width_px=300,
    height_px=400,
    options={
        "name": Option(label="Name", max_length=20),
        "colour": Option(kind="choice", label="Colour", required=False, choices=["red", "blue"]),
    },
    sides={"front": Side(layers=[TextLayer(option="name", width=200, height=100, font="Noto Sans", size=40)])},
)
BERLIN = Address(full_name="Zoë Müller", line1="Hauptstraße 1", city="Berlin", postcode="10115", country="DE")


def a_line(line_id: str = "1", *, vendor_id: str = "printer", quantity: int = 2, **link: Any) -> sync.ShopLine:
    """A line of a shop order that a listing links to the mug; `link=None` leaves it unlinked."""
    words: dict[str, Any] = {
        "listing_id": "9",
        "vendor_id": vendor_id,
        "product": VendorProduct(variant_id="4011", placements={"front": "default"}),
        "profile": OutputProfile(profile_id="mug", version=1, width_px=300, height_px=400),
        "artwork": ArtworkRef(artwork_id="mug", version=1),
        "answers": {"name": "Zoë"},
    }
    linked = sync.Link(**(words | link)) if link.get("link", True) is not None else None
    price = Money.model_validate({"amount": "12.50", "currency": "EUR"})
    return sync.ShopLine(line_id=line_id, title="A mug", quantity=quantity, price=price, link=linked)


def a_shop_order(*lines: sync.ShopLine, shop_order_id: str = "1001", read: int = 0, **fields: Any) -> sync.ShopOrderObserved:
    words: dict[str, Any] = {
        "shop_id": "mugs",
        "shop_order_id": shop_order_id,
        "number": shop_order_id,
        "modified_at": NOON,
        "read_at": NOON + timedelta(seconds=read),
        "placed_at": NOON,
        "currency": "EUR",
        "recipient": BERLIN,
        "lines": list(lines) or [a_line()],
    }
    return sync.ShopOrderObserved(**(words | fields))


def a_shop(**policies: Any) -> Shop:
    """The shop of every order here; without it nothing happens by itself."""
    return Shop(
        shop_id="mugs", title="Mugs", url="https://mugs.example", sync_from=NOON, policies=Policies.model_validate(policies)
    )


class World:
    """Tells facts, asks commands, and keeps what comes of them. Message ids count up, so that every run is the same."""

    def __init__(self) -> None:
        self.states: dict[str, Entry] = {}
        self.sent: list[Outgoing] = []
        self.told: list[Outcome[Entry]] = []
        self.late = timedelta(0)
        self._count = 0

    def tell(self, fact: Message, *, at: datetime = NOON) -> Outcome[Entry]:
        return self._decide(FACTS, fact, at)

    def ask(self, command: OrderCommand) -> Outcome[Entry]:
        return self._decide(COMMANDS, command, NOON)

    def gone(self, topic: str, key: str) -> Outcome[Entry]:
        """A tombstone."""
        return self._decide(FACTS, Tombstone(topic, key), NOON)

    def until(self, seconds: float) -> None:
        """Lets so many seconds pass: every timer strikes that is due then, as `poll` has it."""
        self.late = max(self.late, timedelta(seconds=seconds))
        while due := [it for it in self.orders() if it.timer is not None and it.timer <= rfc3339(self.now)]:
            for order in due:
                timer = datetime.fromisoformat(order.timer or "")
                self._decide(TIMERS, TimerDue(order_id=order.id, due_at=timer), timer)

    def strike(self, order: str) -> None:
        """The time of this order has come, whatever it says itself."""
        self._decide(TIMERS, TimerDue(order_id=order, due_at=self.now), self.now)

    @property
    def now(self) -> datetime:
        return NOON + self.late + timedelta(seconds=self._count)

    def order(self, which: str = ORDER) -> Order:
        held = self.states[which]
        assert isinstance(held, Held)
        return held.order

    def snapshot(self, which: str = ORDER) -> dict[str, Any]:
        held = self.states[which]
        assert isinstance(held, Held)
        return held.public

    def orders(self) -> list[Order]:
        return [held.order for held in self.states.values() if isinstance(held, Held)]

    def on(self, topic: str) -> list[Any]:
        """The models sent to a topic so far (bodies that were encoded already are decoded)."""
        models = {"orders.history": orders.OrderChanged}
        found: list[Any] = []
        for outgoing in self.sent:
            if outgoing.topic == topic:
                body = outgoing.value
                found.append(outgoing.message if body is None else models[topic].model_validate_json(body))
        return found

    def reply(self) -> Any:
        return self.on("orders.replies")[-1]

    def _decide(self, handlers: Any, message: Message | Tombstone, at: datetime) -> Outcome[Entry]:
        self._count += 1
        kind = "" if isinstance(message, Tombstone) else type(message).TYPE
        meta = Meta(derived_id("test", self._count), kind, "test", "", at)
        outcome = handlers.decide(self.states, message, Context(self.now, meta))
        if isinstance(outcome, Applied):
            self.states.update(outcome.states)
        self.sent.extend(getattr(outcome, "messages", ()))
        self.told.append(outcome)
        return outcome


def a_sha(letter: str = "a") -> str:
    return letter * 64


def rendered(request: render.RenderRequested, letter: str = "a") -> render.RenderFinished:
    """The answer to a request: a file whose sha256 is `letter` 64 times."""
    return render.RenderFinished(
        request_id=request.request_id,
        order_id=request.order_id,
        item_id=request.item_id,
        side=request.side,
        input_hash=request.input_hash,
        file=FileRef(sha256=a_sha(letter), size=1, media_type="image/png"),
        link=f"http://files/f/{letter}",
        renderer="test",
    )


def answer_renders(world: World, letter: str = "a") -> None:
    """Every request that was not answered yet is."""
    for request in world.on("render.requests"):
        item = world.order(request.order_id).items.get(request.item_id)  # None: it was split off
        if item is not None and item.sides[request.side].request_id == request.request_id:
            world.tell(rendered(request, letter))


def accepted(generation: int = 1, vendor_order_id: str = "77") -> dispatch.DispatchAccepted:
    return dispatch.DispatchAccepted(
        order_id=ORDER,
        generation=generation,
        vendor_id="printer",
        vendor_order_id=vendor_order_id,
        external_id="x1",
        submission=1,
        items={},
    )


def shipped(units: dict[str, int], *, parcel: str = "p1", read: int = 100, generation: int = 1) -> tracking.ShipmentUpdated:
    return tracking.ShipmentUpdated(
        order_id=ORDER,
        vendor_id="printer",
        vendor_order_id="77",
        external_id="x1",
        generation=generation,
        read_at=NOON + timedelta(seconds=read),
        parcels={parcel: tracking.Parcel(carrier="DHL", tracking_number="TRACK-1", units=units)},
    )


def vendor_said(
    status: str, *, raw: str | None = None, read: int = 200, ended: bool = False, generation: int = 1
) -> tracking.VendorOrderChanged:
    return tracking.VendorOrderChanged(
        order_id=ORDER,
        vendor_id="printer",
        vendor_order_id="77",
        external_id="x1",
        generation=generation,
        read_at=NOON + timedelta(seconds=read),
        raw=raw or status,
        status=status,
        ended=ended,
    )


def started(attempt: int = 1, generation: int = 1) -> dispatch.DispatchStarted:
    return dispatch.DispatchStarted(order_id=ORDER, generation=generation, attempt=attempt, submission=1, external_id="x1")


def in_doubt(attempt: int = 1, generation: int = 1) -> dispatch.DispatchInDoubt:
    return dispatch.DispatchInDoubt(order_id=ORDER, generation=generation, attempt=attempt, reason="no reply")


def delayed(attempt: int = 1, generation: int = 1) -> dispatch.DispatchDelayed:
    return dispatch.DispatchDelayed(
        order_id=ORDER, generation=generation, attempt=attempt, next_try=NOON + timedelta(minutes=5), code="unreachable"
    )


def refused(generation: int = 1) -> dispatch.DispatchRefused:
    return dispatch.DispatchRefused(order_id=ORDER, generation=generation, code="bad_address", remedy="Edit shipping.")


def withdrawn(generation: int = 1) -> dispatch.DispatchWithdrawn:
    return dispatch.DispatchWithdrawn(order_id=ORDER, generation=generation)


# Situations: each is the one before and one thing more. Without lines there is one, of two mugs.


def new(*lines: sync.ShopLine, **fields: Any) -> World:
    world = World()
    world.tell(MUG)
    world.tell(a_shop_order(*lines, **fields))
    return world


def ready(*lines: sync.ShopLine, **link: Any) -> World:
    world = new(*lines) if lines or not link else new(a_line(**link))
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    answer_renders(world)
    return world


def queued(*lines: sync.ShopLine) -> World:
    world = ready(*lines)
    world.ask(orders.Send(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    return world


def sending(*lines: sync.ShopLine) -> World:
    world = queued(*lines)
    world.tell(started())
    return world


def doubtful(*lines: sync.ShopLine) -> World:
    world = sending(*lines)
    world.tell(in_doubt())
    return world


def sent(*lines: sync.ShopLine) -> World:
    world = sending(*lines)
    world.tell(accepted())
    return world


def fulfilled(*lines: sync.ShopLine) -> World:
    world = sent(*lines)
    world.tell(shipped({item_id: item.quantity for item_id, item in world.order().items.items()}))
    return world


def failed(*lines: sync.ShopLine) -> World:
    world = sending(*lines)
    world.tell(refused())
    return world


def retried(*lines: sync.ShopLine) -> World:
    world = failed(*lines)
    world.ask(orders.Retry(order_id=ORDER, actor=ANN, expected_version=world.order().version))
    return world


def scheduled(*lines: sync.ShopLine) -> World:
    """To be sent by itself after ten minutes."""
    world = new(*lines)
    world.tell(a_shop(auto_render=False, auto_send_after_s=600))
    world.ask(orders.Render(order_id=ORDER, actor=ANN))
    answer_renders(world)
    return world


def archived(*lines: sync.ShopLine) -> World:
    world = ready(*lines)
    world.ask(orders.Archive(order_id=ORDER, actor=ANN))
    return world


def erased(*lines: sync.ShopLine) -> World:
    world = ready(*lines)
    world.ask(orders.Erase(order_id=ORDER, actor=ADA))
    return world


def of_a_custom_vendor(situation: Callable[..., World]) -> Callable[..., World]:
    """The same situation of an order whose vendor has no API."""
    return lambda *lines: situation(*(by_hand(line) for line in lines or (a_line(),)))


def by_hand(line: sync.ShopLine) -> sync.ShopLine:
    assert line.link is not None
    return line.model_copy(update={"link": line.link.model_copy(update={"custom": True})})
