"""Wiring only."""

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.waiting import Task

from platen_orders.handlers import COMMANDS, FACTS, TIMERS
from platen_orders.poll import Poll
from platen_orders.settings import Settings
from platen_orders.store import OrdersStore

FACT_TOPICS = (
    "sync.orders",
    "sync.results",
    "render.results",
    "dispatch.results",
    "tracking.updates",
    "catalog.artworks",
    "catalog.shops",
)


def build(settings: Settings) -> Service:
    """Two lanes, so that a click never waits behind an import, and what is due by the clock."""
    store = OrdersStore()
    lanes = [Lane("commands", ("orders.commands",), COMMANDS), Lane("facts", FACT_TOPICS, FACTS)]
    service = Service("orders", settings, store=store, lanes=lanes)
    service.tasks.append(Task("poll", Poll(service.engine, service.desk(TIMERS), store).run))
    return service


def main() -> None:
    run(build, Settings)
