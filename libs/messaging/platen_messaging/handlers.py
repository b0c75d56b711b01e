"""The table of a service: which message is decided by which function. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from platen_contracts.message import Message

from .outcome import Context, Key, Outcome, Outgoing, Refused

S = TypeVar("S")
M = TypeVar("M", bound=Message)

Closing = Callable[[Mapping[Key, S], datetime], Sequence[Outgoing]]
"""(every state the batch changed, now) -> messages that the batch sends once, such as one snapshot per order."""

TooOld = Callable[[Message, Context], Outcome[Any]]
"""What a command older than the inbox's memory is answered with."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record without a value on a compacted topic: what stood under `key` is gone. `topic` is the catalogue's name."""

    topic: str
    key: str


@dataclass(frozen=True, slots=True)
class On(Generic[M, S]):
    """One message type: `touches` says which states to load for it, `decide` what becomes of them."""

    message: type[M]
    touches: Callable[[M], Iterable[Key]]
    decide: Callable[[Mapping[Key, S], M, Context], Outcome[S]]


@dataclass(frozen=True, slots=True)
class OnTombstone(Generic[S]):
    """Tombstones of every compacted topic that the lane reads; `decide` tells topics apart by `Tombstone.topic`."""

    touches: Callable[[Tombstone], Iterable[Key]]
    decide: Callable[[Mapping[Key, S], Tombstone, Context], Outcome[S]]


class Handlers(Generic[S]):
    """What one lane (or worker) can decide.

    Args:
        ons: one per message type. A type of the topic that no `On` names is Ignored.
        tombstone: how tombstones are decided; without it they are Ignored.
        closing: messages that a batch sends once for all it changed.
        too_old: answers commands older than 30 days; default `Refused("too_old")` without a reply.
    """

    def __init__(
        self,
        *ons: On[Any, S],
        tombstone: OnTombstone[S] | None = None,
        closing: Closing[S] | None = None,
        too_old: TooOld | None = None,
    ) -> None:
        self._ons: dict[type[Message], On[Any, S]] = {on.message: on for on in ons}
        if len(self._ons) < len(ons):
            raise ValueError("two handlers name the same message")
        self.tombstone = tombstone
        self.closing = closing
        self.too_old: TooOld = too_old or _refuse

    @property
    def types(self) -> Mapping[str, type[Message]]:
        """The messages decided here, by CloudEvents type."""
        return {message.TYPE: message for message in self._ons}

    def touches(self, message: Message | Tombstone) -> Iterable[Key]:
        """The keys of the states that deciding `message` needs."""
        if isinstance(message, Tombstone):
            return () if self.tombstone is None else self.tombstone.touches(message)
        return self._ons[type(message)].touches(message)

    def decide(self, states: Mapping[Key, S], message: Message | Tombstone, context: Context) -> Outcome[S]:
        """The outcome of `message`. Raises `KeyError` for a type that no `On` names."""
        if isinstance(message, Tombstone):
            if self.tombstone is None:
                raise KeyError(f"no handler for tombstones, as on {message.topic}")
            return self.tombstone.decide(states, message, context)
        return self._ons[type(message)].decide(states, message, context)


def _refuse(message: Message, context: Context) -> Outcome[Any]:
    return Refused("too_old")
