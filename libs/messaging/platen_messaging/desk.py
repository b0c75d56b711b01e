"""The desk: where messages are decided and everything that follows is saved in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from platen_contracts.envelope import Meta
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE, FOREVER, Kind, Topic
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from . import inbox, outbox
from .handlers import Handlers, Tombstone
from .outcome import Applied, Context, Ignored, Key, Outcome, Outgoing, Unusable
from .records import DeadLetter, Incoming, Reader, local_fact

S = TypeVar("S")

SEEN = Ignored("seen before")


class Store(Protocol[S]):
    """How a service keeps its states. Both run inside the desk's transaction and use set-based SQL."""

    async def load(self, tx: AsyncConnection, keys: Sequence[Key]) -> dict[Key, S]:
        """The states under `keys` (sorted, each once), their rows locked in that order.

        Rows that must exist to be locked are inserted first. A key that holds nothing may be left out.
        """
        ...

    async def save(self, tx: AsyncConnection, changed: Mapping[Key, S], messages: Sequence[Outgoing]) -> None:
        """Writes back every changed state. `messages` are all that the batch sends, for stores that keep some (history)."""
        ...


class Unhonoured(ValueError):
    """A local fact that its own service's decision called Unusable."""


def utcnow() -> datetime:
    return datetime.now(UTC)


def _nobody() -> None: ...


async def _nothing() -> None: ...


async def _meanwhile(saving: Awaitable[None], make: Callable[[], list[outbox.Row]]) -> list[outbox.Row]:
    """What `make` returns, made while the database is busy with `saving`. Returns, or raises what either raised, after both."""
    task = asyncio.ensure_future(saving)
    try:
        await asyncio.sleep(0)  # its first statement goes out
        return make()
    finally:
        await task


class Desk(Generic[S]):
    """Applies messages, each id once.

    Args:
        source: the service's name, the `ce_source` of what it sends.
        clock: gives aware UTC times.
        on_commit: called after each commit that left something in the outbox (wakes the relay).
    """

    def __init__(
        self,
        engine: AsyncEngine,
        store: Store[S],
        handlers: Handlers[S],
        source: str,
        clock: Callable[[], datetime] = utcnow,
        *,
        on_commit: Callable[[], None] = _nobody,
        catalogue: Mapping[str, Topic] = CATALOGUE,
    ) -> None:
        self._engine = engine
        self._store = store
        self._handlers = handlers
        self._source = source
        self._clock = clock
        self._on_commit = on_commit
        self._catalogue = catalogue

    async def apply(
        self, incoming: Sequence[Incoming], reader: Reader | None = None, dead: Sequence[DeadLetter] = ()
    ) -> list[Outcome[S]]:
        """Decides `incoming` in order, in one transaction; returns the outcome of each.

        With a `reader`, `dead` and whatever is decided Unusable become dead letters in that transaction. Whatever is raised,
        nothing was saved. Raises `Unhonoured` for an Unusable local fact, `outbox.TooLarge` for a message over its topic's size.
        """
        now = self._clock()
        async with self._engine.begin() as tx:
            batch = _Batch(self._handlers, self._catalogue, now, incoming)
            fresh = await inbox.remember(tx, (each.meta.id for each in incoming), now)
            keys = batch.start(fresh)
            batch.decide(await self._store.load(tx, keys) if keys else {})
            messages = batch.close()
            saving = self._store.save(tx, batch.changed, messages) if batch.changed or messages else _nothing()
            rows = await _meanwhile(saving, lambda: [*batch.rows(), *self._letters(batch, reader, dead, now)])
            await inbox.forget(tx, batch.unusable_ids())
            await outbox.insert(tx, rows)
        if rows:
            self._on_commit()
        return batch.outcomes

    def fact(self, message: Message, fact_id: str, key: str, cause: Meta | None = None) -> Incoming:
        """`local_fact` with this desk's clock and source."""
        return local_fact(message, fact_id, key, now=self._clock(), source=self._source, cause=cause)

    def _letters(
        self, batch: _Batch[S], reader: Reader | None, dead: Sequence[DeadLetter], now: datetime
    ) -> Sequence[outbox.Row]:
        letters = [*dead, *batch.letters()]
        if not letters:
            return ()
        if reader is None:
            raise ValueError("dead letters need a reader")
        return [reader.row(letter, now) for letter in letters]


