"""What travels to and from the toy."""

from __future__ import annotations

from platen_contracts.message import Message
from platen_contracts.topics import Kind, Topic


class Add(Message, owner="toy"):
    """A fact: `by` more.

    13 makes the decision raise, 666 is Unusable, 99 says more than a topic takes, a total past 1000 is refused by the database.
    """

    by: int
    counter: str = "all"
    text: str = ""


class AddPlease(Message, owner="toy"):
    """A command: `by` more, Refused below 0."""

    by: int
    counter: str = "all"


class Added(Message, owner="toy"):
    by: int
    total: int
    text: str = ""


class Refusal(Message, owner="toy"):
    code: str


class Total(Message, owner="toy"):
    total: int


class Elsewhere(Message, owner="toy"):
    """Carried by toy.adds, and of no use to the toy."""


def topic(name: str, kind: Kind, *messages: type[Message], retention_ms: int | None = 1_209_600_000) -> Topic:
    return Topic(name, kind, "toy", ("toy",), ("toy",), "counter", messages, "for tests", retention_ms=retention_ms)


TOPICS = (
    topic("toy.adds", Kind.EVENT, Add, Elsewhere),
    topic("toy.commands", Kind.COMMAND, AddPlease),
    topic("toy.added", Kind.EVENT, Added, Refusal),
    topic("toy.totals", Kind.STATE, Total, retention_ms=None),
    topic("toy.dead-letter", Kind.EVENT),
)
CATALOGUE = {each.name: each for each in TOPICS}
