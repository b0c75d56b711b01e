"""A slice of any topic turned into one Retry per order. `orders` decides afresh, with what it knows today."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from platen_contracts.common import Actor
from platen_contracts.envelope import Undecodable, decode_headers, decode_value
from platen_contracts.ids import derived_id
from platen_contracts.orders import CommandApplied, CommandIgnored, CommandRefused, CommandReply, Retry
from platen_contracts.topics import CATALOGUE
from platen_messaging.records import Record

from platen_cli.errors import UserError
from platen_cli.wire import Sender, json_object

from .reach import Reach
from .reading import TopicReader, read, reading

Replies = Mapping[str, CommandReply]


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a topic (the catalogue's name), by the times of its records."""

    topic: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Original:
    """The last record of the slice that speaks of an order."""

    message_id: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One replay: its id (32 hex digits), who asked for it, and since when replies to it may have come (None: from now on)."""

    id: str
    operator: str
    dry_run: bool = False
    answered_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An order that the slice speaks of, as `orders.status` shows it now."""

    order_id: str
    shop_order: str
    number: str
    status: str
    version: int
    original: Original

    def command_id(self, run: Run) -> str:
        """The same original in the same run is the same command, however often it is sent."""
        return derived_id("replay", self.original.message_id, run.id, self.order_id, run.dry_run)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a slice comes to: its records, the orders they speak of, and the names in it that no order bears."""

    records: int
    orders: Sequence[Found]
    nobody: int


def check_topic(topic: str) -> None:
    """Raises `UserError` for one that is not in the catalogue."""
    if topic not in CATALOGUE:
        raise UserError(f"{topic}: not in the catalogue; `platen topics describe` lists those there are")


async def find(where: Reach, part: Slice, order: str = "") -> Spoken:
    """The orders that the slice speaks of, by key, or by the order id or shop order in the value.

    `order` leaves only that one, by id or number. Raises `UserError` for a topic that is not in the catalogue.
    """
    check_topic(part.topic)
    count = 0
    named: dict[str, Original] = {}
    async for record in read(where.kafka, [where.prefix + part.topic], since=part.since, until=part.until):
        count += 1
        if name := _name_in(record):
            named[name] = _original(record)
    found = await _orders(where, named)
    chosen = [one for one in found if order in ("", one.order_id, one.number)]
    nobody = len(set(named) - {name for one in found for name in (one.order_id, one.shop_order)})
    return Spoken(count, sorted(chosen, key=lambda one: one.number), nobody)


async def retry(where: Reach, orders: Sequence[Found], run: Run, seconds: float) -> Replies:
    """Sends one Retry for each order, naming the version that was read; returns the replies by order id, as far as they came."""
    asked = {one.command_id(run): one.order_id for one in orders}
    topic, since = [where.prefix + "orders.replies"], run.answered_since
    async with reading(where.kafka, topic, since=since, at_end=since is None) as replies:
        async with Sender(where.kafka, where.prefix) as sender:
            for one in orders:
                command = Retry(
                    order_id=one.order_id,
                    actor=Actor(kind="replay", name=run.operator),
                    expected_version=one.version,
                    dry_run=run.dry_run,
                    bulk_id=run.id,
                )
                now, original = datetime.now(UTC), one.original.message_id
                await sender.send("orders.commands", one.order_id, command, one.command_id(run), now, replay_of=original)
        return await _replies(replies, asked, seconds)


async def _replies(replies: TopicReader, asked: Mapping[str, str], seconds: float) -> Replies:
    heard: dict[str, CommandReply] = {}
    deadline = asyncio.get_running_loop().time() + seconds
    while len(heard) < len(asked) and asyncio.get_running_loop().time() < deadline:
        async for record in replies.to_the_end():
            reply = _reply(record)
            if reply is not None and reply.command_id in asked:
                heard[asked[reply.command_id]] = reply
        await asyncio.sleep(0.1)
    return heard


def _reply(record: Record) -> CommandReply | None:
    types = {message.TYPE: message for message in (CommandApplied, CommandIgnored, CommandRefused)}
    try:
        kind = types.get(decode_headers(record.headers).type)
        reply = None if kind is None or record.value is None else decode_value(record.value, kind)
    except Undecodable:
        return None
    return reply if isinstance(reply, CommandReply) else None


async def _orders(where: Reach, named: Mapping[str, Original]) -> list[Found]:
    """Those of the named orders that there are, as the last record of each shows them."""
    found: dict[str, Found] = {}
    if not named:
        return []
    async for record in read(where.kafka, [where.prefix + "orders.status"]):
        snapshot, order_id = json_object(record.value), (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            found.pop(order_id, None)
            continue
        if not {"number", "status", "version"} <= snapshot.keys():
            continue  # no snapshot: somebody else's record, which changes nothing
        shop_order = f"{snapshot.get('shop_id')}/{snapshot.get('shop_order_id')}"
        originals = [named[name] for name in (order_id, shop_order) if name in named]
        if originals:
            last = max(originals, key=lambda original: original.time)
            found[order_id] = Found(order_id, shop_order, snapshot["number"], snapshot["status"], snapshot["version"], last)
    return list(found.values())


def _name_in(record: Record) -> str:
    """What names the order: the value's order id, else the shop order in it, else the key."""
    body = json_object(record.value)
    if isinstance(order_id := body.get("order_id"), str):
        return order_id
    if isinstance(body.get("shop_id"), str) and isinstance(body.get("shop_order_id"), str):
        return f"{body['shop_id']}/{body['shop_order_id']}"
    return (record.key or b"").decode("utf-8", "replace")


def _original(record: Record) -> Original:
    """A record without an id of its own is named by its place."""
    try:
        message_id = decode_headers(record.headers).id
    except Undecodable:
        message_id = derived_id("record", record.topic, record.partition, record.offset)
    return Original(message_id, datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC))
