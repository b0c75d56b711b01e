"""Plays the operator: renders what is New, sends what is Ready, and never sends a version it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from platen_contracts.common import Actor
from platen_contracts.orders import CommandRefused, OrderCommand, OrderSnapshot, Render, Send

from platen_cli.wire import Sender

OPERATOR = Actor(kind="operator", name="demo")


@dataclass
class Operator:
    sender: Sender
    refusals: list[str] = field(default_factory=list[str])
    """What was refused and should not have been."""
    _rendered: set[str] = field(default_factory=set[str])
    _sent_at: dict[str, int] = field(default_factory=dict[str, int])
    _asked: set[str] = field(default_factory=set[str])

    async def look_at(self, order: OrderSnapshot) -> None:
        """Gives the command that the order's own `actions` offer, once."""
        files = {side.state for item in order.items.values() for side in item.sides.values()}
        if order.status == "New" and order.actions["render"] == "allowed" and files == {"none"}:
            if order.order_id not in self._rendered:
                self._rendered.add(order.order_id)
                await self._command(Render(order_id=order.order_id, actor=OPERATOR))
        elif order.actions["send"] == "allowed" and order.order_id not in self._sent_at:
            self._sent_at[order.order_id] = order.version
            await self._command(Send(order_id=order.order_id, actor=OPERATOR, expected_version=order.version))

    async def hear(self, refused: CommandRefused) -> None:
        """A command decided on an older look is decided again; anything else refused is told."""
        if refused.command_id not in self._asked:
            return
        if refused.code == "stale":
            self._sent_at.pop(refused.order_id, None)
        else:
            self.refusals.append(f"{refused.order_id}: {refused.code}: {refused.reason}")

    async def _command(self, command: OrderCommand) -> None:
        command_id = uuid4().hex
        self._asked.add(command_id)
        await self.sender.send("orders.commands", command.order_id, command, command_id, datetime.now(UTC))
