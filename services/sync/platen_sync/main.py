"""Wiring only."""

from platen_messaging.lane import Lane
from platen_messaging.service import Service, run
from platen_messaging.waiting import Task
from platen_outside.redact import redact_library_logs

from platen_sync.gateway.shops import Shops
from platen_sync.handlers import HANDLERS
from platen_sync.poll import Poll
from platen_sync.settings import Settings
from platen_sync.store import SyncStore
from platen_sync.store.due import Due
from platen_sync.web import Webhooks
from platen_sync.worker import Worker

CATALOG_TOPICS = ("catalog.shops", "catalog.listings", "catalog.vendors")
ORDER_TOPICS = ("orders.status", "orders.private")


def build(settings: Settings) -> Service:
    """Three lanes, so that a click waits for neither a catalog nor a flood of orders."""
    redact_library_logs()
    service = Service(
        "sync",
        settings,
        store=SyncStore(),
        lanes=[
            Lane("commands", ("sync.commands",), HANDLERS),
            Lane("catalog", CATALOG_TOPICS, HANDLERS),
            Lane("orders", ORDER_TOPICS, HANDLERS),
        ],
    )
    desk, due = service.desk(HANDLERS), Due(service.engine)
    shops = Shops(settings.shop_secrets, settings.shop_calls_per_minute)
    service.tasks += [
        Task("poll", Poll(desk, due, shops, settings.shop_page).run),
        Task("worker", Worker(desk, due, shops).run),
    ]
    service.routes += Webhooks(desk, settings.shop_secrets).routes
    return service


def main() -> None:
    run(build, Settings)
