"""A lane: some topics read together by one consumer group, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from .desk import Store
from .handlers import Handlers
from .places import Rewound

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Lane(Generic[S]):
    """What to read and how to decide it.

    Attributes:
        name: with the service's name it makes the consumer group; renaming it reads everything again.
        topics: names in the catalogue.
        max_records: messages in one transaction; of a backlog twice as many are read, and settled in two side by side, each
            key's in one of them.
        store: where its states are kept; default is the service's.
        keeps_place: in the database too (table `places`), so that one which is older than what was read is noticed: the lane
            reads again from there, and decisions are told which messages are doubted. `Service.in_place` tells when
            that is known.
        on_rewound: called then, in the transaction that notes it.
    """

    name: str
    topics: tuple[str, ...]
    handlers: Handlers[S]
    max_records: int = 500
    store: Store[S] | None = None
    keeps_place: bool = False
    on_rewound: Rewound | None = None
