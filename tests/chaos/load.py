"""Load drawn from a seed: a shop that sells, changes and cancels; operators who render, edit, send, stop, archive and retry."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from platen_cli.demo import story
from platen_cli.wire import Seen, Sender, follow
from platen_contracts import orders
from platen_contracts.common import Actor
from platen_contracts.message import Message
from platen_contracts.orders import OrderCommand, OrderPrivate, OrderSnapshot

from .world import ENDS, FAILS, SHOP, WAITS, World

OPERATOR = Actor(kind="operator", name="chaos")
PATIENCE_RETRIES = 3
"""So often an order that failed is sent again; then it may stay so."""


@dataclass
class Operators:
    """Watches the public topics and gives commands that the orders themselves offer, a little wildly.

    `finishing`: only what brings orders to their end.
    """

    world: World
    rng: random.Random
    finishing: bool = False
    orders: dict[str, OrderSnapshot] = field(default_factory=dict[str, OrderSnapshot])
    private: dict[str, OrderPrivate] = field(default_factory=dict[str, OrderPrivate])
    asked: dict[str, str] = field(default_factory=dict[str, str])
    """Command not yet answered by order."""
    answered: dict[str, int] = field(default_factory=dict[str, int])
    """Version of the latest reply by order."""
    retries: dict[str, int] = field(default_factory=dict[str, int])
    cancelled: set[str] = field(default_factory=set[str])
    """Shop orders."""
    commands: int = 0

    async def watch(self) -> None:
        """Until cancelled. Starts over when the broker went away under it."""
        stack = self.world.stack
        topics = ("orders.status", "orders.private", "orders.replies")
        async for seen in follow(stack.bootstrap, topics, stack.given.topic_prefix):
            self._take(seen)

    def _take(self, seen: Seen) -> None:
        match seen.message:
            case OrderSnapshot() as snapshot if snapshot.version > self._version(seen.key):
                self.orders[seen.key] = snapshot
            case OrderPrivate() as private:
                self.private[seen.key] = private
            case orders.CommandApplied() | orders.CommandIgnored() | orders.CommandRefused() as reply:
                if self.asked.get(reply.order_id) == reply.command_id:
                    del self.asked[reply.order_id]
                    self.answered[reply.order_id] = 0 if reply.dry_run else reply.version
            case _:
                pass

    def _version(self, order: str) -> int:
        return self.orders[order].version if order in self.orders else 0

    async def work(self) -> None:
        """Until cancelled: looks at every order again and again."""
        stack = self.world.stack
        async with Sender(stack.bootstrap, stack.given.topic_prefix, "/platen/chaos") as sender:
            while True:
                for order in list(self.orders.values()):
                    await self._look_at(order, sender)
                await asyncio.sleep(0.2)

    async def _look_at(self, order: OrderSnapshot, sender: Sender) -> None:
        if order.order_id in self.asked or order.version < self.answered.get(order.order_id, 0):
            return
        command = self._next(order)
        if command is None:
            return
        command_id = UUID(int=self.rng.getrandbits(128)).hex
        self.asked[order.order_id] = command_id
        self.commands += 1
        times = 2 if self.rng.random() < 0.1 else 1
        for _ in range(times):
            await sender.send("orders.commands", order.order_id, command, command_id, datetime.now(UTC))

    def _next(self, order: OrderSnapshot) -> OrderCommand | None:
        wild = None if self.finishing else self._wild(order)
        if wild is not None:
            return wild
        files = {side.state for item in order.items.values() for side in item.sides.values()}
        may = {name for name, answer in order.actions.items() if answer == "allowed"}
        if "render" in may and files & {"none", "stale", "failed"}:
            return orders.Render(order_id=order.order_id, actor=OPERATOR)
        if "send" in may:
            return self._sending(orders.Send, order)
        if "retry" in may and self.retries.get(order.order_id, 0) < PATIENCE_RETRIES:
            self.retries[order.order_id] = self.retries.get(order.order_id, 0) + 1
            return self._sending(orders.Retry, order)
        if self.finishing and "unarchive" in may and order.shop_order_id not in self.cancelled:
            return orders.Unarchive(order_id=order.order_id, actor=OPERATOR)
        return None

    def _sending(self, kind: type[orders.Send] | type[orders.Retry], order: OrderSnapshot) -> OrderCommand:
        return kind(order_id=order.order_id, actor=OPERATOR, expected_version=order.version)

    def _wild(self, order: OrderSnapshot) -> OrderCommand | None:
        if self.rng.random() > 0.08:
            return None
        about: dict[str, Any] = {"order_id": order.order_id, "actor": OPERATOR}
        item = self.rng.choice(sorted(order.items))
        private = self.private.get(order.order_id)
        wild: list[OrderCommand] = [
            orders.Archive(**about),
            orders.Unarchive(**about),
            orders.StopSending(**about),
            orders.Render(**about, again=True),
            orders.Personalise(**about, item_id=item, answers={"name": f"N{self.rng.randrange(100)}"}),
            orders.Send(**about, expected_version=max(1, order.version - 1)),
            orders.Retry(**about, expected_version=order.version),
            orders.Archive(**about, dry_run=True),
        ]
        if private is not None and private.recipient is not None:
            moved = private.recipient.model_copy(update={"city": f"Town {self.rng.randrange(100)}"})
            wild.append(orders.EditShipping(**about, recipient=moved))
        return self.rng.choice(wild)

    def unfinished(self) -> Iterable[str]:
        """What is not at its end, one line each."""
        for order in self.orders.values():
            if order.order_id in self.asked:
                yield f"{order.number}: command {self.asked[order.order_id]} has no reply"
            elif order.activity.kind != "none" or not self._is_final(order):
                why = f"{order.activity.kind} {order.activity.reason or ''}"
                yield f"{order.number} at {order.vendor_id} is {order.status} ({why})"

    def _is_final(self, order: OrderSnapshot) -> bool:
        if order.status == "Fulfilled":
            return all(parcel.posted for parcel in order.parcels.values())
        if order.status == "Archived":
            return order.shop_order_id in self.cancelled
        if order.status == "Failed to send":
            return self.retries.get(order.order_id, 0) >= PATIENCE_RETRIES or order.actions["retry"] != "allowed"
        return order.custom and order.status == "Ready to send"


async def sell(world: World, operators: Operators, rng: random.Random, seconds: float, every: float) -> int:
    """Makes shop orders for that long, about one in `every` seconds, and changes or cancels some; returns how many."""
    loop = asyncio.get_running_loop()
    end, made = loop.time() + seconds, list[int]()
    while loop.time() < end:
        try:
            answer = await world.sandbox("POST", f"/shops/{SHOP}/orders", _shop_order(rng))
            made.append(answer["id"])
            world.accepted.add((SHOP, str(answer["id"])))
            if rng.random() < 0.1:
                await world.sandbox("PATCH", f"/shops/{SHOP}/orders/{rng.choice(made)}", {"customer_note": f"{rng.random()}"})
            if rng.random() < 0.06:
                gone = rng.choice(made)
                operators.cancelled.add(str(gone))
                world.accepted.discard((SHOP, str(gone)))  # cancelled before it was read, it never becomes an order
                await world.sandbox("POST", f"/shops/{SHOP}/orders/{gone}/cancel")
        except httpx.HTTPError:
            await asyncio.sleep(0.2)
        await asyncio.sleep(rng.expovariate(1 / every))
    return len(made)


def _shop_order(rng: random.Random) -> dict[str, Any]:
    plan = story.plans(30)[rng.randrange(30)]
    body: dict[str, Any] = {**plan.body, "shipping": dict(plan.body["shipping"])}
    name = rng.choice((FAILS, ENDS, WAITS, *["Plain Person"] * 12))
    first, _, last = name.partition(" ")
    body["shipping"] |= {"first_name": first, "last_name": last}
    return body


async def ask_sync(world: World, message: Message, command_id: str) -> None:
    """An operator's command to sync."""
    stack = world.stack
    async with Sender(stack.bootstrap, stack.given.topic_prefix, "/platen/chaos") as sender:
        await sender.send("sync.commands", SHOP, message, command_id, datetime.now(UTC))
