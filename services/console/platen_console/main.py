"""Wiring only."""

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run

from platen_console.handlers import HANDLERS
from platen_console.settings import Settings
from platen_console.store.keeping import ConsoleStore
from platen_console.store.reading import Reading
from platen_console.web import Console

NOW_TOPICS = ("orders.status", "orders.private", "orders.replies", "sync.progress")
CATALOG_TOPICS = ("catalog.artworks", "catalog.shops", "catalog.vendors")


def build(settings: Settings) -> Service:
    """Three lanes, so that the answer to a click waits neither for the catalogue nor for years of history."""
    service = Service(
        "console",
        settings,
        store=ConsoleStore(),
        lanes=[
            Lane("now", NOW_TOPICS, HANDLERS),
            Lane("catalog", CATALOG_TOPICS, HANDLERS),
            Lane("history", ("orders.history",), HANDLERS),
        ],
    )
    service.routes += Console(service.desk(HANDLERS), Reading(service.engine), settings.tokens).routes
    return service


def main() -> None:
    run(build, Settings)
