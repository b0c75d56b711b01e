"""Wiring only."""

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run

from platen_orders.handlers import COMMANDS, FACTS
from platen_orders.settings import Settings
from platen_orders.store import OrdersStore

FACT_TOPICS = (
    "sync.orders",
    "sync.results",
    "render.results",
    "dispatch.results",
    "tracking.updates",
    "catalog.artworks",
)


def build(settings: Settings) -> Service:
    """Two lanes, so that a click never waits behind an import."""
    return Service(
        "orders",
        settings,
        store=OrdersStore(),
        lanes=[Lane("commands", ("orders.commands",), COMMANDS), Lane("facts", FACT_TOPICS, FACTS)],
    )


def main() -> None:
    run(build, Settings)
