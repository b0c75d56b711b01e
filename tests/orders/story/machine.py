"""A story of some orders, told by hypothesis: whatever happens in whatever order, the books must balance after every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from platen_contracts import orders
from platen_contracts.envelope import Meta
from platen_contracts.ids import derived_id
from platen_contracts.message import Message
from platen_contracts.orders import OrderCommand
from platen_contracts.topics import CATALOGUE
from platen_messaging.outcome import Applied, Ignored, Outcome
from platen_messaging.records import Incoming
from platen_orders.model import Entry, Order

from tests.orders import world as w

from .books import Books, Look
from .words import Dice, command, fact, next_good_thing, shop_order

SEED = st.integers(0, 2**32 - 1)
GONE = "catalog.shops"


class Place(NamedTuple):
    """Where a record of another service lies. Local to the story."""

    topic: str
    offset: int
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = b""
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes | None]] = ()


class Stage(Protocol):
    """Where the story happens."""

    now: datetime

    def begin(self) -> None: ...
    def restart(self) -> None: ...
    def apply(self, lane: str, batch: Sequence[Incoming]) -> list[Outcome[Entry]]: ...
    def tear(self, lane: str, batch: Sequence[Incoming]) -> bool: ...
    def tick(self) -> None: ...
    def everything(self) -> Any: ...
    def look(self) -> Look: ...


@dataclass
class Seen:
    """What the stories had in them, so that none is missing unnoticed."""

    told: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    edges: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])


TOPICS = {message: topic.name for topic in CATALOGUE.values() for message in topic.messages}


class Story(RuleBasedStateMachine):
    """Needs a `stage`, and tells what it `seen`."""

    def __init__(self, stage: Stage, seen: Seen) -> None:
        super().__init__()
        self.stage, self.seen, self.books = stage, seen, Books()
        self.stage.begin()
        self.orders: list[Order] = []
        self.handled: list[tuple[str, Incoming]] = []
        self.late: list[Incoming] = []
        self._count = self._seed = 0

    def teardown(self) -> None:
        self.seen.edges |= self.books.crossed

    @initialize(seed=SEED, far=st.integers(0, 10), shop=st.booleans())
    def begins(self, seed: int, far: int, shop: bool) -> None:
        self._seed = seed
        dice = self._dice(0)
        first = [w.MUG] if dice.of(4) else []
        second = [w.a_shop(auto_render=dice.of(2) == 0)] if shop else []
        lines = [w.a_line("1"), w.a_line("2", quantity=3), w.by_hand(w.a_line("3", vendor_id="by-hand"))]
        some = {"cancelled": False, "lines": lines if dice.of(3) == 0 else lines[:2]}
        known = shop_order(None, self.stage.now, dice).model_copy(update=some)
        newer = [w.MUG.model_copy(update={"version": 2})] if dice.of(2) else []
        self._tell([*first, *second, known, *newer])
        for _ in range(far):
            self.goes_on(self._dice(1))

    @rule(seed=SEED)
    def happens(self, seed: int) -> None:
        """One rule, and chance to say what: hypothesis would leave some rules out of most stories."""
        dice = self._dice(seed)
        often, now_and_then = (self.asks, self.tells, self.goes_on), (self.rehearses, self.is_torn, self.hears_again)
        seldom = (self.arrives, self.restarts, self.time_passes, self.the_shop_leaves_the_catalog)
        step = dice.one([*often * 4, *now_and_then * 2, *seldom])
        note(step.__name__)
        step(dice)

    def asks(self, dice: Dice) -> None:
        self._ask([command(self.orders, dice) for _ in range(1 + dice.of(4))])

    def tells(self, dice: Dice) -> None:
        """At once, or at some later time, after what was said later."""
        facts = [fact(self.orders, self.stage.now, dice) for _ in range(1 + dice.of(5))]
        if dice.of(4) == 0:
            self.late += [self._incoming(it) for it in facts]
        else:
            self._tell(facts)

    def arrives(self, dice: Dice) -> None:
        """Some of what was said earlier, in any order."""
        dice, batch = dice, list[Incoming]()
        while self.late and len(batch) < 3:
            batch.append(self.late.pop(dice.of(len(self.late))))
        self._deliver("facts", batch)

    def goes_on(self, dice: Dice) -> None:
        """An order comes a step nearer to its end."""
        for message in next_good_thing(dice.one(self.orders), self.stage.now, dice):
            if isinstance(message, OrderCommand):
                self._ask([message])
            else:
                self._tell([message])

    def rehearses(self, dice: Dice) -> None:
        """A dry run says what then happens."""
        wanted = command(self.orders, dice)
        before = self.stage.everything()
        (dry,) = self._ask([wanted.model_copy(update={"dry_run": True})])
        assert tuple(self.stage.everything())[:5] == tuple(before)[:5], "a dry run changes nothing"
        (real,) = self._ask([wanted.model_copy(update={"dry_run": False})])
        replies = [self.books.reply_to(it.meta.id) for it in (dry, real)]
        said, came = ({name: it.get(name) for name in ("kind", "status", "code")} for it in replies)
        assert said == came

    def hears_again(self, dice: Dice) -> None:
        """What was handled is delivered again, in any order and with anything new: it counts once."""
        lane = dice.one(["facts", "commands"])
        known = [it for where, it in self.handled if where == lane]
        if known:
            before = self.stage.everything()
            again = [dice.one(known) for _ in range(1 + dice.of(4))]
            outcomes = self.stage.apply(lane, again)
            assert all(isinstance(it, Ignored) for it in outcomes)
            assert self.stage.everything() == before

    def is_torn(self, dice: Dice) -> None:
        """A transaction is lost when all was written: nothing has happened, and what was in it comes again."""
        lane = dice.one(["commands", "facts"])
        told = [command(self.orders, dice) if lane == "commands" else fact(self.orders, self.stage.now, dice) for _ in range(3)]
        batch = [self._incoming(it) for it in told]
        before = self.stage.everything()
        if self.stage.tear(lane, batch):
            assert self.stage.everything() == before, "I8: what was rolled back left something"
            self._deliver(lane, batch)
        else:
            self._close([])

    def restarts(self, _: Dice) -> None:
        self.stage.restart()

    def time_passes(self, dice: Dice) -> None:
        self.stage.now += timedelta(seconds=dice.one([70, 610, 4000]))
        due = [order.timer for order in self.orders if order.timer is not None]
        self.stage.tick()
        self.seen.told["TimerDue", "Applied"] += len(due)
        self._close(None)

    def the_shop_leaves_the_catalog(self, _: Dice) -> None:
        self._count += 1
        meta = Meta(derived_id("gone", self._count), "", "test", "mugs", self.stage.now)
        self._deliver("facts", [Incoming(meta, None, "mugs", GONE)])

    def _dice(self, seed: int) -> Dice:
        """The same seed comes to something else in each step, for hypothesis likes to draw it again."""
        return Dice(f"{self._seed}/{self._count}/{seed}")

    def _ask(self, commands: Sequence[OrderCommand]) -> list[Incoming]:
        return self._deliver("commands", [self._incoming(it) for it in commands])

    def _tell(self, facts: Sequence[Message]) -> list[Incoming]:
        return self._deliver("facts", [self._incoming(it) for it in facts])

    def _incoming(self, message: Message) -> Incoming:
        self._count += 1
        key = getattr(message, "order_id", "mugs")
        meta = Meta(derived_id("story", self._count), type(message).TYPE, "test", key, self.stage.now)
        topic = TOPICS[type(message)]
        return Incoming(meta, message, key, topic, Place(topic, self._count))

    def _deliver(self, lane: str, batch: list[Incoming]) -> list[Incoming]:
        if batch:
            self.stage.now += timedelta(seconds=1)
            outcomes = self.stage.apply(lane, batch)
            for it, outcome in zip(batch, outcomes, strict=True):
                name = "the shop is gone" if it.message is None else type(it.message).TYPE.split(".", 1)[1]
                self.seen.told[name, type(outcome).__name__] += 1
                note(f"  {type(outcome).__name__}: {it.message!r}")
            self.handled += [(lane, it) for it, outcome in zip(batch, outcomes, strict=True) if _is_kept(outcome)]
            changed = [it.meta.id for it, outcome in zip(batch, outcomes, strict=True) if isinstance(outcome, Applied)]
            self._close([it for it in changed if it not in self._dry(batch)])
        return batch

    def _close(self, causes: Sequence[str] | None) -> None:
        look = self.stage.look()
        self.books.read(look, causes=causes)
        self.orders = [row.order for row in look.rows]

    def _dry(self, batch: Sequence[Incoming]) -> set[str]:
        return {it.meta.id for it in batch if isinstance(it.message, orders.OrderCommand) and it.message.dry_run}


def _is_kept(outcome: Outcome[Any]) -> bool:
    """The inbox knows it: all but what became a dead letter."""
    return type(outcome).__name__ != "Unusable"
