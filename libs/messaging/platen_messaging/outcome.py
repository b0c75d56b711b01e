"""What a decision may answer. Pure: every service's `decide` imports this, and nothing here knows Kafka or a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id
from platen_contracts.message import Message

S = TypeVar("S")

Key = str
"""Names one state of a service: what is locked, loaded and saved together."""


class Outgoing(NamedTuple):
    """A message to send once the transaction that holds it is committed.

    Attributes:
        topic: the name in the catalogue, without a deployment's prefix.
        key: decides the partition; messages of one topic and key keep their order.
        message: None with `value` None makes a tombstone.
        id: make it with `Context.id`, so that deciding again gives the same id.
        value: JSON encoded already, instead of `message`, for hot paths; `type` then names its CloudEvents type.
        version: of the state that it tells of, for stores that keep such messages (history).
    """

    topic: str
    key: str
    message: Message | None
    id: str
    value: bytes | None = None
    type: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Applied(Generic[S]):
    """The message changed something: `states` holds every state that is now different, whole."""

    states: Mapping[Key, S]
    messages: Sequence[Outgoing] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Known, older, or already so. Nothing changed."""

    reason: str
    messages: Sequence[Outgoing] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Commands only: it may not be done, for the reason that `code` names."""

    code: str
    messages: Sequence[Outgoing] = ()


@dataclass(frozen=True, slots=True)
class Unusable:
    """Can never be honoured, whatever happens later: it becomes a dead letter with this reason."""

    reason: str


Outcome = Applied[S] | Ignored | Refused | Unusable


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may know beside states and message. `now` is aware and UTC.

    `doubted`: the message may have been handled before, by a database that was lost since (`Lane.keeps_place`).
    """

    now: datetime
    meta: Meta
    doubted: bool = False

    def id(self, *parts: object) -> str:
        """An id of its own for each `parts`; the same message gives the same ids, however often it is decided."""
        return derived_id(self.meta.id, *parts)