class _Batch(Generic[S]):
    """One pass over a batch, without any effect: which are new, what each comes to, what is sent."""

    def __init__(
        self, handlers: Handlers[S], catalogue: Mapping[str, Topic], now: datetime, incoming: Sequence[Incoming]
    ) -> None:
        self._handlers = handlers
        self._catalogue = catalogue
        self._now = now
        self._incoming = incoming
        self._oldest = now - inbox.MEMORY
        self._todo: list[tuple[int, Message | Tombstone]] = []
        self._sent: list[tuple[Outgoing, Meta]] = []
        self._cause_of: dict[str, Meta] = {}
        self.changed: dict[Key, S] = {}
        self.outcomes: list[Outcome[S]] = [SEEN] * len(incoming)

    def start(self, fresh: set[str]) -> list[Key]:
        """Settles what needs no state; returns the keys that the rest needs, sorted."""
        keys: set[Key] = set()
        for place, each in enumerate(self._incoming):
            if each.meta.id not in fresh:
                continue
            fresh.discard(each.meta.id)
            message = Tombstone(each.topic, each.key) if each.message is None else each.message
            if isinstance(message, Tombstone) and self._handlers.tombstone is None:
                self.outcomes[place] = Ignored("a tombstone, of no use here")
            elif each.meta.time < self._oldest and (old := self._too_old(each)) is not None:
                self._settle(place, old)
            else:
                self._todo.append((place, message))
                keys.update(self._handlers.touches(message))
        return sorted(keys)

    def decide(self, states: dict[Key, S]) -> None:
        """Decides the rest in order; each sees what those before it made of the states."""
        for place, message in self._todo:
            each = self._incoming[place]
            outcome = self._handlers.decide(states, message, Context(self._now, each.meta, each.doubted))
            if isinstance(outcome, Applied):
                states.update(outcome.states)
                self.changed.update(outcome.states)
                for key in outcome.states:
                    self._cause_of[key] = self._incoming[place].meta
            self._settle(place, outcome)

    def close(self) -> list[Outgoing]:
        """Adds the messages that are sent once per batch; returns all messages."""
        if self._handlers.closing is not None and self.changed:
            last = self._incoming[-1].meta
            for outgoing in self._handlers.closing(self.changed, self._now):
                self._sent.append((outgoing, self._cause_of.get(outgoing.key, last)))
        return [outgoing for outgoing, _ in self._sent]

    def rows(self) -> list[outbox.Row]:
        """The outbox rows of all messages."""
        packed: dict[int, str] = {}
        rows: list[outbox.Row] = []
        for outgoing, cause in self._sent:
            extensions = packed.get(id(cause))
            if extensions is None:
                extensions = packed[id(cause)] = outbox.extensions_of(cause)
            rows.append(outbox.row_of(outgoing, extensions, self._now, self._catalogue))
        return rows

    def letters(self) -> list[DeadLetter]:
        """The Unusable ones. Raises `Unhonoured` for one that did not come from a topic."""
        letters: list[DeadLetter] = []
        for each, outcome in self._unusable():
            if each.record is None:
                raise Unhonoured(f"{each.meta.type} {each.meta.id}: {outcome.reason}")
            letters.append(DeadLetter(each.record, each.topic, outcome.reason))
        return letters

    def unusable_ids(self) -> list[str]:
        return [each.meta.id for each, _ in self._unusable()]

    def _unusable(self) -> list[tuple[Incoming, Unusable]]:
        pairs = zip(self._incoming, self.outcomes, strict=True)
        return [(each, outcome) for each, outcome in pairs if isinstance(outcome, Unusable)]

    def _settle(self, place: int, outcome: Outcome[S]) -> None:
        self.outcomes[place] = outcome
        if isinstance(outcome, Unusable):
            return
        cause = self._incoming[place].meta
        for outgoing in outcome.messages:
            self._sent.append((outgoing, cause))
            self._cause_of[outgoing.key] = cause

    def _too_old(self, each: Incoming) -> Outcome[S] | None:
        """None: age does not matter to a local fact, a tombstone, or on a topic that is kept."""
        topic = self._catalogue.get(each.topic)
        if each.message is None or not each.topic or (topic is not None and _is_kept(topic)):
            return None
        if topic is not None and topic.kind is Kind.COMMAND:
            return self._handlers.too_old(each.message, Context(self._now, each.meta))
        return Unusable(f"older than {inbox.MEMORY.days} days: whether it was handled before can no longer be told")


def _is_kept(topic: Topic) -> bool:
    return topic.compacted or topic.retention_ms == FOREVER
