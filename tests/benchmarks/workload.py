"""The bench's messages: deterministic, so that every arm does the same work on the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from platen_contracts import dispatch, orders, render, tracking
from platen_contracts.common import ArtworkRef, FileRef
from platen_contracts.envelope import Headers, Meta, encode, encode_headers
from platen_contracts.ids import derived_id, order_id
from platen_contracts.input_hash import input_hash
from platen_contracts.message import Message

from tests.orders import world as w

DUPLICATES = 0.10
COMMANDS = 0.05
REFUSED = 0.01
LIVE = 2000
"""Orders whose messages are interleaved."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One record to be: `value` and `headers` are its bytes."""

    topic: str
    key: str
    meta: Meta
    message: Message
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Stray:
    """A record that may be no message at all."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def observations(count: int) -> list[Message]:
    """One shop order with 1 to 6 lines for each order of the bench."""
    return [w.a_shop_order(*(w.a_line(str(line)) for line in range(1 + n % 6)), shop_order_id=str(n)) for n in range(count)]


def pieces(count: int, seed: int = 1) -> list[Piece]:
    """What happens to `count` orders: files, an acceptance, a shipment; commands and duplicates among them. Interleaved."""
    dice = random.Random(seed)
    waiting = [list(_life(n, dice)) for n in range(count)]
    made: list[Piece] = []
    live = [waiting.pop() for _ in range(min(LIVE, len(waiting)))]
    while live:
        place = dice.randrange(len(live))
        made.append(live[place].pop(0))
        if made and dice.random() < DUPLICATES:
            made.append(dice.choice(made[-5000:]))
        if not live[place]:
            live[place] = waiting.pop() if waiting else live[-1]
            if not waiting and live[place] is live[-1]:
                live.pop()
    return made


def hot(records: list[Piece], share: float = 0.10, seed: int = 2) -> list[Piece]:
    """As many records, of which `share` concern one order: its vendor says something new each time."""
    dice = random.Random(seed)
    order = order_id("mugs", "0", "0")
    made: list[Piece] = []
    for number, each in enumerate(records):
        if dice.random() < share:
            changes = {"order_id": order, "vendor_order_id": order[:8]}
            said = w.vendor_said("inprocess", read=number).model_copy(update=changes)
            each = piece("tracking.updates", order, said, derived_id("hot", number))
        made.append(each)
    return made


def imported(count: int) -> list[Piece]:
    """Shop orders that no database of the bench holds yet."""
    seen = [w.a_shop_order(*(w.a_line(str(n)) for n in range(1 + i % 6)), shop_order_id=f"new-{i}") for i in range(count)]
    return [piece("sync.orders", f"mugs/{it.shop_order_id}", it, derived_id("import", it.shop_order_id)) for it in seen]


def _life(n: int, dice: random.Random) -> Iterator[Piece]:
    order = order_id("mugs", str(n), "0")
    items = [derived_id("item", "mugs", str(n), str(line)) for line in range(1 + n % 6)]
    for message in _facts(order, items):
        topic = _TOPICS[type(message)]
        yield piece(topic, order, message, derived_id(n, message.TYPE, message.model_dump_json()))
        if dice.random() < COMMANDS:
            recipient = w.BERLIN.model_copy(update={"line2": f"floor {dice.randrange(90)}"})
            command = orders.EditShipping(order_id=order, actor=w.ANN, recipient=recipient)
            yield piece("orders.commands", order, command, derived_id(n, "edit", dice.random()))
        if dice.random() < REFUSED:
            nobody = derived_id("nobody", n)
            yield piece(
                "orders.commands", nobody, orders.Archive(order_id=nobody, actor=w.ANN), derived_id(n, "no", dice.random())
            )


def _facts(order: str, items: list[str]) -> Iterator[Message]:
    link = w.a_line().link
    assert link is not None
    wanted = input_hash(ArtworkRef(artwork_id="mug", version=1), link.profile, "front", {"name": "Zoë"})
    for item in items:
        yield render.RenderFinished(
            request_id=derived_id("request", item),
            order_id=order,
            item_id=item,
            side="front",
            input_hash=wanted,
            file=FileRef(sha256=derived_id(item) * 2, size=8_123_456, media_type="image/png"),
            link=f"https://files.example.com/f/{derived_id('token', item)}",
            renderer="platen-render 0.1.0",
        )
    yield dispatch.DispatchAccepted(
        order_id=order,
        generation=1,
        vendor_id="printer",
        vendor_order_id=order[:8],
        external_id="x1",
        submission=1,
        items=dict.fromkeys(items, 2),
    )
    yield tracking.ShipmentUpdated(
        order_id=order,
        vendor_id="printer",
        vendor_order_id=order[:8],
        external_id="x1",
        generation=1,
        read_at=w.NOON,
        parcels={"p1": tracking.Parcel(carrier="DHL", tracking_number=order[:12], units=dict.fromkeys(items, 2))},
    )


_TOPICS: dict[type[Message], str] = {
    render.RenderFinished: "render.results",
    dispatch.DispatchAccepted: "dispatch.results",
    tracking.ShipmentUpdated: "tracking.updates",
}


def piece(topic: str, key: str, message: Message, message_id: str) -> Piece:
    """A record as it would come."""
    meta = Meta(message_id, message.TYPE, "/platen/bench", key, datetime.now(UTC))
    value = encode(message)
    assert value is not None
    return Piece(topic, key, meta, message, value, encode_headers(meta))
